"""The curves that areas are measured under: ROC, and precision by recall."""

from collections.abc import Sequence
from typing import Any  # Any: JSON documents

import numpy as np

# our choice: more points than a plot can show apart
_MOST_POINTS = 100
# our choice: as many curves as can be told apart in one plot without colour
_MOST_LABELS = 4


def curves_of(probabilities: np.ndarray, hits: np.ndarray, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Return the curves of the most frequent labels.

    Each has `label`, `roc`, points of false and true positive rate, and `precision_recall`, points of recall and precision. Of two labels
    that exclude each other the second alone is returned. Labels that all examples have, or none, are left out.

    Args:
        probabilities: (examples, classes).
        hits: (examples, classes) bool, whether a label is right.
        labels: Their names.
    """
    counts = hits.sum(axis=0)
    chosen = [1] if len(labels) == 2 and (counts.sum() == len(hits)) else np.argsort(-counts, kind="stable").tolist()
    usable = [column for column in chosen if 0 < counts[column] < len(hits)][:_MOST_LABELS]
    return [{"label": labels[column], **_curve(probabilities[:, column], hits[:, column])} for column in usable]


def _curve(probabilities: np.ndarray, hits: np.ndarray) -> dict[str, list[list[float]]]:
    order = np.argsort(-probabilities, kind="stable")
    ends = np.flatnonzero(np.diff(probabilities[order], append=-np.inf))
    true = np.cumsum(hits[order])[ends]
    false = ends + 1 - true
    recall, fall_out, precision = true / true[-1], false / false[-1], true / (ends + 1)
    kept = np.unique(np.linspace(0, len(ends) - 1, _MOST_POINTS).astype(np.int64))
    return {
        "roc": [[0.0, 0.0], *_points(fall_out[kept], recall[kept])],
        "precision_recall": _points(recall[kept], precision[kept]),
    }


def _points(first: np.ndarray, second: np.ndarray) -> list[list[float]]:
    return [[round(x, 4), round(y, 4)] for x, y in zip(first.tolist(), second.tolist(), strict=True)]
