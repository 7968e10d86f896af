"""What every reader shares: the record it yields, JSON objects, and names of columns."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: a table's cell

from slmcli.errors import DataError
from slmcli.text_files import STANDARD_INPUT


@dataclass(frozen=True)
class Record:
    """One row of a corpus file.

    Attributes:
        source: The file.
        row: Line number in a text file, row number in a table, from 1.
        values: Column name to cell.
    """

    source: str
    row: int
    values: dict[str, Any]


def source_name(path: Path) -> str:
    """Return how messages and reports call a corpus file; what is no UTF-8 in its name is shown as `?`."""
    return "standard input" if path == STANDARD_INPUT else str(path).encode("utf-8", "replace").decode("utf-8")


def parse_object(line: str, where: str) -> dict[str, Any]:
    """Return the JSON object of a line; `where` names it in errors."""
    try:
        values = json.loads(line.strip())
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not valid JSON ({error.msg} at column {error.colno}). Each line must be one complete object.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not valid JSON ({error}). Each line must be one complete object.") from error
    if not isinstance(values, dict):
        raise DataError(f'{where}: {line.strip()[:60]!r} is not a JSON object. Each line must look like {{"text": "…", "label": "…"}}.')
    return values


def check_names(path: Path, names: Sequence[str]) -> None:
    """Refuse a table in which one column name stands twice."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(
            f"{source_name(path)}: column name {repeated[0]!r} stands more than once in the first line. "
            "Rename it, or pass --no-header if there are no names."
        )
