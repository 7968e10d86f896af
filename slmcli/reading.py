"""From corpus files to examples: which reader, which columns, what counts as a label."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any  # Any: a table's cell

from slmcli.config import CorpusSettings
from slmcli.corpora import READERS
from slmcli.corpora.base import STANDARD_INPUT, Record, parse_object, read_lines
from slmcli.errors import DataError
from slmcli.registry import hint

# our choice: names that mean one thing in corpora people publish, the most telling first
TEXT_NAMES = (
    "text",
    "review",
    "sentence",
    "content",
    "body",
    "comment",
    "message",
    "tweet",
    "title",
    "headline",
    "question",
    "document",
    "utterance",
)
LABEL_NAMES = ("label", "sentiment", "category", "class", "topic", "intent", "polarity", "target", "rating", "stars", "score", "emotion", "tag")
SAMPLES = Path(__file__).parent / "data"
_COLUMN_SAMPLE = 20  # records looked at to learn a file's columns


@dataclass(frozen=True)
class Example:
    """One text with what is known of it.

    Attributes:
        text: The text as it stands in the file; "" when the cell is empty.
        label: Its label, or None when it has none.
        source: The file.
        row: Its line or row, from 1.
    """

    text: str
    label: str | None
    source: str
    row: int


@dataclass(frozen=True)
class Columns:
    """The columns in use, and whether their names were guessed."""

    text: str
    label: str | None
    is_guessed: bool


def sample_corpus(language: str, split: str) -> Path:
    """Return the path of a split of the sample corpus that ships with the package."""
    return SAMPLES / f"reviews.{language}" / f"{split}.jsonl"


def read_examples(
    files: Sequence[str | Path],
    settings: CorpusSettings,
    *,
    needs_labels: bool = True,
    on_columns: Callable[[Path, Columns], None] | None = None,
) -> Iterator[Example]:
    """Yield the examples of corpus files in order.

    Args:
        files: Corpus files, folders with one sub-folder per label, or `-`.
        settings: Column names, encoding.
        needs_labels: Whether a missing label column is an error.
        on_columns: Told, once a file, which columns are used.

    Raises:
        DataError: A file is missing, empty, damaged, or lacks the columns.
    """
    for file in files:
        path = Path(file)
        records = iter(_records(path, settings))
        head = list(itertools.islice(records, _COLUMN_SAMPLE))
        if not head:
            raise DataError(f"{path} holds no rows. Give a corpus file with at least one example.")
        columns = find_columns(path, head, settings, needs_labels=needs_labels)
        if on_columns is not None:
            on_columns(path, columns)
        for record in itertools.chain(head, records):
            yield _example(record, columns if needs_labels else replace(columns, label=None))


def _records(path: Path, settings: CorpusSettings) -> Iterable[Record]:
    if path == STANDARD_INPUT:
        return _standard_input(settings)
    if not _exists(path):
        near = hint(path.name, [entry.name for entry in path.parent.iterdir()]) if path.parent.is_dir() else ""
        raise DataError(f"{path} does not exist.{near or ' Give the path of a corpus file or folder.'}")
    if path.is_dir():
        return READERS.load("folder")(path, settings)
    suffixes = [suffix for suffix in (suffix.lstrip(".").lower() for suffix in path.suffixes) if suffix != "gz"]
    name = {"ndjson": "jsonl", "tab": "tsv"}.get(suffixes[-1], suffixes[-1]) if suffixes else ""
    if name not in READERS.names() or name == "folder":
        known = ", ".join(f".{name}" for name in READERS.names() if name != "folder")
        raise DataError(
            f"{path}: the format is not known by its name. Known: {known}, each also with .gz, and a folder with one sub-folder per label."
        )
    return READERS.load(name)(path, settings)


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


def find_columns(path: Path, records: Sequence[Record], settings: CorpusSettings, *, needs_labels: bool) -> Columns:
    """Return the columns to use: those asked for, else those whose names are obvious."""
    names = list(dict.fromkeys(name for record in records for name in record.values))
    text = settings.text_column or _guess(names, TEXT_NAMES)
    label = settings.label_column or _guess([name for name in names if name != text], LABEL_NAMES)
    for option, name, is_needed in (("--text-column", text, True), ("--label-column", label, needs_labels)):
        if name is None and is_needed:
            raise DataError(f"{path}: which column to use is not obvious from the names: {', '.join(names)}. Pass {option} NAME.")
        if name is not None and name not in names and (is_needed or settings.label_column):
            raise DataError(f"{path} has no column {name!r}. Its columns: {', '.join(names)}.{hint(name, names)} Pass {option} NAME.")
    if text is None:
        raise AssertionError("a text column is always needed")
    if text == label:
        raise DataError(f"{path}: text and label are the same column {text!r}. Pass another --label-column.")
    return Columns(text, label, is_guessed=settings.text_column is None or (settings.label_column is None and label is not None))


def _guess(names: Sequence[str], known: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in known if name in by_lower), None)


def _example(record: Record, columns: Columns) -> Example:
    text = record.values.get(columns.text)
    if text is not None and not isinstance(text, (str, int, float)):
        raise DataError(f"{record.source}:{record.row}: {columns.text} is {type(text).__name__}, not text. Correct the row.")
    label = record.values.get(columns.label) if columns.label else None
    return Example("" if _is_missing(text) else _writable(str(text)), _label_text(label, record, columns), record.source, record.row)


def _is_missing(value: Any) -> bool:  # Any: a table's cell
    return value is None or (isinstance(value, float) and value != value)


def _writable(text: str) -> str:
    """Replace lone surrogates, which JSON can hold and UTF-8 cannot, by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _label_text(value: Any, record: Record, columns: Columns) -> str | None:  # Any: a table's cell
    """Return one spelling for labels that different formats write differently: 1, 1.0 and "1" are one label."""
    if _is_missing(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (str, int, float)):
        raise DataError(f"{record.source}:{record.row}: {columns.label} is {value!r}. A label must be one string or number.")
    return _writable(str(value)).strip() or None
