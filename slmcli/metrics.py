"""Scores of predictions of one label, with intervals; and what is known of all scores by name."""

from collections.abc import Sequence

import numpy as np

from slmcli.intervals import Interval, bootstrap_intervals

CLASSIFICATION_SCORES = ("accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1")
MORE_CLASSIFICATION_SCORES = ("weighted_precision", "weighted_recall", "weighted_f1", "mcc")
# scores that are no shares: they are not written in percent
CORRELATIONS = frozenset({"pearson", "spearman", "mcc"})
# nats, and what follows from them
OF_LANGUAGE = frozenset({"loss", "perplexity", "nats_per_character", "bits_per_character"})
LOWER_IS_BETTER = frozenset({"log_loss", "brier", "expected_calibration_error", "mean_absolute_error", "root_mean_squared_error", *OF_LANGUAGE})
_CELLS_IN_MEMORY = 4_000_000


def confusion_matrix(references: np.ndarray, predictions: np.ndarray, *, classes: int) -> np.ndarray:
    """Return (classes, classes) counts: row = reference label id, column = predicted label id.

    Args:
        references: (examples,) label ids.
        predictions: (examples,) label ids.
        classes: Number of labels.
    """
    flat = np.bincount(references.astype(np.int64) * classes + predictions, minlength=classes * classes)
    return flat.reshape(classes, classes)


def classification_scores(matrix: np.ndarray) -> dict[str, float]:
    """Return accuracy, balanced accuracy, macro precision, recall and F1 of a confusion matrix.

    Labels that are neither in the references nor predicted are left out of the averages. All scores are 0 when there is no example.
    """
    found = _scores(matrix[None])
    return {name: float(found[name][0]) for name in CLASSIFICATION_SCORES}


def all_classification_scores(matrix: np.ndarray) -> dict[str, float]:
    """Return the same and averages weighted by the examples of each label, and Matthews' correlation coefficient `mcc`.

    Weighted recall is accuracy, as are the micro averages, which are left out. Source of `mcc` for more than two labels: Gorodkin 2004,
    equation 8; 0 where it is not defined.
    """
    return {name: float(value[0]) for name, value in _scores(matrix[None]).items()}


def per_label_scores(matrix: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and the number of examples of each label."""
    precision, recall, f1 = _per_label(matrix[None])
    counts = matrix.sum(axis=1)
    return {
        label: {"precision": float(precision[0, i]), "recall": float(recall[0, i]), "f1": float(f1[0, i]), "examples": int(counts[i])}
        for i, label in enumerate(labels)
    }


def score_intervals(matrix: np.ndarray, *, seed: int) -> dict[str, Interval]:
    """Return 95 % bootstrap intervals of `all_classification_scores`; the cells of the matrix are the kinds of examples."""
    return bootstrap_intervals(matrix.ravel(), lambda counts: _scores(counts.reshape(-1, *matrix.shape)), seed=seed)


def f1_intervals(matrix: np.ndarray, *, seed: int) -> list[Interval]:
    """Return the 95 % bootstrap interval of the F1 of each label."""

    def f1(counts: np.ndarray) -> dict[str, np.ndarray]:
        return {str(label): column for label, column in enumerate(_per_label(counts.reshape(-1, *matrix.shape))[2].T)}

    return list(bootstrap_intervals(matrix.ravel(), f1, seed=seed).values())


def log_loss(references: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean negative log of the reference label's probability, in nats; probabilities (examples, classes)."""
    return float(log_loss_of_each(references, probabilities).mean()) if len(references) else 0.0


def _scores(matrices: np.ndarray) -> dict[str, np.ndarray]:
    precision, recall, f1 = _per_label(matrices)
    is_used = (matrices.sum(axis=1) + matrices.sum(axis=2)) > 0
    is_reference = matrices.sum(axis=2) > 0
    sizes, parts = matrices.sum(axis=2), {"precision": precision, "recall": recall, "f1": f1}
    diagonal = np.trace(matrices, axis1=1, axis2=2)
    return {
        "accuracy": divide(diagonal, matrices.sum(axis=(1, 2))),
        "balanced_accuracy": divide((recall * is_reference).sum(axis=1), is_reference.sum(axis=1)),
        "macro_precision": divide((precision * is_used).sum(axis=1), is_used.sum(axis=1)),
        "macro_recall": divide((recall * is_used).sum(axis=1), is_used.sum(axis=1)),
        "macro_f1": divide((f1 * is_used).sum(axis=1), is_used.sum(axis=1)),
        **{f"weighted_{name}": divide((part * sizes).sum(axis=1), sizes.sum(axis=1)) for name, part in parts.items()},
        "mcc": _matthews(matrices),
    }


def _matthews(matrices: np.ndarray) -> np.ndarray:
    matrices = matrices.astype(np.float64)
    references, predictions, total = matrices.sum(axis=2), matrices.sum(axis=1), matrices.sum(axis=(1, 2))
    together = np.trace(matrices, axis1=1, axis2=2) * total - (references * predictions).sum(axis=1)
    spreads = (total**2 - (predictions**2).sum(axis=1)) * (total**2 - (references**2).sum(axis=1))
    return divide(together, np.sqrt(spreads))


def _per_label(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    references, predictions = matrices.sum(axis=2), matrices.sum(axis=1)
    return divide(hits, predictions), divide(hits, references), divide(2 * hits, references + predictions)


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the quotients, 0 where the denominator is not positive."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator), np.float64), where=denominator > 0)


def log_loss_of_each(references: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the negative log of the probability of each example's reference label, (examples,), in nats; probabilities (examples, classes)."""
    return -np.log(np.clip(probabilities[np.arange(len(references)), references], 1e-12, 1.0))


def sample_scores(
    predictions: np.ndarray, references: np.ndarray, counts: np.ndarray, *, classes: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the scores of samples that hold each example as often as counts say.

    Args:
        predictions: (examples,) label ids.
        references: (examples,) label ids.
        counts: (samples, examples) numbers.
        classes: Number of labels.

    Returns:
        Each score (samples,), and `precision`, `recall` and `f1` (samples, classes).
    """
    cells, places = np.unique(references.astype(np.int64) * classes + predictions, return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(len(cells)))
    counted = np.add.reduceat(counts[:, order].astype(np.float64), starts, axis=1)  # (samples, cells that occur)
    # a matrix of many labels is large, and mostly empty
    block = max(1, _CELLS_IN_MEMORY // classes**2)
    scored = [_score_matrices(counted[start : start + block], cells, classes) for start in range(0, len(counted), block)]
    return _join([scores for scores, _ in scored]), _join([labels for _, labels in scored])


def _join(parts: Sequence[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _score_matrices(counted: np.ndarray, cells: np.ndarray, classes: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    matrices = np.zeros((len(counted), classes * classes))
    matrices[:, cells] = counted
    square = matrices.reshape(-1, classes, classes)
    found = _scores(square)
    return {name: found[name] for name in CLASSIFICATION_SCORES}, dict(zip(("precision", "recall", "f1"), _per_label(square), strict=True))
