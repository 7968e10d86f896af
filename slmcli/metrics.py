"""Scores of predictions, with intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# our choice: enough that a 95 % interval moves by less than a twentieth of its width between seeds
_RESAMPLES = 2000


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, both ends included."""

    low: float
    high: float


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
    precision, recall, f1 = _per_label(matrix[None])
    counts = matrix.sum(axis=1)
    return {
        label: {"precision": float(precision[0, i]), "recall": float(recall[0, i]), "f1": float(f1[0, i]), "examples": int(counts[i])}
        for i, label in enumerate(labels)
    }


def score_intervals(matrix: np.ndarray, *, seed: int) -> dict[str, Interval]:
    """Return 95 % percentile bootstrap intervals of `classification_scores`.

    Resampling examples with replacement is drawing the cells of the confusion matrix from a multinomial, which is how it is done here.
    Source: Efron & Tibshirani 1993, chapter 13.
    """
    total = int(matrix.sum())
    if total == 0:
        return {name: Interval(0.0, 0.0) for name in classification_scores(matrix)}
    generator = np.random.default_rng(seed)
    samples = generator.multinomial(total, matrix.ravel() / total, size=_RESAMPLES).reshape(-1, *matrix.shape)
    return {name: Interval(*(float(bound) for bound in np.percentile(values, [2.5, 97.5]))) for name, values in _scores(samples).items()}


def log_loss(references: np.ndarray, probabilities: np.ndarray) -> float:
    """Return the mean negative log of the reference label's probability, in nats; probabilities (examples, classes)."""
    chosen = probabilities[np.arange(len(references)), references]
    return float(-np.log(np.clip(chosen, 1e-12, 1.0)).mean()) if len(references) else 0.0


def _scores(matrices: np.ndarray) -> dict[str, np.ndarray]:
    precision, recall, f1 = _per_label(matrices)
    is_used = (matrices.sum(axis=1) + matrices.sum(axis=2)) > 0
    is_reference = matrices.sum(axis=2) > 0
    diagonal = np.trace(matrices, axis1=1, axis2=2)
    return {
        "accuracy": _divide(diagonal, matrices.sum(axis=(1, 2))),
        "balanced_accuracy": _divide((recall * is_reference).sum(axis=1), is_reference.sum(axis=1)),
        "macro_precision": _divide((precision * is_used).sum(axis=1), is_used.sum(axis=1)),
        "macro_recall": _divide((recall * is_used).sum(axis=1), is_used.sum(axis=1)),
        "macro_f1": _divide((f1 * is_used).sum(axis=1), is_used.sum(axis=1)),
    }


def _per_label(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    hits = np.diagonal(matrices, axis1=1, axis2=2)
    references, predictions = matrices.sum(axis=2), matrices.sum(axis=1)
    return _divide(hits, predictions), _divide(hits, references), _divide(2 * hits, references + predictions)


def _divide(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    return np.divide(numerator, denominator, out=np.zeros(np.shape(numerator), np.float64), where=denominator > 0)
