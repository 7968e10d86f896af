"""The probability from which on a label is said to fit, chosen by the scores it leads to."""

import numpy as np

from slmcli.metrics import divide

DEFAULT = 0.5


def best_threshold(probabilities: np.ndarray, is_positive: np.ndarray, *, averages_both: bool) -> float:
    """Return the threshold with the highest F1, halfway between two probabilities; of equally good ones the nearest to 0.5.

    Args:
        probabilities: (examples,) of the label.
        is_positive: (examples,) bool, whether an example has the label.
        averages_both: Whether F1 is the mean of that of having and that of lacking the label, or that of having it alone.

    Returns:
        The threshold; 0.5 when no example has the label, or all have.
    """
    if is_positive.all() or not is_positive.any():
        return DEFAULT
    order = np.argsort(-probabilities, kind="stable")
    ordered, hits = probabilities[order].astype(np.float64), np.cumsum(is_positive[order])
    found = np.arange(1, len(order) + 1)  # examples at or above each place
    scores = divide(2 * hits, found + hits[-1])
    if averages_both:
        rest, negatives = len(order) - found, len(order) - hits[-1]
        scores = (scores + divide(2 * (negatives - (found - hits)), rest + negatives)) / 2
    below = np.append(ordered[1:], 0.0)
    candidates = (ordered + below) / 2
    scores = np.where(ordered > below, scores, -1.0)  # equal probabilities cannot be told apart
    best = np.flatnonzero(scores >= scores.max() - 1e-12)
    return float(candidates[best[np.argmin(np.abs(candidates[best] - DEFAULT))]])
