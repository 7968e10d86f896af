"""A leaderboard as a page: one HTML file whose tables can be sorted, and that needs nothing else."""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: a leaderboard is a JSON document

from slmcli.leaderboard_words import (
    Column,
    about_table,
    cell_in_words,
    columns_of,
    interval_in_words,
    is_off,
    summarise,
    table_title,
    value_of,
)
from slmcli.report.rendering import render

_SCRIPT = Path(__file__).parent / "templates" / "leaderboard.js"


def render_leaderboard(board: Mapping[str, Any]) -> str:
    """Return the page of a leaderboard.

    Args:
        board: The leaderboard as a JSON document.
    """
    from markupsafe import Markup

    script = _SCRIPT.read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    # the script is ours, and the browser runs it only if it has this hash
    return render(
        "leaderboard.html",
        board=board,
        summary=summarise(board),
        tables=[_table(table, board["sort"]) for table in board["tables"]],
        script=Markup(script),  # noqa: S704
        script_hash=Markup(digest),  # noqa: S704
    )


def _table(table: Mapping[str, Any], sort: str | None) -> dict[str, Any]:
    columns = columns_of(table, sort)
    rows = [{"is_off": is_off(row), "status": row["status"], "cells": [_cell(row, column) for column in columns]} for row in table["runs"]]
    return {
        "title": table_title(table),
        "about": about_table(table),
        "columns": columns,
        "rows": [] if table["task"] is None else rows,
        "problems": [f"{row['run']}: {row['problem']}" for row in table["runs"] if row["problem"] is not None],
    }


def _cell(row: Mapping[str, Any], column: Column) -> dict[str, Any]:
    value = value_of(row, column.key)
    text, more = cell_in_words(row, column.key), interval_in_words(row, column.key)
    return {"value": "" if value is None else value, "text": text or "–", "more": more, "is_number": column.is_number}
