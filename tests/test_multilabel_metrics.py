"""Scores: a case worked by hand, and properties that hold for all."""

import numpy as np
import pytest

from slmcli.multilabel_metrics import SCORES, multilabel_intervals, multilabel_scores, per_label_scores

REFERENCES = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]], bool)
PREDICTIONS = np.array([[1, 0, 0], [1, 0, 0], [0, 0, 0], [1, 1, 0]], bool)


def guesses(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions of which nine in ten are right, and references."""
    generator = np.random.default_rng(seed)
    references = generator.random((80, 4)) < 0.3
    return np.where(generator.random((80, 4)) < 0.9, references, ~references), references


def test_scores_are_those_worked_by_hand() -> None:
    # label 0: 2 hits, 3 predicted, 2 given, F1 4/5; label 1: 1 hit, 1 predicted, 2 given, F1 2/3; label 2 is never used
    expected = {
        "micro_f1": 2 * 3 / (4 + 4),
        "macro_f1": (4 / 5 + 2 / 3) / 2,
        "micro_precision": 3 / 4,
        "micro_recall": 3 / 4,
        "subset_accuracy": 2 / 4,
    }
    assert multilabel_scores(PREDICTIONS, REFERENCES) == pytest.approx(expected, abs=1e-12)


def test_scores_of_each_label_are_those_worked_by_hand() -> None:
    scores = per_label_scores(PREDICTIONS, REFERENCES, ["a", "b", "c"])
    assert scores["a"] == pytest.approx({"precision": 2 / 3, "recall": 1.0, "f1": 4 / 5, "examples": 2}, abs=1e-12)
    assert scores["c"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "examples": 0}


def test_a_perfect_prediction_scores_one() -> None:
    assert multilabel_scores(REFERENCES, REFERENCES) == dict.fromkeys(SCORES, 1.0)


def test_without_examples_scores_are_zero() -> None:
    assert multilabel_scores(REFERENCES[:0], REFERENCES[:0]) == dict.fromkeys(SCORES, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_examples_does_not_matter(seed: int) -> None:
    predictions, references = guesses(seed)
    assert multilabel_scores(predictions[::-1], references[::-1]) == pytest.approx(multilabel_scores(predictions, references), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_an_interval_contains_its_score(seed: int) -> None:
    scores, intervals = multilabel_scores(*guesses(seed)), multilabel_intervals(*guesses(seed), seed=0)
    assert [name for name in SCORES if not intervals[name].low <= scores[name] <= intervals[name].high] == []


def test_the_interval_of_subset_accuracy_agrees_with_the_normal_approximation() -> None:
    # 800 of 1000: 0.8 ± 1.96 · √(0.8 · 0.2 / 1000) = 0.8 ± 0.0248
    references = np.ones((1000, 1), bool)
    interval = multilabel_intervals(np.arange(1000)[:, None] < 800, references, seed=0)["subset_accuracy"]
    assert (interval.low, interval.high) == pytest.approx((0.7752, 0.8248), abs=0.002)
