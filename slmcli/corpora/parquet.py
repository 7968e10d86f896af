"""Read Parquet tables."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any  # Any: a table's cells, Arrow's arrays

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, check_names, source_name
from slmcli.errors import DataError
from slmcli.text_files import find_compression, read_bytes

_BATCH_ROWS = 1024
# what Arrow raises for a value that Python has no form for: bytes that are no UTF-8, dates after the year 9999, unknown time zones
_UNREADABLE = (ValueError, OverflowError, KeyError, NotImplementedError)


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the rows of a Parquet file, a batch of rows in memory at a time.

    In the place of a cell that cannot be read stands the error that says so: it is raised where the cell is needed.
    """
    import pyarrow
    import pyarrow.parquet

    source = source_name(path)  # Arrow itself takes only names that are UTF-8, or bytes
    try:
        content = io.BytesIO(read_bytes(path)) if find_compression(path) else pyarrow.OSFile(os.fsencode(path))
        file = pyarrow.parquet.ParquetFile(content)
        names = file.schema_arrow.names
        check_names(path, names)
        row = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            columns = [_cells(column, source, name, row + 1) for name, column in zip(names, batch.columns, strict=True)]
            for cells in zip(*columns, strict=True):
                row += 1
                yield Record(source, row, dict(zip(names, cells, strict=True)))
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{source} is not a readable Parquet file ({error}). Write it again, or convert it to csv.") from error


def _cells(column: Any, source: str, name: str, first: int) -> list[Any]:
    """Return the cells of a column, of which the first stands in row `first`."""
    try:
        return list(column.to_pylist())
    except _UNREADABLE:
        return [_cell(value, f"{source}:{row}: {name}") for row, value in enumerate(column, first)]


def _cell(value: Any, where: str) -> Any:
    """Return a cell, or the error that says where it stands and why it cannot be read."""
    try:
        return value.as_py()
    except _UNREADABLE as error:
        reason = str(error).split(". ", 1)[0]  # what follows is advice to programmers
        return DataError(f"{where} is a {value.type} that cannot be read ({reason}). Correct the row, or convert the column to text.")
