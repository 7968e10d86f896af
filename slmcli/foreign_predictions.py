"""Predictions that stand in a file: JSON Lines as `slm predict` prints them, from any program, or what fastText prints."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: values of JSON objects

import numpy as np

from slmcli.corpora.base import Record, parse_object
from slmcli.errors import DataError
from slmcli.fields import LABEL, Field, read_value
from slmcli.inspection import excerpt
from slmcli.reading import Example
from slmcli.registry import hint
from slmcli.tasks.answer_base import AnswerTask
from slmcli.tasks.base import JudgedTask
from slmcli.text_files import read_lines
from slmcli.thresholds import DEFAULT

_FASTTEXT = "__label__"
# our choice: what is left when a few probabilities are written with four digits
_TOLERANCE = 1e-3
# half of the last of four digits: by as much a probability may be off that was written with them
_ROUNDING = 0.5e-4
_LABELS_SHOWN = 20
_EXCERPT_CHARACTERS = 60


@dataclass(frozen=True)
class Answers:
    """What is predicted of some examples.

    Attributes:
        decisions: As `Task.decide` returns them.
        probabilities: (examples, labels) of each label; None when they are not known, or numbers are predicted.
        confidence: (examples,) how probable each decision is said to be; None when that is not known.
        shown: The answers as a person reads them, where decisions are counts; None otherwise.
    """

    decisions: np.ndarray
    probabilities: np.ndarray | None
    confidence: np.ndarray | None
    shown: list[str | list[str]] | None = None


def read_predictions(path: Path, task: JudgedTask, examples: Sequence[Example]) -> tuple[Answers, bool]:
    """Return what a file predicts of each example, and whether its lines had to be put into the examples' order by their texts.

    Args:
        path: JSON Lines, one prediction a line, compressed or not.
        task: What is predicted, with all labels.
        examples: The examples that the file must be about.

    Raises:
        DataError: There are more or fewer predictions than examples, they are about other texts, or one of them cannot be meant.
    """
    lines = [_read_line(text, path, number) for number, text in enumerate(read_lines(path, "utf-8"), 1) if text.strip()]
    if not lines:
        raise DataError(f"{path} holds no predictions. Write one JSON object a line, as slm predict prints them.")
    lines, is_matched = _put_in_order(lines, examples, task, path)
    if isinstance(task, AnswerTask):
        return _read_answers(lines, task, examples), is_matched
    _check_references(lines, examples, task)
    read = {"softmax": _read_labels, "sigmoid": _read_label_sets, "square": _read_numbers}[task.output_loss]
    return read(lines, task), is_matched


def _read_line(text: str, path: Path, number: int) -> Record:
    """Return a line's values: a JSON object, or labels and probabilities as fastText prints them."""
    if not text.startswith(_FASTTEXT):
        return Record(str(path), number, parse_object(text, f"{path}:{number}"))
    label, *rest = text.split()
    return Record(str(path), number, {"label": label, **({"score": _to_number(rest[0])} if rest else {})})


def _where(line: Record) -> str:
    return f"{line.source}:{line.row}"


def _to_number(value: Any) -> float:
    """Return a finite number; NaN for whatever else."""
    try:
        number = float(value if isinstance(value, (int, float, str)) and not isinstance(value, bool) else "nan")
    except (ValueError, OverflowError):
        return math.nan
    return number if math.isfinite(number) else math.nan


def _put_in_order(lines: list[Record], examples: Sequence[Example], task: JudgedTask, path: Path) -> tuple[list[Record], bool]:
    """Return the line of each example: the one at its place, or, where every line has its text, the one with the same text."""
    names = [field.name for field in task.fields if not field.is_target]
    wanted = [_texts(example.values, names) for example in examples]
    given = [_texts(line.values, names) for line in lines]
    wrong = next((place for place, (text, right) in enumerate(zip(given, wanted, strict=False)) if text is not None and text != right), None)
    if len(lines) == len(examples) and wrong is None:
        return lines, False
    by_text = dict(zip(given, lines, strict=True))
    if None not in by_text and len(by_text) == len(lines) and by_text.keys() >= set(wanted):
        return [by_text[text] for text in wanted], True
    if len(lines) != len(examples):
        raise DataError(
            f"{path} holds {len(lines):,} predictions, and there are {len(examples):,} examples. "
            "Give one for every labelled example, in the order of the data, or give every line its text."
        )
    place = wrong or 0
    raise DataError(
        f"{_where(lines[place])}: the text is {_show(given[place])}, and in the data it is {_show(wanted[place])}. "
        "Give the predictions in the order of the data, or give every line its text, each text once."
    )


