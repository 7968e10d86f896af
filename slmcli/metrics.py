"""Scores of predictions of one label, with intervals; and what is known of all scores by name."""

from collections.abc import Sequence

import numpy as np

from slmcli.intervals import Interval, bootstrap_intervals

CLASSIFICATION_SCORES = ("accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1")
CORRELATIONS = frozenset({"pearson", "spearman"})
# `precision`, `recall` and `f1` to an array whose last axis is labels
LabelScores = dict[str, np.ndarray]
LOWER_IS_BETTER = frozenset({"log_loss", "mean_absolute_error", "root_mean_squared_error"})


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
    return {name: float(value[0]) for name, value in _scores(matrix[None]).items()}


def per_label_scores(matrix: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and the number of examples of each label."""
    counts = matrix.sum(axis=1)
    precision, recall, f1 = label_scores(np.diagonal(matrix), matrix.sum(axis=0), counts).values()
    return {
        label: {"precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i]), "examples": int(counts[i])}
        for i, label in enumerate(labels)
    }


def score_intervals(matrix: np.ndarray, *, seed: int) -> dict[str, Interval]:
    """Return 95 % bootstrap intervals of `classification_scores`; the cells of the matrix are the kinds of examples."""
    return bootstrap_intervals(matrix.ravel(), lambda counts: _scores(counts.reshape(-1, *matrix.shape)), seed=seed)


def log_loss(references: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean negative log of the reference label's probability, in nats; probabilities (examples, classes)."""
    return float(log_loss_of_each(references, probabilities).mean()) if len(references) else 0.0


def log_loss_of_each(references: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the same of each example, (examples,)."""
    return -np.log(np.clip(probabilities[np.arange(len(references)), references], 1e-12, 1.0))


def sample_scores(predictions: np.ndarray, references: np.ndarray, counts: np.ndarray, *, classes: int) -> tuple[dict[str, np.ndarray], LabelScores]:
    """Return the scores (samples,), and those of each label, of samples that hold each example as often as counts (samples, examples) say.

    Args:
        predictions: (examples,) label ids.
        references: (examples,) label ids.
        counts: (samples, examples) numbers.
        classes: Number of labels.
    """
    predicted, given = (np.eye(classes)[label_ids] for label_ids in (predictions, references))  # (examples, classes)
    counted = counts.astype(np.float64)
    tallies = counted @ (predicted * given), counted @ predicted, counted @ given
    return _scores_of(*tallies), label_scores(*tallies)


def label_scores(hits: np.ndarray, predicted: np.ndarray, given: np.ndarray) -> LabelScores:
    """Return `precision`, `recall` and `f1` of each label, given how often it is rightly predicted, predicted, and right; all of one shape."""
    return {"precision": divide(hits, predicted), "recall": divide(hits, given), "f1": divide(2 * hits, given + predicted)}


def _scores(matrices: np.ndarray) -> dict[str, np.ndarray]:
    return _scores_of(np.diagonal(matrices, axis1=1, axis2=2), matrices.sum(axis=1), matrices.sum(axis=2))


def _scores_of(hits: np.ndarray, predicted: np.ndarray, given: np.ndarray) -> dict[str, np.ndarray]:
    """Return each score (samples,) of how often each label is rightly predicted, predicted, and right, (samples, classes)."""
    precision, recall, f1 = label_scores(hits, predicted, given).values()
    is_used, is_reference = given + predicted > 0, given > 0
    return {
        "accuracy": divide(hits.sum(axis=1), given.sum(axis=1)),
        "balanced_accuracy": divide((recall * is_reference).sum(axis=1), is_reference.sum(axis=1)),
        "macro_precision": divide((precision * is_used).sum(axis=1), is_used.sum(axis=1)),
        "macro_recall": divide((recall * is_used).sum(axis=1), is_used.sum(axis=1)),
        "macro_f1": divide((f1 * is_used).sum(axis=1), is_used.sum(axis=1)),
    }


def divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Return the quotients, 0 where the denominator is not positive."""
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator), np.float64), where=denominator > 0)
