"""Whether weights are true to the model: the deletion curve, beside that of words left out at random."""

from dataclasses import asdict, dataclass
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.explainers.base import Question

_POINTS = 20  # our choice: texts of up to as many words are looked at word by word
_RANDOM_ORDERS = 5  # our choice: their mean then varies by less than the area that a method gains


@dataclass(frozen=True)
class DeletionCurve:
    """The number as words are left out, those with the highest weight first, and in random orders.

    Attributes:
        removed: How many words are left out at each point, from 0 to all.
        by_weight: The number at each point.
        at_random: The mean of the number over random orders at each point.
        area_between: The mean of `at_random` less `by_weight` over the share of words left out; above 0: the weights know more than chance.
        random_orders: How many random orders.
    """

    removed: list[int]
    by_weight: list[float]
    at_random: list[float]
    area_between: float
    random_orders: int

    def to_json(self) -> dict[str, Any]:
        """Return it as a JSON document."""
        return {name: _rounded(value) for name, value in asdict(self).items()}


def measure_deletion(question: Question, weights: np.ndarray) -> DeletionCurve:
    """Leave words out by weight, and at random, and look at the number.

    Source: Samek et al. 2017, section IV, "region perturbation": the area over a curve in which the most relevant goes first, beside
    that of random orders; what DeYoung et al. 2020, section 5, call comprehensiveness is the fall at each point. Differs: the curve
    runs to the empty text, and the area is a mean over shares of words, so that texts of all lengths can be compared.

    Args:
        question: What was explained.
        weights: (words,) float64.
    """
    size = question.size
    removed = np.unique(np.linspace(0, size, min(size, _POINTS) + 1).round().astype(int))
    generator = np.random.default_rng(question.seed)
    orders = [np.argsort(-weights, kind="stable"), *(generator.permutation(size) for _ in range(_RANDOM_ORDERS))]
    ranks = np.stack([np.argsort(order) for order in orders])  # (orders, words)
    is_kept = ranks[:, None, :] >= removed[None, :, None]  # (orders, points, words)
    values = question.values(is_kept.reshape(-1, size)).reshape(len(orders), len(removed))
    by_weight, at_random = values[0], values[1:].mean(axis=0)
    area = float(np.trapezoid(at_random - by_weight, removed / size))
    return DeletionCurve(removed.tolist(), by_weight.tolist(), at_random.tolist(), area, _RANDOM_ORDERS)


def _rounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return round(value, 6) if isinstance(value, float) else value
