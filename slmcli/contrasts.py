"""Two sides on the same examples: how their scores differ, in all and on parts of the examples, and which answers changed."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.contestants import Group
from slmcli.metrics import log_loss_of_each
from slmcli.paired import Differences, bootstrap_differences
from slmcli.paired_scores import OF_LABELS, mean_scores, paired_differences, paired_p_value
from slmcli.reading import Example
from slmcli.slices import FEWEST, group_rows
from slmcli.tasks.answer_base import AnswerTask
from slmcli.tasks.base import JudgedTask

_LOG_LOSS = "log_loss"


@dataclass(frozen=True)
class Contrast:
    """Two sides and what they are judged by.

    Attributes:
        task: The task.
        examples: The examples.
        references: What is right for each, as `Task.references` returns it.
        first: The side that the other is compared with.
        second: The other.
        seed: Seed of resampling.
    """

    task: JudgedTask
    examples: Sequence[Example]
    references: np.ndarray
    first: Group
    second: Group
    seed: int

    @property
    def main(self) -> str:
        """Name of the score by which models are compared."""
        return self.task.headline[0]

    @property
    def is_graded(self) -> bool:
        """Whether an answer is nearer or further off, and not right or wrong."""
        task = self.task
        return task.output_loss == "square" or (isinstance(task, AnswerTask) and not task.scored_labels)

    @property
    def is_same(self) -> bool:
        """Whether both sides decide the same of every example."""
        return all(np.array_equal(one, two) for one, two in itertools.product(self.first.decisions, self.second.decisions))


def score_differences(contrast: Contrast) -> tuple[dict[str, Differences], dict[str, Differences]]:
    """Return the differences of each score, second less first, with their intervals; and those of each label's, (labels,)."""
    found = _differences(contrast, np.arange(len(contrast.references)))
    labels = {name.removeprefix(OF_LABELS): value for name, value in found.items() if name.startswith(OF_LABELS)}
    scores = {name: value for name, value in found.items() if not name.startswith(OF_LABELS)}
    return {**scores, **_log_loss_difference(contrast)}, labels


def _differences(contrast: Contrast, places: np.ndarray) -> dict[str, Differences]:
    """Return the differences on the examples at some places."""
    first, second = ([decisions[places] for decisions in side.decisions] for side in (contrast.first, contrast.second))
    return paired_differences(contrast.task, contrast.references[places], first, second, seed=contrast.seed)


def _log_loss_difference(contrast: Contrast) -> dict[str, Differences]:
    """Return the difference of log loss, where the task has it and both sides say probabilities."""
    if _LOG_LOSS not in contrast.task.score_names:
        return {}
    losses = []
    for side in (contrast.first, contrast.second):
        known = [member.answers.probabilities for member in side.members if member.answers.probabilities is not None]
        if len(known) < len(side.members):
            return {}
        losses.append(np.mean([log_loss_of_each(contrast.references, probabilities) for probabilities in known], axis=0))
    change = losses[1] - losses[0]
    counts = np.ones(len(change), np.int64)
    return bootstrap_differences(counts, lambda samples: {_LOG_LOSS: samples @ change / len(change)}, seed=contrast.seed)


def probe_difference(contrast: Contrast) -> dict[str, Any]:
    """Return the `name` of the test of the main score, its `p`, and for labels how many examples which side has right."""
    table = {} if contrast.is_graded else _count_right(contrast)
    sides = (contrast.first.decisions, contrast.second.decisions)
    name, p = paired_p_value(contrast.task, contrast.references, *sides, seed=contrast.seed)
    return {"name": name, "p": p, **table}


def _count_right(contrast: Contrast) -> dict[str, int]:
    first, second = (is_right(contrast, side) for side in (contrast.first, contrast.second))
    return {
        "both_right": int((first & second).sum()),
        "only_first_right": int((first & ~second).sum()),
        "only_second_right": int((~first & second).sum()),
        "both_wrong": int((~first & ~second).sum()),
    }


def is_right(contrast: Contrast, side: Group) -> np.ndarray:
    """Return whether a side has each example wholly right, (examples,) bool; of several members what they say together counts."""
    if isinstance(contrast.task, AnswerTask):
        return contrast.task.are_right(consensus(side))
    return (consensus(side) == contrast.references).reshape(len(contrast.references), -1).all(axis=1)


