"""Read JSON documents: an array of objects, by itself or as a value in an object."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, source_name
from slmcli.errors import DataError
from slmcli.json_stream import read_elements
from slmcli.text_files import open_text


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the objects of the document's array, numbered from 1; one of them is in memory at a time."""
    name = source_name(path)
    with open_text(path, settings.encoding) as file:
        for number, element in enumerate(read_elements(file, name), 1):
            if not isinstance(element, dict):
                raise DataError(f'{name}: element {number} is {str(element)[:60]!r}, not an object such as {{"text": "…", "label": "…"}}.')
            yield Record(name, number, element)
