"""Scores of two sides on the same examples: how far apart they are, and whether chance alone could have done that.

A side is what one model decides of each example, or several models that are taken together: their scores are means over them.
"""

import itertools
import math
from collections.abc import Sequence
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.paired import Differences, bootstrap_differences, mcnemar_test, permutation_test
from slmcli.tasks.base import JudgedTask

MCNEMAR, PERMUTATION = "McNemar's test, mid-p", "permutation test"
# before the names of scores of labels, whose values are (labels,)
OF_LABELS = "label "
# our choice, as everywhere: what chance does more seldom than once in twenty times is clear
LEVEL = 0.05

# what each model of a side decides, in the form of `task.decide`
Side = Sequence[np.ndarray]


def paired_differences(task: JudgedTask, references: np.ndarray, first: Side, second: Side, *, seed: int) -> dict[str, Differences]:
    """Return the differences of all scores, second less first, with 95 % intervals; those of each label under names of their own.

    Args:
        task: The task.
        references: As `task.references` returns them.
        first: The side that the other is compared with.
        second: The other.
        seed: Seed of the resampling.
    """
    rows, counts = kinds_of(references, *first, *second)

    def difference(samples: np.ndarray) -> dict[str, np.ndarray]:
        one, two = (mean_scores(task, [part[rows] for part in side], references[rows], samples) for side in (first, second))
        return {name: two[name] - one[name] for name in one}

    return bootstrap_differences(counts, difference, seed=seed)


def paired_p_value(task: JudgedTask, references: np.ndarray, first: Side, second: Side, *, seed: int) -> tuple[str, float]:
    """Return the name of the test of the main score, and its p-value: McNemar's for one label and one model a side, else by permutation."""
    if task.output_loss == "softmax" and len(first) == len(second) == 1:
        one, two = (side[0] == references for side in (first, second))
        return MCNEMAR, mcnemar_test(int((one & ~two).sum()), int((~one & two).sum()))
    are_alike = all(np.array_equal(one, two) for one, two in itertools.product(first, second))
    return PERMUTATION, 1.0 if are_alike else _permute(task, references, first, second, seed=seed)


def main_difference(task: JudgedTask, references: np.ndarray, first: np.ndarray, second: np.ndarray, *, seed: int) -> dict[str, Any]:
    """Return by how much the main score of what one decides is greater than that of another, and whether that is more than chance.

    Args:
        task: The task.
        references: As `task.references` returns them.
        first: What the other decides.
        second: What the one decides.
        seed: Seed of the resampling.

    Returns:
        `value`, its paired 95 % `interval`, the `p` of the `test` of that name, and `is_clear`: interval and test agree that there is a difference.
    """
    found = paired_differences(task, references, [first], [second], seed=seed)[task.headline[0]]
    test, p = paired_p_value(task, references, [first], [second], seed=seed)
    return {
        "value": round(float(found.found), 6),
        "interval": [round(float(found.low), 6), round(float(found.high), 6)],
        "test": test,
        "p": p,
        "is_clear": p < LEVEL and bool(found.are_clear) and len(references) > 1,
    }


def kinds_of(references: np.ndarray, *decisions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of one example of each kind, and (kinds,) how many there are: all that is right and decided is the same within a kind."""
    columns = np.concatenate([part.reshape(len(references), -1).astype(np.float64) for part in (references, *decisions)], axis=1)
    _, rows, counts = np.unique(columns, axis=0, return_index=True, return_counts=True)
    return rows, counts


def mean_scores(task: JudgedTask, side: Side, references: np.ndarray, samples: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores of samples, given as counts (samples, examples): means over a side, those of labels under names of their own."""
    scored = [task.score_samples(decisions, references, samples) for decisions in side]
    named = [{**scores, **{OF_LABELS + name: value for name, value in labels.items()}} for scores, labels in scored]
    return {name: np.mean([each[name] for each in named], axis=0) for name in named[0]}


def _permute(task: JudgedTask, references: np.ndarray, first: Side, second: Side, *, seed: int) -> float:
    """Return the p-value of the permutation test, in which members of both sides are paired, each equally often."""
    main = task.headline[0]
    rows, counts = kinds_of(references, *first, *second)
    both = np.concatenate([references[rows]] * 2)
    number = math.lcm(len(first), len(second))
    pairs = [np.concatenate([first[place % len(first)][rows], second[place % len(second)][rows]]) for place in range(number)]

    def difference(exchanged: np.ndarray) -> np.ndarray:
        stayed = counts - exchanged
        one, two = (mean_scores(task, pairs, both, np.concatenate(parts, axis=1))[main] for parts in ((stayed, exchanged), (exchanged, stayed)))
        return two - one

    return permutation_test(counts, difference, seed=seed)