def _texts(values: Mapping[str, Any], names: Sequence[str]) -> tuple[str, ...] | None:
    """Return the texts of an example, spaces and line ends all alike; None when one is not there."""
    if any(values.get(name) is None for name in names):
        return None
    return tuple(" ".join(" ".join(map(str, value if isinstance(value, list) else [value])).split()) for value in map(values.get, names))


def _show(texts: tuple[str, ...] | None) -> str:
    return " | ".join(repr(excerpt(text, _EXCERPT_CHARACTERS)) for text in texts or ())


def _check_references(lines: Sequence[Record], examples: Sequence[Example], task: JudgedTask) -> None:
    """Refuse a file whose right answers, where it says them, are not those of the data."""
    target = next(field for field in task.fields if field.is_target)
    for line, example in zip(lines, examples, strict=True):
        if line.values.get("reference") is None:
            continue
        said, right = _read(target, line, "reference"), example.values[target.name]
        if not _is_same(said, right):
            raise DataError(
                f"{_where(line)}: the reference is {said!r}, and in the data it is {right!r}. Compare on the data that the predictions were made for."
            )


def _is_same(first: Any, second: Any) -> bool:
    if isinstance(first, list):
        return set(first) == set(second)
    return math.isclose(first, second, rel_tol=1e-6, abs_tol=1e-6) if isinstance(first, float) else bool(first == second)


def _read(field: Field, line: Record, column: str) -> Any:
    """Return a value in the form of the field's kind, labels without fastText's mark."""
    value = read_value(field, line, column, separator="|")
    if field.kind == "labels":
        return [label.removeprefix(_FASTTEXT) for label in value or ()]
    return value.removeprefix(_FASTTEXT) if isinstance(value, str) else value


def _read_labels(lines: Sequence[Record], task: JudgedTask) -> Answers:
    """Return one label an example: the one that is named, else the most probable."""
    rows = [_read_scores(line, task, is_distribution=True) for line in lines]
    decisions = np.array([_read_label(line, row, task) for line, row in zip(lines, rows, strict=True)], np.int64)
    probabilities = _stack(rows)
    if probabilities is not None:
        return Answers(decisions, probabilities, probabilities[np.arange(len(lines)), decisions])
    scores = [_read_score(line) for line in lines]
    known = [score for score in scores if score is not None]
    return Answers(decisions, None, np.array(known) if len(known) == len(scores) else None)


def _read_label(line: Record, row: np.ndarray | None, task: JudgedTask) -> int:
    label = _read(LABEL, line, "label")
    if label is not None:
        return _label_id(label, line, task)
    if row is None:
        raise DataError(f"{_where(line)} has neither `label` nor `scores`; it has {_names(line)}. Name the label that is predicted.")
    return int(row.argmax())


def _label_id(label: str, line: Record, task: JudgedTask) -> int:
    if label not in task.label_ids:
        known = ", ".join(task.labels[:_LABELS_SHOWN])
        raise DataError(f"{_where(line)}: label {label!r} is none of those that are compared: {known}. Correct it.{hint(label, task.labels)}")
    return task.label_ids[label]


def _read_scores(line: Record, task: JudgedTask, *, is_distribution: bool) -> np.ndarray | None:
    """Return the probability of each label (labels,); None when the line does not say them."""
    scores = line.values.get("scores")
    if scores is None:
        return None
    if not isinstance(scores, Mapping):
        raise DataError(f"{_where(line)}: scores are {str(scores)[:60]!r}. They must be an object from each label to its probability.")
    row = np.zeros(len(task.labels))
    for name, value in scores.items():
        row[_label_id(name.removeprefix(_FASTTEXT), line, task)] = _check_probability(value, line, f"the probability of {name!r}")
    if is_distribution and abs(row.sum() - 1.0) > max(_TOLERANCE, _ROUNDING * len(task.labels)):
        raise DataError(
            f"{_where(line)}: the probabilities of {len(scores)} of {len(task.labels)} labels add up to {row.sum():.4f}, not to 1. "
            "Give those of all labels, or leave `scores` out and give `label` alone."
        )
    return row


