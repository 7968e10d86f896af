"""From records to examples: which column holds which field, and one form for every value."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: values of fields

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record
from slmcli.errors import ConfigError, DataError
from slmcli.fields import LABEL, TEXT, Field, guess_separator, read_value
from slmcli.registry import hint
from slmcli.sources import expand, read_records

SAMPLES = Path(__file__).parent / "data"
_COLUMN_SAMPLE = 20  # records looked at to learn a file's columns
CLASSIFICATION_FIELDS = (TEXT, LABEL)


@dataclass(frozen=True, slots=True)
class Example:
    """What one record says, in the fields of a task.

    Attributes:
        values: Field name to value, in the form of the field's kind.
        source: The file.
        row: Its line or row, from 1.
    """

    values: dict[str, Any]
    source: str
    row: int

    @property
    def text(self) -> str:
        """The text of a task that has one; "" when the cell is empty."""
        return self.values.get("text") or ""

    @property
    def label(self) -> str | None:
        """The label, or None when it has none."""
        return self.values.get("label")


@dataclass(frozen=True)
class Columns:
    """The columns in use.

    Attributes:
        names: Field name to column name.
        separator: What stands between the labels of one cell.
        is_guessed: Whether any was found by its name alone.
    """

    names: dict[str, str]
    separator: str
    is_guessed: bool


def sample_corpus(kind: str, language: str, split: str) -> Path | None:
    """Return the path of a split of a sample corpus that ships with the package; None when it has no such split.

    Args:
        kind: `reviews`, with labels, or `stories`, without.
        language: `en` or `zh`.
        split: `train`, `validation` or `test`.
    """
    path = SAMPLES / f"{kind}.{language}" / f"{split}.jsonl"
    return path if path.exists() else None


def read_examples(
    files: Sequence[str | Path],
    settings: CorpusSettings,
    *,
    fields: Sequence[Field] = CLASSIFICATION_FIELDS,
    needs_targets: bool = True,
    on_columns: Callable[[Path, Columns], None] | None = None,
) -> Iterator[Example]:
    """Yield the examples of corpus files in order.

    Args:
        files: Corpus files, patterns, folders, or `-`.
        settings: Format, column names, encoding.
        fields: What the task needs of a record.
        needs_targets: Whether a missing column of labels, or whatever is to be predicted, is an error.
        on_columns: Told, once a file, which columns are used.

    Raises:
        DataError: A file is missing, empty, damaged, or lacks the columns.
    """
    for path in expand([str(file) for file in files]):
        columns, records = open_records(path, settings, fields, needs_targets=needs_targets)
        if on_columns is not None:
            on_columns(path, columns)
        for record in records:
            yield to_example(record, columns, fields)


def open_records(path: Path, settings: CorpusSettings, fields: Sequence[Field], *, needs_targets: bool) -> tuple[Columns, Iterator[Record]]:
    """Return the columns of a corpus file and all its records, of which only the first few have been read."""
    records = iter(read_records(path, settings))
    head = list(itertools.islice(records, _COLUMN_SAMPLE))
    if not head:
        raise DataError(f"{path} holds no rows. Give a corpus file with at least one example.")
    return find_columns(path, head, settings, fields, needs_targets=needs_targets), itertools.chain(head, records)


def to_example(record: Record, columns: Columns, fields: Sequence[Field]) -> Example:
    """Return a record's values by field, those of targets that have no column left out."""
    values = {
        field.name: read_value(field, record, columns.names[field.name], separator=columns.separator)
        for field in fields
        if field.name in columns.names
    }
    return Example(values, record.source, record.row)


def find_columns(path: Path, records: Sequence[Record], settings: CorpusSettings, fields: Sequence[Field], *, needs_targets: bool) -> Columns:
    """Return the column of each field: the one asked for, else the one whose name is obvious."""
    names = list(dict.fromkeys(name for record in records for name in record.values))
    asked = _asked_for(settings, fields)
    found: dict[str, str] = {}
    for field in fields:
        name = asked.get(field.name) or _guess([name for name in names if name not in found.values()], field.names)
        is_needed = needs_targets or not field.is_target
        if name is None and is_needed:
            raise DataError(_not_obvious(path, field, names, found))
        if name is not None and name not in names and (is_needed or field.name in asked):
            raise DataError(f"{path} has no column {name!r}. Its columns: {', '.join(names)}.{hint(name, names)} Pass {field.option}.")
        if name in names and is_needed:
            found[field.name] = str(name)
    _refuse_twice(path, found, fields)
    separator = settings.label_separator or _guess_separator(records, found, fields)
    return Columns(found, separator, is_guessed=any(name not in asked for name in found))


def _not_obvious(path: Path, field: Field, names: Sequence[str], found: dict[str, str]) -> str:
    if list(names) == ["text"] and field.is_target:
        return f"{path} holds texts alone, and no {field.name}. Give a file with both, or pass --format when it is of another kind than it seems."
    what = "column to use" if field.name in ("text", "label") else f"column holds the {field.name}"
    return f"{path}: which {what} is not obvious from the names: {', '.join(names)}. Pass {field.option}."


def _asked_for(settings: CorpusSettings, fields: Sequence[Field]) -> dict[str, str]:
    """Return the columns that the settings name, by field."""
    known = [field.name for field in fields]
    asked = {name: column for name, column in (("text", settings.text_column), ("label", settings.label_column)) if column and name in known}
    for entry in settings.column:
        name, separator, column = entry.partition("=")
        if not separator or not column or name not in known:
            raise ConfigError(f"--column {entry!r} is not FIELD=NAME. The fields of this task: {', '.join(known)}.{hint(name, known)}")
        asked[name] = column
    return asked


def _refuse_twice(path: Path, found: dict[str, str], fields: Sequence[Field]) -> None:
    owners: dict[str, Field] = {}
    for field in fields:
        name = found.get(field.name)
        if name is not None and name in owners:
            other = owners[name]
            raise DataError(f"{path}: {other.name} and {field.name} are the same column {name!r}. Pass another: {field.option}.")
        if name is not None:
            owners[name] = field


def _guess_separator(records: Sequence[Record], found: dict[str, str], fields: Sequence[Field]) -> str:
    columns = [found[field.name] for field in fields if field.kind == "labels" and field.name in found]
    return guess_separator([record.values.get(column) for record in records for column in columns])


def _guess(names: Sequence[str], known: Sequence[str]) -> str | None:
    by_lower = {name.lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in known if name in by_lower), None)
