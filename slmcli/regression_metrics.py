"""Scores of predicted numbers, with intervals."""

import numpy as np

from slmcli.intervals import Interval, bootstrap_intervals
from slmcli.metrics import divide

SCORES = ("pearson", "spearman", "mean_absolute_error", "root_mean_squared_error")


def regression_scores(predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """Return Pearson's and Spearman's correlation, mean absolute and root mean squared error.

    A correlation with what is the same everywhere is 0; all scores are 0 when there is no example.

    Args:
        predictions: (examples,) numbers.
        references: (examples,) numbers.
    """
    return {name: float(value[0]) for name, value in _Scorer(predictions, references)(np.ones((1, len(references)), np.int64)).items()}


def regression_intervals(predictions: np.ndarray, references: np.ndarray, *, seed: int) -> dict[str, Interval]:
    """Return 95 % bootstrap intervals of `regression_scores`; every example is a kind of its own."""
    return bootstrap_intervals(np.ones(len(references), np.int64), _Scorer(predictions, references), seed=seed)


def sample_scores(predictions: np.ndarray, references: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """Return the scores (samples,) of samples that hold each example as often as counts (samples, examples) say."""
    return _Scorer(predictions, references)(counts)


class _Scorer:
    """Scores of samples that hold each example as often as counts (samples, examples) say."""

    def __init__(self, predictions: np.ndarray, references: np.ndarray) -> None:
        self._predictions = predictions.astype(np.float64)
        self._references = references.astype(np.float64)
        self._errors = self._predictions - self._references

    def __call__(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Return each score (samples,)."""
        counts = counts.astype(np.float64)
        total = counts.sum(axis=1)
        return {
            "pearson": _correlation(counts, self._predictions[None], self._references[None]),
            "spearman": _correlation(counts, _ranks(counts, self._predictions), _ranks(counts, self._references)),
            "mean_absolute_error": divide(counts @ np.abs(self._errors), total),
            "root_mean_squared_error": np.sqrt(divide(counts @ self._errors**2, total)),
        }


def _correlation(counts: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation (samples,) of values (samples or 1, examples) that occur as often as counts say."""
    total = counts.sum(axis=1)
    size = np.sqrt(_sum(counts, first, first) * _sum(counts, second, second))
    first, second = (values - divide(_sum(counts, values), total)[:, None] for values in (first, second))
    spread = np.sqrt(_sum(counts, first, first) * _sum(counts, second, second))
    # our choice: what differs by rounding alone is the same everywhere
    return divide(_sum(counts, first, second), np.where(spread > 1e-12 * size, spread, 0.0))


def _sum(counts: np.ndarray, *factors: np.ndarray) -> np.ndarray:
    """Return the sum (samples,) over examples of products of factors (samples, examples), each as often as counts say."""
    terms = ",".join(["se"] * (1 + len(factors)))
    return np.einsum(f"{terms}->s", counts, *(np.broadcast_to(factor, counts.shape) for factor in factors))


def _ranks(counts: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the mean rank (samples, examples) of each value among those of a sample."""
    _, places = np.unique(values, return_inverse=True)
    together = np.zeros((len(counts), places.max(initial=-1) + 1))  # (samples, different values)
    for sample, row in enumerate(counts):
        together[sample] = np.bincount(places, weights=row, minlength=together.shape[1])
    return (np.cumsum(together, axis=1) - (together - 1.0) / 2.0)[:, places]
