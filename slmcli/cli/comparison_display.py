"""What a person reads of comparisons and leaderboards in a terminal."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any  # Any: results are JSON documents

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from slmcli.comparison_words import (
    answer_in_words,
    cost_in_words,
    difference_in_words,
    is_share,
    moved_in_words,
    number_in_words,
    origin_in_words,
    side_in_words,
    test_in_words,
)
from slmcli.inspection import excerpt
from slmcli.leaderboard_words import TEST, about_table, cell_in_words, columns_of, interval_in_words, is_off, state_of, summarise, table_title
from slmcli.metrics import LOWER_IS_BETTER
from slmcli.score_words import score_in_words

_LABELS_SHOWN = 12
_FLIPS_SHOWN = 3
# our choice: a narrower terminal gets what decides, a wider one all columns
_WIDE = 110
# our choice: a still narrower one gets differences without the scores that they are of
_NARROW = 76
# our choice: two names of labels, or a few of several
_ANSWERS = 300
# our choice: a pipe has no width; tables for it are as wide as on a usual terminal
_NO_WIDTH = 120
_LESS = ("preset", "parameters", "seconds", "date")


def show_comparison(result: Mapping[str, Any]) -> None:
    """Print both sides' scores, then for each comparison the verdict and where it comes from."""
    console = _console()
    examples = f"{result['examples']:,} example{'s' if result['examples'] != 1 else ''}"
    console.print(escape(f"{result['task']}: {examples}, {origin_in_words(result)}"))
    console.print(_sides(result, console.width))
    for note in result["notes"]:
        click.echo(f"Note: {note}")
    for comparison in result["comparisons"]:
        _show_contrast(console, comparison, result)


def _console() -> Console:
    return Console(file=sys.stdout, highlight=False, emoji=False, width=shutil.get_terminal_size((_NO_WIDTH, 24)).columns)


def _sides(result: Mapping[str, Any], width: int) -> Table:
    table = Table()
    table.add_column("")
    table.add_column("model", overflow="fold")
    wanted = [result["score"], result["other_score"], *(["log_loss"] if width >= _WIDE else [])]
    shown = [name for name in wanted if any(name in side["scores"] for side in result["sides"])]
    costs = (
        {"model_bytes": "size", "texts_per_second": "texts/s", "latency_ms_p50": "one text"} if any(side["cost"] for side in result["sides"]) else {}
    )
    for heading in (*map(score_in_words, shown), *costs.values()):
        table.add_column(heading, justify="right")
    for side in result["sides"]:
        scores = [_score_cell(side, name) for name in shown]
        what = f"{escape(side['name'])}\n[dim]{escape(side_in_words(side))}[/dim]"
        table.add_row(f"[bold]{side['letter']}[/bold]", what, *scores, *(cost_in_words(name, (side["cost"] or {}).get(name)) for name in costs))
    return table


def _score_cell(side: Mapping[str, Any], name: str) -> str:
    if name not in side["scores"]:
        return ""
    spread = f"\n± {difference_in_words(side['deviations'][name], name)}" if name in side["deviations"] else ""
    return number_in_words(side["scores"][name], name) + spread


