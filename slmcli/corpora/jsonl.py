"""Read JSON Lines: one object a line."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, parse_object, read_lines


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the objects of a JSON Lines file; empty lines are passed over."""
    for number, line in enumerate(read_lines(path, settings.encoding), 1):
        if line.strip():
            yield Record(str(path), number, parse_object(line, f"{path}:{number}"))
