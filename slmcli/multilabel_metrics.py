"""Scores of predictions of any number of labels for an example, with intervals."""

from collections.abc import Sequence

import numpy as np

from slmcli.intervals import Interval, bootstrap_intervals
from slmcli.metrics import divide

SCORES = ("micro_f1", "macro_f1", "micro_precision", "micro_recall", "subset_accuracy")


def multilabel_scores(predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
    """Return micro and macro F1, micro precision and recall, and the share of examples whose labels are all right.

    Source: Tsoumakas, Katakis & Vlahavas 2010, section 3.1 (example-based) and 3.2 (label-based). Labels that are neither in
    the references nor predicted are left out of macro F1. All scores are 0 when there is no example.

    Args:
        predictions: (examples, labels) bool.
        references: (examples, labels) bool.
    """
    return {name: float(value[0]) for name, value in _scores(np.ones((1, len(references))), predictions, references).items()}


def multilabel_intervals(predictions: np.ndarray, references: np.ndarray, *, seed: int) -> dict[str, Interval]:
    """Return 95 % bootstrap intervals of `multilabel_scores`; examples with equal predictions and references are of one kind."""
    kinds, counts = np.unique(np.concatenate([predictions, references], axis=1), axis=0, return_counts=True)
    labels = references.shape[1]
    return bootstrap_intervals(counts, lambda samples: _scores(samples, kinds[:, :labels], kinds[:, labels:]), seed=seed)


def f1_intervals(predictions: np.ndarray, references: np.ndarray, *, seed: int) -> list[Interval]:
    """Return the 95 % bootstrap interval of the F1 of each label: examples that hit, miss or wrongly have a label are of one kind each."""
    hits = (predictions & references).sum(axis=0)
    sizes = np.stack([hits, (predictions | references).sum(axis=0) - hits], axis=1)
    counts = np.concatenate([sizes, len(references) - sizes.sum(axis=1, keepdims=True)], axis=1)  # (labels, 3)
    return [bootstrap_intervals(kinds, _f1_of_kinds, seed=seed)["f1"] for kinds in counts]


def _f1_of_kinds(counts: np.ndarray) -> dict[str, np.ndarray]:
    hits, misses = counts[:, 0].astype(np.float64), counts[:, 1]
    return {"f1": divide(2 * hits, 2 * hits + misses)}


def per_label_scores(predictions: np.ndarray, references: np.ndarray, labels: Sequence[str]) -> dict[str, dict[str, float]]:
    """Return precision, recall, F1 and the number of examples of each label."""
    hits, predicted, given = ((part.sum(axis=0)) for part in (predictions & references, predictions, references))
    precision, recall, f1 = divide(hits, predicted), divide(hits, given), divide(2 * hits, predicted + given)
    return {
        label: {"precision": float(precision[i]), "recall": float(recall[i]), "f1": float(f1[i]), "examples": int(given[i])}
        for i, label in enumerate(labels)
    }


def sample_scores(predictions: np.ndarray, references: np.ndarray, counts: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the scores of samples that hold each example as often as counts say.

    Args:
        predictions: (examples, labels) bool.
        references: (examples, labels) bool.
        counts: (samples, examples) numbers.

    Returns:
        Each score (samples,), and `precision`, `recall` and `f1` (samples, labels).
    """
    counted = _count(predictions, references, counts)
    hits, predicted, given = counted
    labels = {"precision": divide(hits, predicted), "recall": divide(hits, given), "f1": divide(2 * hits, predicted + given)}
    return _score_counted(counted, predictions, references, counts), labels


def _scores(counts: np.ndarray, predictions: np.ndarray, references: np.ndarray) -> dict[str, np.ndarray]:
    """Return each score (samples,) of samples that hold each example as often as `counts` (samples, examples) says."""
    return _score_counted(_count(predictions, references, counts), predictions, references, counts)


def _count(predictions: np.ndarray, references: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return how often each label is hit, predicted and given in each sample, each (samples, labels); most examples have few of the labels."""
    from scipy.sparse import csr_array

    weights = np.ascontiguousarray(counts.T, np.float64)  # (examples, samples)
    hits, predicted, given = ((csr_array(part, dtype=np.float64).T @ weights).T for part in (predictions & references, predictions, references))
    return hits, predicted, given


def _score_counted(
    counted: tuple[np.ndarray, np.ndarray, np.ndarray], predictions: np.ndarray, references: np.ndarray, counts: np.ndarray
) -> dict[str, np.ndarray]:
    hits, predicted, given = counted
    is_used = predicted + given > 0  # (samples, labels)
    f1 = divide(2 * hits, predicted + given)
    return {
        "micro_f1": divide(2 * hits.sum(axis=1), (predicted + given).sum(axis=1)),
        "macro_f1": divide((f1 * is_used).sum(axis=1), is_used.sum(axis=1)),
        "micro_precision": divide(hits.sum(axis=1), predicted.sum(axis=1)),
        "micro_recall": divide(hits.sum(axis=1), given.sum(axis=1)),
        "subset_accuracy": divide(counts @ (predictions == references).all(axis=1).astype(np.float64), counts.sum(axis=1)),
    }
