"""Read a folder of text files: one sub-folder for each label, or documents without labels."""

from collections.abc import Iterator
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, source_name
from slmcli.errors import DataError
from slmcli.text_files import COMPRESSIONS, read_documents

SUFFIXES = (".txt", *(f".txt.{name}" for name in COMPRESSIONS))


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `text` and `label` of every .txt file, labels and files in the order of their names.

    Without sub-folders that hold any, the .txt files of the folder itself are read, without labels.
    """
    labels = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    files = [(label.name, file) for label in labels for file in text_files(label)] or [("", file) for file in text_files(path)]
    if not files:
        raise DataError(f"{path} has no sub-folders with .txt files. A folder corpus is FOLDER/LABEL/NAME.txt; for a table give the file itself.")
    for label, file in files:
        for number, text in read_documents(file, settings.encoding, unit=settings.document or "file"):
            yield Record(source_name(file), number, {"text": text, "label": label} if label else {"text": text})


def text_files(folder: Path) -> list[Path]:
    """Return the text files of a folder in the order of their names; hidden ones and what is no plain file are left out."""
    return sorted(file for file in folder.iterdir() if file.name.lower().endswith(SUFFIXES) and not file.name.startswith(".") and file.is_file())
