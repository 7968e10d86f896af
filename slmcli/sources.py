"""From names on a command line to records: patterns, folders, standard input, and the reader for each file."""

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora import READERS
from slmcli.corpora.base import STANDARD_INPUT, Record, parse_object, read_lines
from slmcli.errors import ConfigError, DataError
from slmcli.registry import hint

_SYNONYMS = {"ndjson": "jsonl", "tab": "tsv"}


def expand(files: Sequence[str]) -> list[Path]:
    """Return the corpus files that names and patterns stand for, in order.

    Args:
        files: Paths, patterns such as `part-*.csv`, folders with one sub-folder per label, or `-`.

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
        return [path]
    if any(sign in file for sign in "*?["):
        found = sorted(Path(name) for name in glob.glob(file, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
        if found:
            return found
        raise DataError(f"{file}: no file has such a name. Give a pattern that matches corpus files.")
    near = hint(path.name, [entry.name for entry in path.parent.iterdir()]) if path.parent.is_dir() else ""
    raise DataError(f"{path} does not exist.{near or ' Give the path of a corpus file or folder.'}")


def read_records(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield the records of a corpus file."""
    if path == STANDARD_INPUT:
        return _standard_input(settings)
    return READERS.load(find_format(path))(path, settings)


def find_format(path: Path) -> str:
    """Return the name of the reader for a corpus file.

    Raises:
        DataError: It cannot be told.
    """
    if path.is_dir():
        return "folder"
    suffixes = [suffix for suffix in (suffix.lstrip(".").lower() for suffix in path.suffixes) if suffix != "gz"]
    name = _SYNONYMS.get(suffixes[-1], suffixes[-1]) if suffixes else ""
    if name not in READERS.names() or name == "folder":
        known = ", ".join(f".{name}" for name in READERS.names() if name != "folder")
        raise DataError(
            f"{path}: the format is not known by its name. Known: {known}, each also with .gz, and a folder with one sub-folder per label."
        )
    return name


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
            yield Record("standard input", number, {"text": line.rstrip("\r\n")})
        elif line.strip():
            yield Record("standard input", number, parse_object(line, f"standard input:{number}"))
