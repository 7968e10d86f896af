"""Scores of probabilities: how sure a model may be, and how well it ranks, with intervals."""

import numpy as np

from slmcli.intervals import Interval, bootstrap_intervals
from slmcli.metrics import divide

MEAN_SCORES = ("log_loss", "brier")
CALIBRATION_SCORE = "expected_calibration_error"
RANKING_SCORES = ("roc_auc", "pr_auc")
_BIASED = (CALIBRATION_SCORE, "pr_auc")
# Source: Guo et al. 2017, section 5, which compares models with 15 bins.
CALIBRATION_BINS = 15
_LEAST_PROBABILITY = 1e-12
# our choice: sums that take a few seconds; with more labels, fewer samples
_MOST_RANKED = 200_000_000


def probability_intervals(probabilities: np.ndarray, hits: np.ndarray, *, is_one: bool, seed: int) -> tuple[dict[str, float], dict[str, Interval]]:
    """Return scores of probabilities and their 95 % bootstrap intervals; those of rankings are left out when no label is given to some examples only.

    `log_loss` in nats and `brier` are means over examples; for any number of labels also over labels. `brier` is half of the sum over
    labels that Brier 1950 has, so that it is 0 to 1, and for two labels what is usual. `expected_calibration_error`: of one label only.
    `roc_auc` and `pr_auc` (average precision) are means over the labels, each against all others. The interval of the calibration error
    is wide enough in nine samples of ten where a model is badly calibrated; where it is as good as calibrated, the error itself and both
    ends are too high (benchmarks/intervals.py).

    Args:
        probabilities: (examples, classes).
        hits: (examples, classes) bool, whether a label is right.
        is_one: Whether exactly one label is right.
        seed: Seed of the resampling.
    """
    counts = np.ones(len(hits), np.int64)
    means = _Means(probabilities.astype(np.float64), hits, is_one=is_one)
    scores = {name: float(value[0]) for name, value in means(counts[None]).items()}
    intervals = bootstrap_intervals(counts, means, seed=seed, biased=_BIASED)
    rankings = _Rankings(probabilities, hits)
    if not rankings.columns:
        return scores, intervals
    samples = _MOST_RANKED // max(1, len(hits) * len(rankings.columns))
    ranked = {name: float(value[0]) for name, value in rankings(counts[None]).items()}
    return {**scores, **ranked}, {**intervals, **bootstrap_intervals(counts, rankings, seed=seed, resamples=samples, biased=_BIASED)}


def calibration_bins(probabilities: np.ndarray, references: np.ndarray) -> list[dict[str, float]]:
    """Return `examples`, mean `probability` and `accuracy` of the most probable label, for each bin of equal width that holds examples.

    Args:
        probabilities: (examples, classes).
        references: (examples,) label ids.
    """
    sure = probabilities.max(axis=1).astype(np.float64)
    bins = bins_of(sure)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    said = divide(np.bincount(bins, weights=sure, minlength=CALIBRATION_BINS), counts)
    right = divide(np.bincount(bins, weights=probabilities.argmax(axis=1) == references, minlength=CALIBRATION_BINS), counts)
    return [
        {"examples": int(counts[place]), "probability": round(float(said[place]), 6), "accuracy": round(float(right[place]), 6)}
        for place in np.flatnonzero(counts)
    ]


def bins_of(probabilities: np.ndarray) -> np.ndarray:
    """Return the bin of equal width of each probability, from 0."""
    return np.clip(np.ceil(probabilities * CALIBRATION_BINS).astype(np.int64) - 1, 0, CALIBRATION_BINS - 1)


class _Means:
    """Scores that are means over examples, of samples that hold each example as often as counts (samples, examples) say."""

    def __init__(self, probabilities: np.ndarray, hits: np.ndarray, *, is_one: bool) -> None:
        given = np.log(np.clip(np.where(hits, probabilities, 1.0 if is_one else 1.0 - probabilities), _LEAST_PROBABILITY, 1.0))
        squares = (probabilities - hits) ** 2
        self._loss = -given.sum(axis=1) if is_one else -given.mean(axis=1)
        self._brier = squares.sum(axis=1) / 2 if is_one else squares.mean(axis=1)
        self._gaps = np.zeros((len(hits), 0))
        if is_one and len(hits):
            sure = probabilities.max(axis=1)
            gap = sure - hits[np.arange(len(hits)), probabilities.argmax(axis=1)]
            self._gaps = np.where(bins_of(sure)[:, None] == np.arange(CALIBRATION_BINS), gap[:, None], 0.0)  # (examples, bins)
        self._is_one = is_one

    def __call__(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Return each score (samples,)."""
        weights = counts.astype(np.float64)
        total = weights.sum(axis=1)
        scores = {"log_loss": divide(weights @ self._loss, total), "brier": divide(weights @ self._brier, total)}
        if not self._is_one:
            return scores
        # Source: Guo et al. 2017, equation 3
        return {**scores, CALIBRATION_SCORE: divide(np.abs(weights @ self._gaps).sum(axis=1), total)}


class _Rankings:
    """Areas under curves, of samples that hold each example as often as counts (samples, examples) say.

    Attributes:
        columns: The labels that some examples have and others have not.
    """

    def __init__(self, probabilities: np.ndarray, hits: np.ndarray) -> None:
        self.columns = np.flatnonzero(hits.any(axis=0) & ~hits.all(axis=0)).tolist()
        self._sorted = [_falling(probabilities[:, column], hits[:, column]) for column in self.columns]

    def __call__(self, counts: np.ndarray) -> dict[str, np.ndarray]:
        """Return each score (samples,): means over the labels that a sample has and lacks."""
        areas = np.stack([_areas(counts, *columns) for columns in self._sorted])  # (labels, 2, samples)
        is_defined = ~np.isnan(areas)
        means = divide(np.where(is_defined, areas, 0.0).sum(axis=0), is_defined.sum(axis=0))
        return dict(zip(RANKING_SCORES, means, strict=True))


def _falling(probabilities: np.ndarray, hits: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the order by falling probability, whether a label is right in that order, and where the last of each equal probability stands."""
    order = np.argsort(-probabilities, kind="stable")
    ends = np.flatnonzero(np.diff(probabilities[order], append=-np.inf))
    return order, hits[order], ends


def _areas(counts: np.ndarray, order: np.ndarray, hits: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """Return (2, samples) the area under the ROC curve and the average precision; NaN where a sample has no such example, or has such alone.

    Equal probabilities are passed together: on the ROC curve by a straight line (Fawcett 2006, section 4), in the precision by one step.
    """
    drawn = counts[:, order].astype(np.float32)
    true = np.cumsum(drawn * hits, axis=1, dtype=np.float64)[:, ends]
    false = np.cumsum(drawn * ~hits, axis=1, dtype=np.float64)[:, ends]
    gained = np.diff(true, axis=1, prepend=0.0)
    positives, negatives = true[:, -1], false[:, -1]
    area = ((true - gained / 2) * np.diff(false, axis=1, prepend=0.0)).sum(axis=1)
    precision = (gained * divide(true, true + false)).sum(axis=1)
    is_defined = (positives > 0) & (negatives > 0)
    return np.where(is_defined, [divide(area, positives * negatives), divide(precision, positives)], np.nan)
