"""Read plain text: a document a line, a paragraph, or a file."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, source_name
from slmcli.text_files import read_documents


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `text` of every document, with the number of its first line."""
    for number, text in read_documents(path, settings.encoding, unit=settings.document or "line"):
        yield Record(source_name(path), number, {"text": text})
