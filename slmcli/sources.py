"""From names on a command line to records: patterns, folders, standard input, and the reader for each file."""

import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora import READERS
from slmcli.corpora.base import Record, parse_object, source_name
from slmcli.corpora.folder import text_files
from slmcli.detection import find_format, format_by_name, is_pair
from slmcli.errors import ConfigError, DataError
from slmcli.registry import hint
from slmcli.text_files import STANDARD_INPUT, read_lines

# names of files that hold what a model must not be trained on
_HELD_OUT = re.compile(r"(?:^|[^a-z])(?:test|dev|valid|validation|eval)(?:[^a-z]|$)", re.IGNORECASE)


def expand(files: Sequence[str]) -> list[Path]:
    """Return the corpus files that names and patterns stand for, in order.

    Args:
        files: Paths, patterns such as `part-*.csv`, folders, two files with a comma between them, or `-`.

    Raises:
        DataError: Nothing has such a name.
        ConfigError: One file stands twice.
    """
    paths = [path for file in files for path in _expand(file)]
    repeated = next((path for number, path in enumerate(paths) if path in paths[:number]), None)
    if repeated is not None:
        raise ConfigError(f"{repeated} is named more than once. Name each corpus file once.")
    return paths


def _expand(file: str) -> list[Path]:
    path = Path(file)
    if path == STANDARD_INPUT or _exists(path):
        return _expand_folder(path) if path.is_dir() else [path]
    if any(sign in file for sign in "*?["):
        found = sorted(Path(name) for name in glob.glob(file, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if found:
            return found
        raise DataError(f"{file}: no file has such a name. Give a pattern that matches corpus files.")
    if _exists(Path(file.split(",", 1)[0])) and is_pair(path):
        return [path]
    near = hint(path.name, [entry.name for entry in path.parent.iterdir()]) if path.parent.is_dir() else ""
    raise DataError(f"{path} does not exist.{near or ' Give the path of a corpus file or folder.'}")


def _expand_folder(path: Path) -> list[Path]:
    """Return the folder when it is a corpus of text files, else the corpus files in it."""
    folders = [path, *(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))]
    found = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith(".") and format_by_name(file) not in ("", "txt"))
    if not found or any(text_files(folder) for folder in folders):
        return [path]
    held_out = [file.name for file in found if _HELD_OUT.search(file.name)]
    if held_out and len(held_out) < len(found):
        raise DataError(f"{path} holds {held_out[0]} beside files to train on. Name the files: those to train on, then --validation and --test.")
    return found


def read_records(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the records of a corpus file.

    Raises:
        ConfigError: `settings.format` is no format, or none for a folder.
        DataError: The file cannot be read.
    """
    if settings.format is None:
        return _standard_input(settings) if path == STANDARD_INPUT else READERS.load(find_format(path, settings.encoding))(path, settings)
    read = READERS.load(settings.format)
    if path.is_dir() != (settings.format == "folder"):
        what = "is a folder" if path.is_dir() else "is no folder"
        raise ConfigError(f"--format {settings.format}: {source_name(path)} {what}. Give what the format reads, or leave --format out.")
    if path == STANDARD_INPUT and settings.format == "parquet":
        raise ConfigError("--format parquet: standard input cannot be read in any order, as Parquet needs. Write it to a file first.")
    return read(path, settings)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a text pasted where a file is meant can be too long for a name
        return False


def _standard_input(settings: CorpusSettings) -> Iterator[Record]:
    """Yield lines of standard input: JSON Lines when the first line is an object, plain texts otherwise."""
    is_json = False
    for number, line in enumerate(read_lines(STANDARD_INPUT, settings.encoding), 1):
        is_json = line.lstrip().startswith("{") if number == 1 else is_json
        if not is_json:
            yield Record(source_name(STANDARD_INPUT), number, {"text": line.rstrip("\r\n")})
        elif line.strip():
            name = source_name(STANDARD_INPUT)
            yield Record(name, number, parse_object(line, f"{name}:{number}"))