def _show_contrast(console: Console, comparison: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    first, second = comparison["first"], comparison["second"]
    click.echo()
    console.print(f"[bold]{escape(comparison['verdict'])}[/bold]")
    if comparison["is_same"]:
        return
    console.print(escape(test_in_words(comparison, first, second)))
    console.print(_differences(comparison))
    labels = {label: {**row["f1"], "examples": row["examples"], "score": "f1"} for label, row in comparison["per_label"].items()}
    _show_parts(console, "label, F1", labels, first, second)
    score = result["score"]
    for by in dict.fromkeys(row["by"] for row in comparison["slices"]):
        slices = {row["slice"]: {**row, "score": score} for row in comparison["slices"] if row["by"] == by}
        _show_parts(console, f"{excerpt(by, 40)}, {score_in_words(score)}", slices, first, second)
    if comparison["slices"]:
        console.print(escape(moved_in_words(comparison, score)))
    _show_flips(console, comparison, result)


def _differences(comparison: Mapping[str, Any]) -> Table:
    table = Table()
    table.add_column("score")
    for heading in (f"{comparison['second']} − {comparison['first']}", "95 % interval"):
        table.add_column(heading, justify="right")
    for name, found in comparison["differences"].items():
        unit = ", points" if is_share(name) else ", lower is better" if name in LOWER_IS_BETTER else ""
        table.add_row(f"{score_in_words(name)}{unit}", *_difference_cells(found, name))
    return table


def _difference_cells(found: Mapping[str, Any], name: str) -> tuple[str, str]:
    low, high = (difference_in_words(end, name) for end in found["interval"])
    text = difference_in_words(found["difference"], name, sign=True)
    return (f"[bold]{text}[/bold]" if found["is_clear"] else text), f"{low} to {high}"


def _show_parts(console: Console, heading: str, rows: Mapping[str, Mapping[str, Any]], first: str, second: str) -> None:
    """Print the parts of the examples on which the sides differ clearly, of few parts all."""
    clear = {name: row for name, row in rows.items() if row["is_clear"]}
    shown = rows if len(rows) <= _LABELS_SHOWN else dict(list(clear.items())[:_LABELS_SHOWN])
    if not shown:
        if rows:
            click.echo(f"{heading}: none of {len(rows)} is clearly different.")
        return
    table = Table()
    table.add_column(escape(heading), overflow="fold")
    is_narrow = console.width < _NARROW
    for name in ("examples", *(() if is_narrow else (first, second)), "+/−" if is_narrow else "difference", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in shown.items():
        values = [] if is_narrow else [number_in_words(row[side], row["score"]) for side in ("first", "second")]
        table.add_row(escape(excerpt(name, 40)), f"{row['examples']:,}", *values, *_difference_cells(row, row["score"]))
    console.print(table)
    if len(rows) > len(shown):
        click.echo(f"{len(clear)} of {len(rows)} are clearly different; one in twenty would look so by chance.")


def _show_flips(console: Console, comparison: Mapping[str, Any], result: Mapping[str, Any]) -> None:
    first, second = comparison["first"], comparison["second"]
    is_number = not comparison["per_label"]
    headings = {
        "lost": f"further off in {second}" if is_number else f"right in {first}, wrong in {second}",
        "won": f"nearer in {second}" if is_number else f"wrong in {first}, right in {second}",
    }
    for name, heading in headings.items():
        found = comparison["flips"][name]
        shown = found["examples"][:_FLIPS_SHOWN]
        if shown:
            click.echo(f"{found['count']:,} {heading}" + (", such as" if len(shown) < found["count"] else ""))
        for flip in shown:
            click.echo(_flip_line(flip, first, second, console.width))


def _flip_line(flip: Mapping[str, Any], first: str, second: str, width: int) -> str:
    answers = f"{first} {answer_in_words(flip['first'])}, {second} {answer_in_words(flip['second'])}, right: {answer_in_words(flip['reference'])}"
    texts = " | ".join(flip[name] for name in ("text", "text_pair") if flip.get(name))
    return f"  {excerpt(answers, _ANSWERS)}\n    {excerpt(texts, max(24, width - 4))}"


def show_leaderboard(board: Mapping[str, Any]) -> None:
    """Print a table of runs for each dataset."""
    console = _console()
    for table in board["tables"]:
        console.print(escape(f"{table_title(table)}: {about_table(table)}"))
        if table["task"] is not None:
            console.print(_runs(table, board["sort"], console.width))
        for line in _states(table["runs"]):
            click.echo(line)
    click.echo(summarise(board))


def _runs(table: Mapping[str, Any], sort: str | None, width: int) -> Table:
    shown = Table()
    others = (table["other_score"], f"{TEST}{table['other_score']}")
    left_out = others if width >= _WIDE else (*others, *_LESS)
    columns = [column for column in columns_of(table, sort) if column.key not in left_out or column.is_sorted]
    for column in columns:
        mark = "" if not column.is_sorted else " ↑" if column.first == "ascending" else " ↓"
        shown.add_column(column.name + mark, justify="right" if column.is_number else "left", overflow="fold", no_wrap=column.key != "run")
    for row in table["runs"]:
        style = "dim" if is_off(row) else ""
        shown.add_row(*(_run_cell(row, column.key) for column in columns), style=style)
    return shown


def _run_cell(row: Mapping[str, Any], key: str) -> str:
    interval = interval_in_words(row, key)
    if key == "date":
        return str(row[key] or "").split(" ")[0]
    return escape(cell_in_words(row, key)) + (f"\n[dim]{interval}[/dim]" if interval else "")


def _states(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return [f"{excerpt(row['run'])} is {excerpt(state)}" for row in rows if (state := state_of(row))]