def _read_score(line: Record) -> float | None:
    return None if line.values.get("score") is None else _check_probability(line.values["score"], line, "score")


def _check_probability(value: Any, line: Record, name: str) -> float:
    number = _to_number(value)
    if not -_TOLERANCE <= number <= 1.0 + _TOLERANCE:
        raise DataError(f"{_where(line)}: {name} is {value!r}, which is no probability between 0 and 1. Correct it, or leave it out.")
    return min(1.0, max(0.0, number))


def _stack(rows: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Return (examples, labels) when every example has probabilities."""
    known = [row for row in rows if row is not None]
    return np.stack(known) if known and len(known) == len(rows) else None


def _read_label_sets(lines: Sequence[Record], task: JudgedTask) -> Answers:
    """Return the labels that fit each example: those named, else those with a probability of a half or more."""
    rows = [_read_scores(line, task, is_distribution=False) for line in lines]
    decisions = np.zeros((len(lines), len(task.labels)), bool)
    for place, (line, row) in enumerate(zip(lines, rows, strict=True)):
        decisions[place] = _read_label_set(line, row, task)
    probabilities = _stack(rows)
    return Answers(decisions, probabilities, None if probabilities is None else certainty(decisions, probabilities))


def _read_label_set(line: Record, row: np.ndarray | None, task: JudgedTask) -> np.ndarray:
    column = next((name for name in ("labels", "label") if name in line.values), None)
    if column is not None:
        field = next(field for field in task.fields if field.is_target)
        chosen = np.zeros(len(task.labels), bool)
        chosen[[_label_id(label, line, task) for label in _read(field, line, column)]] = True
        return chosen
    if row is None:
        raise DataError(f"{_where(line)} has neither `labels` nor `scores`; it has {_names(line)}. Name the labels that are predicted.")
    return row >= DEFAULT


def certainty(decisions: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return how probable the decision about each example's least certain label is, (examples,), given (examples, labels)."""
    return np.where(decisions, probabilities, 1.0 - probabilities).min(axis=1, initial=1.0)


def _read_numbers(lines: Sequence[Record], task: JudgedTask) -> Answers:
    """Return the number of each example."""
    return Answers(np.array([_read_prediction(line) for line in lines], np.float64), None, None)


def _read_prediction(line: Record) -> float:
    column = next((name for name in ("score", "value", "prediction", "label") if line.values.get(name) is not None), None)
    if column is None:
        raise DataError(f"{_where(line)} has no `score`; it has {_names(line)}. Give the number that is predicted.")
    number = _to_number(line.values[column])
    if math.isnan(number):
        raise DataError(f"{_where(line)}: {column} is {line.values[column]!r}, not a finite number. Correct the line.")
    return number


def _read_answers(lines: Sequence[Record], task: AnswerTask[Any], examples: Sequence[Example]) -> Answers:
    """Return how the answer of each line compares with what is right."""
    answers = [_read_answer(line, task, example) for line, example in zip(lines, examples, strict=True)]
    shown = [task.show(answer, example) for answer, example in zip(answers, examples, strict=True)]
    return Answers(task.count(answers, examples), None, None, shown)


def _read_answer(line: Record, task: AnswerTask[Any], example: Example) -> Any:
    column = next((name for name in task.answer_names if name in line.values), None)
    if column is None:
        raise DataError(f"{_where(line)} has no `{task.answer_names[1]}` and no `prediction`; it has {_names(line)}. Give what is answered.")
    answer = _read(Field("answer", task.answer_kind, ()), line, column)
    if wrong := task.explain_unfit(answer, example):
        raise DataError(
            f"{_where(line)}: {wrong} ({example.source}:{example.row}). Give a line for every labelled example, in the order of the data."
        )
    return answer


def _names(line: Record) -> str:
    return ", ".join(line.values) or "nothing"
