"""Read JSON Lines: one object a line."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, parse_object, source_name
from slmcli.text_files import read_lines


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the objects of a JSON Lines file; empty lines are passed over."""
    name = source_name(path)
    for number, line in enumerate(read_lines(path, settings.encoding), 1):
        if line.strip():
            yield Record(name, number, parse_object(line, f"{name}:{number}"))
