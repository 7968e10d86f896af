"""Read Parquet tables."""

import io
from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, check_names
from slmcli.errors import DataError
from slmcli.text_files import find_compression, read_bytes

_BATCH_ROWS = 1024


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the rows of a Parquet file, a batch of rows in memory at a time."""
    import pyarrow
    import pyarrow.parquet

    try:
        content = io.BytesIO(read_bytes(path)) if find_compression(path) else path
        file = pyarrow.parquet.ParquetFile(content)
        check_names(path, file.schema_arrow.names)
        row = 0
        for batch in file.iter_batches(batch_size=_BATCH_ROWS):
            for values in batch.to_pylist():
                row += 1
                yield Record(str(path), row, values)
    except (pyarrow.ArrowException, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file ({error}). Write it again, or convert it to csv.") from error
