"""What a task needs of a record: named fields, found among a file's columns, each value in one form."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal  # Any: a table's cell

from slmcli.corpora.base import Record
from slmcli.errors import DataError

# our choice: names that mean one thing in corpora people publish, the most telling first
TEXT_NAMES = (
    "text", "review", "sentence", "content", "body", "comment", "message", "tweet", "title", "headline", "question", "document", "utterance",
)  # fmt: skip
LABEL_NAMES = ("label", "sentiment", "category", "class", "topic", "intent", "polarity", "target", "rating", "stars", "score", "emotion", "tag")
_SEPARATORS = ("|", ";", ",")


@dataclass(frozen=True)
class Field:
    """One value that a task needs of an example.

    Attributes:
        name: Its name, `text` for instance.
        kind: text: a string. label: a string, or None when there is none. labels: strings. number: a float. words: strings that
            make a text. turns: strings that make a dialogue. answers: `text` and `answer_start`, lists of equal length.
        names: Column names that mean it, the most telling first.
        is_target: A model is to predict it; without it there is nothing to train on.
    """

    name: str
    kind: Literal["text", "label", "labels", "number", "words", "turns", "answers"]
    names: tuple[str, ...]
    is_target: bool = False

    @property
    def option(self) -> str:
        """The option that names its column."""
        return {"text": "--text-column NAME", "label": "--label-column NAME"}.get(self.name, f"--column {self.name}=NAME")


TEXT = Field("text", "text", TEXT_NAMES)
LABEL = Field("label", "label", LABEL_NAMES, is_target=True)
FIRST_TEXT = Field("text", "text", ("text", "text_a", "text1", "sentence1", "sentence_a", "premise", "question1", "query", "question", "sentence"))
SECOND_TEXT = Field("text_pair", "text", ("text_pair", "text_b", "text2", "sentence2", "sentence_b", "hypothesis", "question2", "document", "answer"))


def guess_separator(cells: Sequence[Any]) -> str:
    """Return what stands between the labels of a cell: the first of "|", ";" and "," that occurs in any."""
    texts = [cell for cell in cells if isinstance(cell, str)]
    return next((separator for separator in _SEPARATORS if any(separator in text for text in texts)), _SEPARATORS[0])


def read_value(field: Field, record: Record, column: str, *, separator: str) -> Any:
    """Return a record's value in the form that the field's kind names; None when the record has none.

    Raises:
        DataError: The cell holds something else.
    """
    cell = record.values.get(column)
    if isinstance(cell, DataError):  # what a reader puts in the place of a cell that it cannot read
        raise cell
    if is_missing(cell):
        return {"text": "", "words": [], "turns": []}.get(field.kind)
    return _READ[field.kind](cell, record, column, separator)


def is_missing(cell: Any) -> bool:
    """Say whether a table's cell is empty."""
    return cell is None or (isinstance(cell, float) and cell != cell)


def writable(text: str) -> str:
    """Replace lone surrogates, which JSON can hold and UTF-8 cannot, by U+FFFD."""
    return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _text(cell: Any, record: Record, column: str, separator: str) -> str:
    if isinstance(cell, str):
        return writable(cell)
    if isinstance(cell, (int, float)):
        return str(cell)
    raise DataError(f"{record.source}:{record.row}: {column} is {_kind(cell)}, not text. Correct the row.")


def _label(value: Any, record: Record, column: str, separator: str) -> str | None:
    """Return one spelling for labels that different formats write differently: 1, 1.0 and "1" are one label."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, (str, int, float)):
        raise DataError(f"{record.source}:{record.row}: {column} is {_shown(value)}. A label must be one string or number.")
    return writable(str(value)).strip() or None


def _labels(cell: Any, record: Record, column: str, separator: str) -> list[str]:
    parts = _list_in_text(cell, separator) if isinstance(cell, str) else cell if isinstance(cell, list) else [cell]
    labels = [_label(part, record, column, separator) for part in parts if not is_missing(part)]
    return list(dict.fromkeys(label for label in labels if label is not None))


def _number(cell: Any, record: Record, column: str, separator: str) -> float | None:
    if isinstance(cell, str) and not cell.strip():
        return None
    try:
        number = float("nan" if isinstance(cell, (bool, list, dict)) else cell)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if number - number != 0:  # not a number, or infinite
        raise DataError(f"{record.source}:{record.row}: {column} is {_shown(cell)}, not a finite number. Correct the row.")
    return number


def _words(cell: Any, record: Record, column: str, separator: str) -> list[str]:
    parts = _list_in_text(cell, None) if isinstance(cell, str) else cell
    return _strings(parts, record, column)


def _turns(cell: Any, record: Record, column: str, separator: str) -> list[str]:
    parts = ([cell] if not cell.lstrip().startswith("[") else _list_in_text(cell, None)) if isinstance(cell, str) else cell
    return _strings(parts, record, column)


def _strings(parts: Any, record: Record, column: str) -> list[str]:
    if not isinstance(parts, list) or not all(isinstance(part, (str, int, float)) for part in parts):
        raise DataError(f"{record.source}:{record.row}: {column} is {_shown(parts)}, not a list of strings. Correct the row.")
    return [writable(str(part)) for part in parts]


def _answers(cell: Any, record: Record, column: str, separator: str) -> dict[str, list[Any]]:
    """Return `text` and `answer_start` of one answer, a list of answers, or SQuAD's pair of lists."""
    value = _json(cell) if isinstance(cell, str) else cell
    if isinstance(value, list):
        entries = [entry for entry in value if isinstance(entry, Mapping)]
        value = {name: [entry.get(name) for entry in entries] for name in ("text", "answer_start")} if len(entries) == len(value) else None
    if isinstance(value, Mapping):
        texts, starts = (_as_list(value.get(name)) for name in ("text", "answer_start"))
        are_starts = all(isinstance(start, int) and not isinstance(start, bool) for start in starts)
        if len(texts) == len(starts) and are_starts and all(isinstance(text, str) for text in texts):
            return {"text": [writable(text) for text in texts], "answer_start": starts}
    raise DataError(
        f'{record.source}:{record.row}: {column} is {_shown(cell)}; it must be {{"text": ["…"], "answer_start": [0]}}, '
        "two lists of one length. Correct the row."
    )


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _list_in_text(text: str, separator: str | None) -> list[Any]:
    if text.lstrip().startswith("["):
        value = _json(text)
        if isinstance(value, list):
            return value
    return [part.strip() for part in text.split(separator)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _kind(cell: Any) -> str:
    return type(cell).__name__


def _shown(cell: Any) -> str:
    text = repr(cell)
    return text if len(text) <= 60 else text[:59] + "…"


_READ = {
    "text": _text, "label": _label, "labels": _labels, "number": _number, "words": _words, "turns": _turns, "answers": _answers,
}  # fmt: skip
