"""What a person reads of a data report in a terminal."""

import os.path
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any  # Any: a report is a JSON document

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from slmcli.inspection import excerpt, split_row

_LABELS_SHOWN = 6
_CHARACTERS_OF_A_LABEL = 40
_STYLES = {"error": "bold red", "warning": "bold yellow", "note": "bold"}
# our choice: a pipe has no width; what reads it wants one line a finding
_NO_WIDTH = 100_000
_NARROWEST_EXCERPT = 24
# our choice: a guess that is right less often is no baseline to fear
_WORTH_SAYING = 0.1


def show_findings(report: Mapping[str, Any]) -> None:
    """Print a data report: what each split holds, then the findings with what to do."""
    width = shutil.get_terminal_size((_NO_WIDTH, 24)).columns
    console = Console(file=sys.stdout, highlight=False, width=width, emoji=False)
    _show_hanging(console, Text(report["summary"]), indent=0)
    console.print(_table(report["splits"]))
    for split, facts in report["splits"].items():
        expected = report["new_unknown_share"] if len(report["splits"]) == 1 else None
        _show_hanging(console, Text(f"{split}: {_describe(facts, expected)}"))
    if report["findings"]:
        console.print()
    folder = _common_folder(report["findings"])
    for finding in report["findings"]:
        head = Text(f"{finding['severity']}: ", _STYLES[finding["severity"]])
        _show_hanging(console, head + Text(f"{finding['message']} {finding['action']}"))
        for row in finding["rows"]:
            console.print(Text("    " + _fit(row, folder, width - 4)))


def _show_hanging(console: Console, text: Text, *, indent: int = 2) -> None:
    """Print a paragraph whose later lines are indented."""
    for number, line in enumerate(text.wrap(console, console.width - indent)):
        line.rstrip()
        console.print(Padding(line, (0, 0, 0, indent if number else 0), expand=False))


def _describe(facts: Mapping[str, Any], expected: float | None) -> str:
    """Return what a split holds beside its lengths, in a line; `expected` is the share of unknown tokens in new texts."""
    counts = facts["entities"] or facts["labels"]
    names = [f"{excerpt(label, _CHARACTERS_OF_A_LABEL)} {count:,}" for label, count in list(counts.items())[:_LABELS_SHOWN]]
    more = [f"{len(counts) - _LABELS_SHOWN:,} more"] if len(counts) > _LABELS_SHOWN else []
    parts = [", ".join(names + more)] if names else []
    if facts["majority"] and not facts["entities"] and facts["majority"]["share"] >= _WORTH_SAYING:
        parts.append(f"always '{excerpt(facts['majority']['label'], _CHARACTERS_OF_A_LABEL)}' is right for {facts['majority']['share']:.1%}")
    parts.append(facts["language"])
    parts.append(f"{facts['unknown_share']:.1%} unknown tokens" + (f", in new texts about {expected:.1%}" if expected else ""))
    if facts["dropped"]:
        parts.append(f"{facts['dropped']:,} dropped")
    return "; ".join(parts)


def _table(splits: Mapping[str, Mapping[str, Any]]) -> Table:
    table = Table(title="Corpus (median, 95 %, longest: tokens of a text)", title_justify="left")
    table.add_column("split")
    for name in ("examples", "median", "95 %", "longest", "cut"):
        table.add_column(name, justify="right")
    for split, facts in splits.items():
        length = facts["length"]
        numbers = (f"{facts['examples']:,}", f"{length['median']:,}", f"{length['p95']:,}", f"{length['max']:,}")
        table.add_row(split, *numbers, f"{facts['truncated_share']:.1%}")
    return table


def _common_folder(findings: Sequence[Mapping[str, Any]]) -> str:
    """Return the folder that holds all files whose rows are shown, with a slash behind it; "" when there is none."""
    places = {os.path.dirname(split_row(row)[0]) for finding in findings for row in finding["rows"]}  # noqa: PTH120  (not to be normalised)
    return f"{places.pop()}/" if len(places) == 1 and "" not in places else ""


def _fit(row: str, folder: str, width: int) -> str:
    """Return a row of a finding on one line of a terminal: without the folder, and with as much of the excerpt as there is room for."""
    if width > _NO_WIDTH // 2:
        return row
    place, text = split_row(row)
    place = place.removeprefix(folder)
    room = max(12, width - _NARROWEST_EXCERPT)
    place = place if len(place) <= room else "…" + place[len(place) - room + 1 :]
    line = f"{place}: {text}"
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"
