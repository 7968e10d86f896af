"""Which labels are likely wrong, judged by the probabilities of a model that has not learned from them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Suspects:
    """Examples whose label is likely wrong, the most likely first.

    Attributes:
        rows: (suspects,) int64, their places among the examples.
        suggested: (suspects,) int64, for each the label id that is more likely right.
    """

    rows: np.ndarray
    suggested: np.ndarray


def find_suspects(probabilities: np.ndarray, label_ids: np.ndarray) -> Suspects:
    """Return the examples that confidently belong to another label than the given one.

    A label is confident for an example when its probability reaches the label's threshold: what it is, on average, for the examples
    that were given this label. The most probable of the confident labels counts. The examples whose given label is least probable come
    first, which puts more errors in front than the margin between both labels does (docs/decisions.md).
    Source: Northcutt, Jiang & Chuang 2021, "Confident Learning: Estimating Uncertainty in Dataset Labels", section 3.1 (the confident
    joint, of which these are the examples off the diagonal) and section 3.2 (ranking by self-confidence, as in method 3). Differs: the
    suggested label must be more probable than the given one, since the threshold of a label with few examples can be very low.

    Args:
        probabilities: (examples, classes), from a model that was not trained on these examples.
        label_ids: (examples,) the given labels.
    """
    confident = np.where(probabilities >= thresholds_of(probabilities, label_ids), probabilities, -1.0)
    suggested = confident.argmax(axis=1) if len(confident) else np.zeros(0, np.int64)
    rows = np.arange(len(label_ids))
    given = probabilities[rows, label_ids]
    found = np.flatnonzero(confident[rows, suggested] > given)
    found = found[np.argsort(given[found], kind="stable")]
    return Suspects(found, suggested[found])


def thresholds_of(probabilities: np.ndarray, label_ids: np.ndarray) -> np.ndarray:
    """Return (classes,) the mean probability of each label among the examples that were given it; infinite where there are none."""
    classes = probabilities.shape[1]
    counts = np.bincount(label_ids, minlength=classes)
    sums = np.bincount(label_ids, weights=probabilities[np.arange(len(label_ids)), label_ids], minlength=classes)
    return np.divide(sums, counts, out=np.full(classes, np.inf), where=counts > 0)
