"""Scores of predictions, with intervals."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# our choice: enough that a 95 % interval moves by less than a twentieth of its width between seeds
_RESAMPLES = 2000
_CELLS_IN_MEMORY = 4_000_000
_NORMAL_97_5 = 1.959964


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
    """Return 95 % bias-corrected bootstrap intervals of `classification_scores`, widened to hold the score itself.

    Resampling examples with replacement is drawing the cells of the confusion matrix from a multinomial, which is how it is done here.
    Source: Efron & Tibshirani 1993, section 14.3, without acceleration. The correction matters when many labels have few examples.
    """
    scores = classification_scores(matrix)
    if not matrix.sum():
        return {name: Interval(0.0, 0.0) for name in scores}
    samples = _resample(matrix, np.random.default_rng(seed))
    return {name: _corrected_interval(samples[name], score) for name, score in scores.items()}


def _resample(matrix: np.ndarray, generator: np.random.Generator) -> dict[str, np.ndarray]:
    """Return each score of every resample, made in blocks that fit into memory."""
    total = int(matrix.sum())
    block = max(1, _CELLS_IN_MEMORY // matrix.size)
    sizes = [min(block, _RESAMPLES - start) for start in range(0, _RESAMPLES, block)]
    blocks = [_scores(generator.multinomial(total, matrix.ravel() / total, size=size).reshape(-1, *matrix.shape)) for size in sizes]
    return {name: np.concatenate([scores[name] for scores in blocks]) for name in blocks[0]}


def _corrected_interval(samples: np.ndarray, score: float) -> Interval:
    normal = statistics.NormalDist()
    below = (np.sum(samples < score) + 0.5 * np.sum(samples == score)) / len(samples)
    bias = normal.inv_cdf(float(np.clip(below, 0.5 / len(samples), 1.0 - 0.5 / len(samples))))
    low, high = np.quantile(samples, [normal.cdf(2.0 * bias - _NORMAL_97_5), normal.cdf(2.0 * bias + _NORMAL_97_5)])
    return Interval(min(float(low), score), max(float(high), score))


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
