"""Where comparisons and leaderboards are written, and that they may be written there."""

import csv as tables
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: JSON documents

from slmcli.errors import OutputError
from slmcli.files import check_replaceable_file, write_json, write_text
from slmcli.leaderboard import to_columns
from slmcli.report.comparison_page import render_comparison
from slmcli.report.leaderboard_page import render_leaderboard

COMPARISON_FORMAT_VERSION = 1


def check_targets(inputs: Sequence[str], *, overwrite: bool, **targets: Path | None) -> None:
    """Refuse places where a file cannot or must not be written, before anything is computed.

    Args:
        inputs: Files and directories that are read.
        overwrite: Whether an existing file may be replaced.
        targets: Option to file; None: not wanted.

    Raises:
        OutputError: One of them is an input, stands there already, has no directory, or is named twice.
    """
    wanted = {f"--{option}": path for option, path in targets.items() if path is not None}
    places = [path.resolve() for path in wanted.values()]
    if len(set(places)) < len(places):
        raise OutputError(f"{' and '.join(wanted)} name the same file {places[0].name}. Choose two.")
    for option, path in wanted.items():
        check_replaceable_file(path, overwrite=overwrite, inputs=inputs, option=option)


def write_comparison(result: Mapping[str, Any], *, out: Path | None, html: Path | None) -> None:
    """Write a comparison as JSON and as a page; None: not wanted."""
    if out is not None:
        write_json(out, {"format_version": COMPARISON_FORMAT_VERSION, **result})
    if html is not None:
        write_text(html, render_comparison(result), option="--html")


def write_leaderboard(board: Mapping[str, Any], *, csv: Path | None, html: Path | None) -> None:
    """Write a leaderboard as a table of comma-separated values and as a page; None: not wanted."""
    if csv is not None:
        text = io.StringIO()
        writer = tables.writer(text, lineterminator="\n")
        columns, rows = to_columns(board)
        writer.writerow(columns)
        writer.writerows(rows)
        write_text(csv, text.getvalue(), option="--csv")
    if html is not None:
        write_text(html, render_leaderboard(board), option="--html")