def compare_slices(contrast: Contrast, columns: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Return the difference of the main score for every value of every column that enough examples have; none for a column of one value.

    Args:
        contrast: Both sides.
        columns: Name of a column to the value of each example.
    """
    rows = []
    for name, values in columns.items():
        slices = group_rows(values)
        if len(slices) > 1:
            rows += [_compare_slice(contrast, places, name, value) for value, places in slices.items() if len(places) >= FEWEST]
    return rows


def _compare_slice(contrast: Contrast, places: np.ndarray, name: str, value: str) -> dict[str, Any]:
    found = _differences(contrast, places)[contrast.main]
    counts, references = np.ones((1, len(places)), np.int64), contrast.references[places]
    first, second = (
        mean_scores(contrast.task, [decisions[places] for decisions in side.decisions], references, counts)[contrast.main]
        for side in (contrast.first, contrast.second)
    )
    scores = {"first": round(float(first[0]), 6), "second": round(float(second[0]), 6)}
    return {"by": name, "slice": value, "examples": len(places), **scores, **describe(found)}


def describe(differences: Differences, place: int | None = None) -> dict[str, Any]:
    """Return a difference as `difference`, `interval` and `is_clear`: the one there is, or that at a place."""
    chosen = () if place is None else place
    return {
        "difference": round(float(differences.found[chosen]), 6),
        "interval": [round(float(differences.low[chosen]), 6), round(float(differences.high[chosen]), 6)],
        "is_clear": bool(differences.are_clear[chosen]),
    }


def find_flips(contrast: Contrast, most: int) -> dict[str, Any]:
    """Return the examples that the second side alone has wrong (`lost`) and alone has right (`won`): `count`, and the most certain `examples`.

    Of numbers they are those whose error has grown and shrunk, the most first.

    Args:
        contrast: Both sides.
        most: How many of each to return.
    """
    sides = (contrast.first, contrast.second)
    certain = [confidence(side) for side in sides]
    if contrast.is_graded:
        errors = [_errors(contrast, side) for side in sides]
        change = errors[1] - errors[0]
        lost, won, rank = change > 0, change < 0, -np.abs(change)
    else:
        first, second = (is_right(contrast, side) for side in sides)
        known = next((values for values in reversed(certain) if values is not None), np.zeros(len(first)))
        lost, won, rank = first & ~second, ~first & second, -known
    said = [(consensus(side), values) for side, values in zip(sides, certain, strict=True)]
    found = {}
    for name, places in (("lost", np.flatnonzero(lost)), ("won", np.flatnonzero(won))):
        shown = places[np.argsort(rank[places], kind="stable")][:most]
        found[name] = {"count": len(places), "examples": [_show_example(contrast, int(place), said) for place in shown]}
    return found


def _errors(contrast: Contrast, side: Group) -> np.ndarray:
    """Return how far off a side is on each example, (examples,)."""
    task = contrast.task
    if isinstance(task, AnswerTask):
        return 1.0 - task.score_sums(consensus(side))[0][contrast.main]
    return np.abs(consensus(side) - contrast.references)


def _show_example(contrast: Contrast, place: int, said: Sequence[tuple[np.ndarray, np.ndarray | None]]) -> dict[str, Any]:
    """Return an example and what both sides say of it, given their decisions and how certain they are."""
    example, task = contrast.examples[place], contrast.task
    document = {"example": place + 1, "source": example.source, "row": example.row}
    if isinstance(task, AnswerTask):
        answers = {name: (side.members[0].answers.shown or [])[place] for name, side in (("first", contrast.first), ("second", contrast.second))}
        nothing = {"first_confidence": None, "second_confidence": None}
        return {**document, "text": task.input_text(example), "reference": task.right_answer(example), **answers, **nothing}
    texts = {field.name: example.values.get(field.name) for field in task.fields if field.kind == "text" and not field.is_target}
    document |= {**texts, "reference": _name(contrast, contrast.references[place])}
    for name, (decisions, certain) in zip(("first", "second"), said, strict=True):
        document[name] = _name(contrast, decisions[place])
        document[f"{name}_confidence"] = None if certain is None else round(float(certain[place]), 6)
    return document


def _name(contrast: Contrast, decision: Any) -> str | list[str] | float:
    """Return a decision, or a reference, as a reader would write it."""
    labels = contrast.task.labels
    if contrast.task.output_loss == "softmax":
        return labels[int(decision)]
    if contrast.task.output_loss == "sigmoid":
        return [label for label, is_chosen in zip(labels, decision, strict=True) if is_chosen]
    return round(float(decision), 6)


def consensus(side: Group) -> np.ndarray:
    """Return what most members of a side decide of each example, of as many for as against the more probable; of numbers the mean."""
    decisions = np.stack(side.decisions)
    if len(decisions) == 1:
        return decisions[0]
    if decisions.dtype.kind == "f":
        return decisions.mean(axis=0)
    known = [member.answers.probabilities for member in side.members if member.answers.probabilities is not None]
    # votes are whole numbers, probabilities decide between equal ones
    probabilities = np.mean(known, axis=0) / (len(decisions) + 1) if known else 0.0
    if decisions.dtype == bool:
        return decisions.mean(axis=0) + probabilities > 0.5 + 0.5 / (len(decisions) + 1)
    labels = decisions.max() + 1 if not known else known[0].shape[1]
    votes = np.stack([(decisions == label).mean(axis=0) for label in range(labels)], axis=1)  # (examples, labels)
    return (votes + probabilities).argmax(axis=1)


def confidence(side: Group) -> np.ndarray | None:
    """Return how certain a side is of each decision, (examples,), a mean over its members; None when one does not say it."""
    known = [member.answers.confidence for member in side.members if member.answers.confidence is not None]
    return np.mean(known, axis=0) if len(known) == len(side.members) else None


def compare_labels(contrast: Contrast, differences: Mapping[str, Differences]) -> dict[str, Any]:
    """Return label to the number of its `examples` and, for `precision`, `recall` and `f1`, both sides' values and their difference."""
    counts = np.ones((1, len(contrast.references)), np.int64)
    sides = [mean_scores(contrast.task, side.decisions, contrast.references, counts) for side in (contrast.first, contrast.second)]
    given = Counter(label for example in contrast.examples for label in contrast.task.scored_labels_of(example))
    return {
        label: {"examples": given[label], **{name: _compare_label(sides, differences[name], name, place) for name in differences}}
        for place, label in enumerate(contrast.task.scored_labels)
    }


def _compare_label(sides: Sequence[Mapping[str, np.ndarray]], differences: Differences, name: str, place: int) -> dict[str, Any]:
    first, second = (round(float(side[OF_LABELS + name][0, place]), 6) for side in sides)
    return {"first": first, "second": second, **describe(differences, place)}
