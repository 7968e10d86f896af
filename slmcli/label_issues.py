"""What a person should look at after training: the examples with the greatest loss, and labels that are likely wrong."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any  # Any: values of examples, JSON documents

import numpy as np

from slmcli.confident_learning import find_suspects
from slmcli.dataset import Dataset
from slmcli.files import write_text
from slmcli.tasks.base import JudgedTask, TrainableTask

WORST_EXAMPLES, LABEL_ISSUES = "worst_examples.jsonl", "label_issues.jsonl"
# our choice: as many as a person reads through
_WORST = 50
_LEAST_PROBABILITY = 1e-12


def write_findings(
    place: Path, dataset: Dataset, task: TrainableTask, probabilities: np.ndarray, references: np.ndarray, *, rows: np.ndarray
) -> dict[str, Any]:
    """Write worst_examples.jsonl and label_issues.jsonl of the validation split into a run; return what its summary says of them.

    A task of numbers has neither, one of any number of labels has only the first.

    Args:
        place: The run.
        dataset: The dataset.
        task: The task, with what it has learned.
        probabilities: (examples, width), what the model says.
        references: What is right, in the form of `task.decide`.
        rows: (examples,) int64, their places in the validation split as it is stored.
    """
    if task.output_loss == "square":
        return {}
    count = write_worst_examples(place, dataset, task, probabilities, references, rows=rows)
    found: dict[str, Any] = {"worst_examples": {"count": count, "file": WORST_EXAMPLES}}
    if not has_one_label(task):
        return found
    return {**found, "label_issues": write_label_issues(place, dataset, task, probabilities, references, rows=rows, splits=("validation",))}


def has_one_label(task: JudgedTask) -> bool:
    """Say whether an example of a task has exactly one label."""
    return task.output_loss == "softmax"


def write_worst_examples(
    place: Path, dataset: Dataset, task: TrainableTask, probabilities: np.ndarray, references: np.ndarray, *, rows: np.ndarray
) -> int:
    """Write worst_examples.jsonl, the validation examples with the greatest loss, the worst first; return their number.

    The loss is the negative logarithm of the probability of what is right: of one label, or of a whole set of labels, each of which
    fits or does not fit by itself.

    Args:
        place: The run.
        dataset: The dataset.
        task: The task, which decides; one whose examples have labels.
        probabilities: (examples, classes), what the model says.
        references: What is right, in the form of `task.decide`.
        rows: (examples,) int64, their places in the validation split as it is stored.
    """
    decisions = task.decide(probabilities)
    given, decided = (log_probability(probabilities, each) for each in (references, decisions))
    worst = np.argsort(given, kind="stable")[:_WORST]
    texts = _read_rows(dataset, task, ("validation",), rows[worst])
    key = "label" if has_one_label(task) else "labels"
    lines = [
        {
            **texts[int(rows[example])],
            key: names_of(task, references[example]),
            "predicted": names_of(task, decisions[example]),
            "probability": round(float(np.exp(given[example])), 6),
            "predicted_probability": round(float(np.exp(decided[example])), 6),
            "loss": round(float(-given[example]), 6),
        }
        for example in worst
    ]
    _write_lines(place / WORST_EXAMPLES, lines)
    return len(worst)


def write_label_issues(
    place: Path, dataset: Dataset, task: TrainableTask, probabilities: np.ndarray, label_ids: np.ndarray, *, rows: np.ndarray, splits: Sequence[str]
) -> dict[str, Any]:
    """Write label_issues.jsonl, the examples whose label is likely wrong, the likeliest first; it is empty when there are none.

    Args:
        place: The run.
        dataset: The dataset.
        task: The task.
        probabilities: (examples, classes), from models that have not learned from these examples.
        label_ids: (examples,) the given labels.
        rows: (examples,) int64, their places in these splits as they are stored, one split after the other.
        splits: The splits.

    Returns:
        What a summary says of it.
    """
    suspects = find_suspects(probabilities, label_ids)
    texts = _read_rows(dataset, task, splits, rows[suspects.rows])
    lines = []
    for example, suggested in zip(suspects.rows, suspects.suggested, strict=True):
        given, other = probabilities[example, [label_ids[example], suggested]].astype(float)
        lines.append(
            {
                **texts[int(rows[example])],
                "label": task.labels[label_ids[example]],
                "suggested": task.labels[suggested],
                "probability": round(given, 6),
                "suggested_probability": round(other, 6),
            }
        )
    _write_lines(place / LABEL_ISSUES, lines)
    return {"count": len(lines), "examples": len(label_ids), "splits": list(splits), "file": LABEL_ISSUES}


def log_probability(probabilities: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return (examples,) the logarithm of the probability of one label (examples,), or of a set of labels (examples, labels) bool."""
    if chosen.ndim == 1:
        return np.log(np.maximum(probabilities[np.arange(len(chosen)), chosen], _LEAST_PROBABILITY))
    return np.log(np.maximum(np.where(chosen, probabilities, 1.0 - probabilities), _LEAST_PROBABILITY)).sum(axis=1)


def names_of(task: TrainableTask, decision: Any) -> str | list[str]:
    """Return the label, or the labels, of a decision about one example."""
    if np.ndim(decision) == 0:
        return task.labels[int(decision)]
    return [label for label, is_chosen in zip(task.labels, decision, strict=True) if is_chosen]


def _read_rows(dataset: Dataset, task: TrainableTask, splits: Sequence[str], rows: np.ndarray) -> dict[int, dict[str, Any]]:
    """Return what tells a person which example stands in each of the rows: split, place in it from 1, and its texts."""
    wanted, found, first = set(rows.tolist()), {}, 0
    names = [field.name for field in task.fields if not field.is_target]
    for split in splits if wanted else ():
        for place, example in enumerate(dataset.read_examples(split, task.fields)):
            if first + place in wanted:
                found[first + place] = {"split": split, "row": example.row, **{name: example.values[name] for name in names}}
        first += dataset.examples(split)
    return found


def _write_lines(path: Path, lines: Sequence[Mapping[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
