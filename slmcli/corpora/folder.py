"""Read a folder with one sub-folder per label and one text file per example."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, read_lines
from slmcli.errors import DataError

_SUFFIXES = (".txt", ".txt.gz")


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `text` and `label` of every .txt file, labels and files in the order of their names."""
    labels = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files = [(label.name, file) for label in labels for file in sorted(label.iterdir()) if file.name.endswith(_SUFFIXES)]
    if not files:
        raise DataError(f"{path} has no sub-folders with .txt files. A folder corpus is FOLDER/LABEL/NAME.txt; for a table give the file itself.")
    for label, file in files:
        yield Record(str(file), 1, {"text": "".join(read_lines(file, settings.encoding)), "label": label})
