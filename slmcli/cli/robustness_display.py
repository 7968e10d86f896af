"""What a person reads of a robustness measurement in a terminal."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any  # Any: a measurement is a JSON document

from rich.console import Console
from rich.table import Table
from rich.text import Text

from slmcli.inspection import excerpt
from slmcli.metrics import CORRELATIONS

SCRIPTS = {"latin": "Latin script", "han": "Chinese", "other": "other scripts"}


def show_robustness(document: Mapping[str, Any]) -> None:
    """Print what each perturbation costs, whether answers follow, what is worst with examples, and what was left out."""
    console = Console(file=sys.stdout, highlight=False, emoji=False)
    rows = document["perturbations"].values()
    compared, followed = ([row for row in rows if ("moved_right" in row) == is_followed] for is_followed in (False, True))
    if compared:
        console.print(_compared(compared, document))
    if followed:
        console.print(_followed(followed))
    console.print(Text(document["sentence"]))
    worst = document["worst"]
    for example in document["perturbations"][worst]["examples"] if worst else ():
        console.print(_example(example), soft_wrap=True)
    for name, reason in document["left_out"].items():
        console.print(Text(f"Left out: {name}: {reason}."))


def _compared(rows: Sequence[Mapping[str, Any]], document: Mapping[str, Any]) -> Table:
    """Return a table of drops, clear ones in bold; with a column for each script where there are several, and one for numbers."""
    score, examples, of = document["score"], document["examples"], document["of"]
    scripts = [name for name in SCRIPTS if any(name in row["scripts"] for row in rows)]
    has_numbers = any("mean_absolute_change" in row for row in rows)
    drawn = f"{examples:,} of {of:,} examples" if examples < of else f"{examples:,} examples"
    table = Table(title=f"Robustness: {score.replace('_', ' ')}, {drawn}", title_justify="left")
    table.add_column("change")
    numbers = ["texts", "before", "after", "drop", "95 % interval", *(f"drop, {SCRIPTS[name]}" for name in scripts), "answers changed"]
    for name in [*numbers, *(["mean change"] if has_numbers else [])]:
        table.add_column(name, justify="right")
    for row in rows:
        parts = [_drop(row["scripts"][name]["drop"], score) if name in row["scripts"] else "" for name in scripts]
        low, high = (_drop(bound, score) for bound in row["interval"])
        drop = f"[bold]{_drop(row['drop'], score)}[/bold]" if row["is_clear"] else _drop(row["drop"], score)
        flips = "" if row["flip_rate"] is None else f"{row['flip_rate']:.1%}"
        cells = [f"{row['texts']:,}", f"{row['before']:.4f}", f"{row['after']:.4f}", drop, f"{low} to {high}", *parts, flips]
        table.add_row(_name(row), *cells, *([f"{row['mean_absolute_change']:.4f}"] if has_numbers else []))
    return table


def _followed(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(title="Direction: whether the answer follows", title_justify="left")
    table.add_column("change")
    for name in ("texts", "moved right", "95 % interval", "moved wrong", "answers changed"):
        table.add_column(name, justify="right")
    for row in rows:
        low, high = row["interval"]
        interval = f"{low:.1%} to {high:.1%}"
        table.add_row(_name(row), f"{row['texts']:,}", f"{row['moved_right']:.1%}", interval, f"{row['moved_wrong']:.1%}", f"{row['flip_rate']:.1%}")
    return table


def _name(row: Mapping[str, Any]) -> Text:
    title: str = row["title"]
    return Text(title[:1].upper() + title[1:])


def _drop(value: float, score: str) -> str:
    """Return a drop in the unit of the score: points of a share, or the correlation itself."""
    return f"{round(value, 3) + 0.0:+.3f}" if score in CORRELATIONS else f"{round(100 * value, 1) + 0.0:+.1f}"


def _example(example: Mapping[str, Any]) -> Text:
    sides = [
        f"{_answer(example[f'answer_{side}'])}: {' / '.join(excerpt(text, 200) for text in example[f'texts_{side}'])}" for side in ("before", "after")
    ]
    return Text(f"  {sides[0]}\n  → {sides[1]}")


def _answer(answer: Any) -> str:
    return excerpt(", ".join(answer) or "no label" if isinstance(answer, list) else str(answer), 200)
