"""From names on a command line to records: patterns, folders, standard input, and the reader for each file."""

import glob
import itertools
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora import READERS
from slmcli.corpora.base import Record, parse_object, source_name
from slmcli.corpora.folder import text_files
from slmcli.detection import find_format, format_by_name
from slmcli.errors import ConfigError, DataError
from slmcli.registry import hint
from slmcli.text_files import STANDARD_INPUT, read_lines, split_pair

logger = logging.getLogger(__name__)

# names of what a model must not be trained on
_HELD_OUT = re.compile(r"(?:^|[^a-z])(?:test|dev|valid|validation|eval)(?:[^a-z]|$)", re.IGNORECASE)
_SPLITS = frozenset({"train", "test", "dev", "valid", "validation", "eval"})


def expand(files: Sequence[str]) -> list[Path]:
    """Return the corpus files that names and patterns stand for, in order.

    Args:
        files: Paths, patterns such as `part-*.csv`, folders, two files with a comma between them, or `-`.

    Raises:
        DataError: Nothing has such a name, or it is no file that can be read twice.
        ConfigError: One file stands twice.
    """
    found: dict[Path, None] = {}
    for path in (path for file in files for path in _expand(file)):
        if path in found:
            raise ConfigError(f"{path} is named more than once. Name each corpus file once.")
        found[path] = None
    return list(found)


def _expand(file: str) -> list[Path]:
    path = Path(file)
    if path == STANDARD_INPUT:
        return [path]
    if _exists(path):
        return _look_at(path)
    if any(sign in file for sign in "*?["):
        found = sorted(Path(name) for name in glob.glob(file, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if found:
            return [each for match in found for each in _look_at(match)]
        raise DataError(f"{file}: no file has such a name. Give a pattern that matches corpus files.")
    if split_pair(path):
        return [path]
    near = hint(path.name, [entry.name for entry in path.parent.iterdir()]) if path.parent.is_dir() else ""
    raise DataError(f"{path} does not exist.{near or ' Give the path of a corpus file or folder.'}")


def _look_at(path: Path) -> list[Path]:
    """Return the corpus files that an existing path stands for."""
    if path.is_dir():
        return _expand_folder(path)
    if not path.is_file():
        raise DataError(f"{path} is a pipe or a device, which can be read only once. Write it to a file, or pass - and, if need be, --format.")
    return [path]


def _expand_folder(path: Path) -> list[Path]:
    """Return the folder when it is a corpus of text files, else the corpus files in it."""
    entries = sorted(entry for entry in path.iterdir() if not entry.name.startswith("."))
    labels = [entry for entry in entries if entry.is_dir() and text_files(entry)]
    tables = [entry for entry in entries if entry.is_file() and format_by_name(entry) not in ("", "txt")]
    texts = text_files(path)
    if labels:
        splits = [label.name for label in labels if label.name.lower() in _SPLITS]
        _refuse_held_out(path, splits if len(labels) > 1 else [])
    elif tables and texts:
        raise DataError(f"{path} holds tables such as {tables[0].name} and texts such as {texts[0].name}. Name the files that are the corpus.")
    elif tables:
        held_out = [table.name for table in tables if _HELD_OUT.search(table.name)]
        _refuse_held_out(path, held_out if len(held_out) < len(tables) else [])
    used = {*(labels or tables or texts)}
    _say_what_is_left_out(path, [entry for entry in entries if entry not in used])
    return [path] if labels or not tables else tables


def _refuse_held_out(path: Path, names: Sequence[str]) -> None:
    if names:
        raise DataError(f"{path} holds {names[-1]} beside what there is to train on. Name what to train on, then --validation and --test.")


def _say_what_is_left_out(path: Path, entries: Sequence[Path]) -> None:
    if entries:
        logger.info("%s: %d entries are not read, %s among them", path, len(entries), entries[0].name)


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
    """Yield lines of standard input: JSON Lines when the first line with text is an object, plain texts otherwise."""
    name = source_name(STANDARD_INPUT)
    lines = enumerate(read_lines(STANDARD_INPUT, settings.encoding), 1)
    before = []
    for number, line in lines:
        before.append((number, line))
        if line.strip():
            break
    is_json = bool(before) and before[-1][1].lstrip().startswith("{")
    for number, line in itertools.chain(before, lines):
        if not is_json:
            yield Record(name, number, {"text": line.rstrip("\r\n")})
        elif line.strip():
            yield Record(name, number, parse_object(line, f"{name}:{number}"))
