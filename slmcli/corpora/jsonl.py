"""Read JSON Lines: one object a line."""

import json
from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, read_lines
from slmcli.errors import DataError


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the objects of a JSON Lines file; empty lines are passed over."""
    for number, line in enumerate(read_lines(path, settings.encoding), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise DataError(f"{path}:{number}: not valid JSON ({error}). Each line must be one complete object.") from error
        if not isinstance(values, dict):
            raise DataError(f'{path}:{number}: {line.strip()[:60]!r} is not a JSON object. Each line must look like {{"text": "…", "label": "…"}}.')
        yield Record(str(path), number, values)
