"""Read plain text, one example a line."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, read_lines


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield every line as `text`, empty ones too, so that output lines keep the numbers of input lines."""
    for number, line in enumerate(read_lines(path, settings.encoding), 1):
        yield Record(str(path), number, {"text": line.rstrip("\r\n")})
