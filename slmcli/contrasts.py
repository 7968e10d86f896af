"""Two sides on the same examples: how their scores differ, in all and on parts of the examples, and which answers changed."""

import itertools
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.contestants import Group
from slmcli.metrics import log_loss_of_each
from slmcli.paired import Differences, bootstrap_differences, mcnemar_test, permutation_test
from slmcli.pretokens import WORD_PATTERN
from slmcli.reading import Example
from slmcli.tasks.base import TrainableTask

MCNEMAR, PERMUTATION = "McNemar's test, mid-p", "permutation test"
_OF_LABELS = "label "  # before the names of scores of labels
_LOG_LOSS = "log_loss"
# our choice: quarters of fewer examples say nothing
_FEWEST_TO_SLICE = 20


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

    task: TrainableTask
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
    def is_same(self) -> bool:
        """Whether both sides decide the same of every example."""
        return all(np.array_equal(one, two) for one, two in itertools.product(self.first.decisions, self.second.decisions))


def score_differences(contrast: Contrast) -> tuple[dict[str, Differences], dict[str, Differences]]:
    """Return the differences of each score, second less first, with their intervals; and those of each label's, (labels,)."""
    found = _bootstrap(contrast, np.arange(len(contrast.references)))
    labels = {name.removeprefix(_OF_LABELS): value for name, value in found.items() if name.startswith(_OF_LABELS)}
    scores = {name: value for name, value in found.items() if not name.startswith(_OF_LABELS)}
    return {**scores, **_log_loss_difference(contrast)}, labels


def _bootstrap(contrast: Contrast, places: np.ndarray) -> dict[str, Differences]:
    """Return the differences on the examples at some places."""
    references = contrast.references[places]
    sides = [[decisions[places] for decisions in side.decisions] for side in (contrast.first, contrast.second)]
    rows, counts = _kinds(references, *sides)

    def difference(samples: np.ndarray) -> dict[str, np.ndarray]:
        first, second = (_mean_scores(contrast.task, [part[rows] for part in side], references[rows], samples) for side in sides)
        return {name: second[name] - first[name] for name in first}

    return bootstrap_differences(counts, difference, seed=contrast.seed)


def _kinds(references: np.ndarray, *sides: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of one example of each kind, and (kinds,) how many there are: all that is right and decided is the same within a kind."""
    parts = (references, *itertools.chain.from_iterable(sides))
    columns = np.concatenate([part.reshape(len(references), -1).astype(np.float64) for part in parts], axis=1)
    _, rows, counts = np.unique(columns, axis=0, return_index=True, return_counts=True)
    return rows, counts


def _mean_scores(task: TrainableTask, side: Sequence[np.ndarray], references: np.ndarray, samples: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of samples, means over the members of a side, those of labels under names of their own."""
    scored = [task.score_samples(decisions, references, samples) for decisions in side]
    named = [{**scores, **{_OF_LABELS + name: value for name, value in labels.items()}} for scores, labels in scored]
    return {name: np.mean([each[name] for each in named], axis=0) for name in named[0]}


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
    table = {} if contrast.task.output_loss == "square" else _count_right(contrast)
    is_single = len(contrast.first.members) == len(contrast.second.members) == 1
    if contrast.task.output_loss == "softmax" and is_single:
        return {"name": MCNEMAR, "p": mcnemar_test(table["only_first_right"], table["only_second_right"]), **table}
    return {"name": PERMUTATION, "p": 1.0 if contrast.is_same else _permute(contrast), **table}


def _permute(contrast: Contrast) -> float:
    """Return the p-value of the permutation test, in which members of both sides are paired, each equally often."""
    first, second = contrast.first.decisions, contrast.second.decisions
    rows, counts = _kinds(contrast.references, first, second)
    references = np.concatenate([contrast.references[rows]] * 2)
    number = math.lcm(len(first), len(second))
    pairs = [np.concatenate([first[place % len(first)][rows], second[place % len(second)][rows]]) for place in range(number)]

    def difference(exchanged: np.ndarray) -> np.ndarray:
        stayed = counts - exchanged
        one, two = (
            _mean_scores(contrast.task, pairs, references, np.concatenate(parts, axis=1))[contrast.main]
            for parts in ((stayed, exchanged), (exchanged, stayed))
        )
        return two - one

    return permutation_test(counts, difference, seed=contrast.seed)


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
    return (consensus(side) == contrast.references).reshape(len(contrast.references), -1).all(axis=1)


def compare_slices(contrast: Contrast) -> list[dict[str, Any]]:
    """Return the difference of the main score on the shortest quarter of the texts, the next, and so on; none for few examples."""
    if len(contrast.examples) < _FEWEST_TO_SLICE:
        return []
    lengths = np.array([_words(contrast.task.texts(example)) for example in contrast.examples])
    quarters = np.searchsorted(np.unique(np.quantile(lengths, [0.25, 0.5, 0.75])), lengths)
    slices = [np.flatnonzero(quarters == quarter) for quarter in np.unique(quarters)]
    return [_compare_slice(contrast, places, _say_lengths(lengths[places])) for places in slices] if len(slices) > 1 else []


def _words(texts: Sequence[str]) -> int:
    return sum(len(re.findall(WORD_PATTERN, text)) for text in texts)


def _say_lengths(lengths: np.ndarray) -> str:
    low, high = int(lengths.min()), int(lengths.max())
    return f"{low:,} to {high:,} words" if low < high else f"{low:,} words"


def _compare_slice(contrast: Contrast, places: np.ndarray, name: str) -> dict[str, Any]:
    found = _bootstrap(contrast, places)[contrast.main]
    counts, references = np.ones((1, len(places)), np.int64), contrast.references[places]
    first, second = (
        _mean_scores(contrast.task, [decisions[places] for decisions in side.decisions], references, counts)[contrast.main]
        for side in (contrast.first, contrast.second)
    )
    return {"by": "length", "slice": name, "examples": len(places), "first": float(first[0]), "second": float(second[0]), **describe(found)}


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
    if contrast.task.output_loss == "square":
        errors = [np.abs(consensus(side) - contrast.references) for side in sides]
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


def _show_example(contrast: Contrast, place: int, said: Sequence[tuple[np.ndarray, np.ndarray | None]]) -> dict[str, Any]:
    """Return an example and what both sides say of it, given their decisions and how certain they are."""
    example = contrast.examples[place]
    texts = {field.name: example.values.get(field.name) for field in contrast.task.fields if field.kind == "text" and not field.is_target}
    document = {"example": place + 1, "source": example.source, "row": example.row, **texts, "reference": _name(contrast, contrast.references[place])}
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
    sides = [_mean_scores(contrast.task, side.decisions, contrast.references, counts) for side in (contrast.first, contrast.second)]
    given = Counter(label for example in contrast.examples for label in contrast.task.labels_of(example))
    return {
        label: {"examples": given[label], **{name: _compare_label(sides, differences[name], name, place) for name in differences}}
        for place, label in enumerate(contrast.task.labels)
    }


def _compare_label(sides: Sequence[Mapping[str, np.ndarray]], differences: Differences, name: str, place: int) -> dict[str, Any]:
    first, second = (round(float(side[_OF_LABELS + name][0, place]), 6) for side in sides)
    return {"first": first, "second": second, **describe(differences, place)}
