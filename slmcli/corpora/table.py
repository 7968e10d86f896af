"""Read comma- and tab-separated tables."""

import csv
import itertools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any  # Any: csv readers have no public type

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, check_names, source_name
from slmcli.errors import DataError
from slmcli.text_files import read_lines


def read_csv(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the rows of a comma-separated file, or one with semicolons; cells in double quotes may hold separators and line ends."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    lines = read_lines(path, settings.encoding, keep_line_ends=True)
    first = next(lines, "")
    # as spreadsheets write it where the comma is the decimal point; only a line of names tells it from a text
    delimiter = ";" if settings.header and ";" in first and "," not in first else ","
    reader = csv.reader(itertools.chain([first] if first else [], lines), strict=True, delimiter=delimiter)
    return _records(path, _numbered(path, reader), settings)


def read_tsv(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the rows of a tab-separated file; quotes count only around a whole cell."""
    lines = (line.rstrip("\r\n") for line in read_lines(path, settings.encoding))
    rows = ((number, [_unquote(cell) for cell in line.split("\t")] if line else []) for number, line in enumerate(lines, 1))
    return _records(path, rows, settings)


def _unquote(cell: str) -> str:
    if len(cell) >= 2 and cell[0] == cell[-1] == '"' and '"' not in cell[1:-1].replace('""', ""):
        return cell[1:-1].replace('""', '"')
    return cell


def _numbered(path: Path, reader: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line it starts on."""
    start = 1
    try:
        for cells in reader:
            yield start, cells
            start = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{source_name(path)}:{start}: the row that starts here is not valid csv ({error}). Check its double quotes.") from error


def _records(path: Path, rows: Iterable[tuple[int, list[str]]], settings: CorpusSettings) -> Iterator[Record]:
    names: list[str] | None = None
    for number, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        if names is None:
            names = [name.strip() for name in cells] if settings.header else [str(i) for i in range(1, len(cells) + 1)]
            check_names(path, names)
            if settings.header:
                continue
        if len(cells) != len(names):
            raise DataError(
                f"{source_name(path)}:{number}: {len(cells)} cells, but there are {len(names)} columns ({', '.join(names)}). "
                "Correct the row, or put texts with separators in double quotes."
            )
        yield Record(source_name(path), number, dict(zip(names, cells, strict=True)))
