"""Scores: small cases worked by hand, and properties that hold for all."""

import math
from typing import Any

import numpy as np
import pytest

from slmcli.metrics import (
    MORE_CLASSIFICATION_SCORES,
    Interval,
    all_classification_scores,
    classification_scores,
    confusion_matrix,
    f1_intervals,
    log_loss,
    per_label_scores,
    sample_scores,
    score_intervals,
)

SCORES = ["accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1"]
SEEDS = pytest.mark.parametrize("seed", range(5))

# label 0: 4 examples, 3 found; label 1: 6 examples, 4 found
WORKED = np.array([[3, 1], [2, 4]])
# recall: 3/4 and 4/6; precision: 3/5 and 4/5; F1 = 2·hits / (examples + predictions): 6/9 and 8/11
WORKED_SCORES = {
    "accuracy": 7 / 10,
    "balanced_accuracy": (3 / 4 + 4 / 6) / 2,
    "macro_precision": (3 / 5 + 4 / 5) / 2,
    "macro_recall": (3 / 4 + 4 / 6) / 2,
    "macro_f1": (6 / 9 + 8 / 11) / 2,
}


def guesses(seed: int, *, examples: int = 60, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Return references, and predictions of which about 7 in 10 are right."""
    generator = np.random.default_rng(seed)
    references = generator.integers(0, classes, examples)
    return references, np.where(generator.random(examples) < 0.7, references, generator.integers(0, classes, examples))


def outside(matrix: np.ndarray) -> list[str]:
    """Return the names of the scores that lie outside their interval."""
    scores, intervals = classification_scores(matrix), score_intervals(matrix, seed=0)
    return [name for name in SCORES if not intervals[name].low - 1e-9 <= scores[name] <= intervals[name].high + 1e-9]


def test_a_confusion_matrix_has_references_in_rows_and_predictions_in_columns() -> None:
    # one 0 taken for 2, two 1 found, one 2 taken for 1
    matrix = confusion_matrix(np.array([0, 1, 1, 2]), np.array([2, 1, 1, 1]), classes=3)
    assert matrix.tolist() == [[0, 0, 1], [0, 2, 0], [0, 1, 0]]


def test_a_confusion_matrix_without_examples_is_zero() -> None:
    assert confusion_matrix(np.array([], int), np.array([], int), classes=2).tolist() == [[0, 0], [0, 0]]


def test_a_confusion_matrix_of_narrow_integers_does_not_overflow() -> None:
    # 100 · 120 + 100 is more than 8 bits hold
    matrix = confusion_matrix(np.array([100], np.uint8), np.array([100], np.uint8), classes=120)
    assert matrix[100, 100] == matrix.sum() == 1


@SEEDS
def test_the_order_of_examples_does_not_matter(seed: int) -> None:
    references, predictions = guesses(seed)
    order = np.random.default_rng(seed).permutation(len(references))
    shuffled = confusion_matrix(references[order], predictions[order], classes=4)
    assert shuffled.tolist() == confusion_matrix(references, predictions, classes=4).tolist()


def test_scores_are_those_worked_by_hand() -> None:
    assert classification_scores(WORKED) == pytest.approx(WORKED_SCORES, abs=1e-12)


def test_a_label_neither_given_nor_predicted_does_not_change_a_score() -> None:
    assert classification_scores(np.pad(WORKED, (0, 1))) == pytest.approx(WORKED_SCORES, abs=1e-12)


def test_a_label_only_predicted_counts_in_the_macro_averages_alone() -> None:
    # label 0: recall 2/3, precision 2/2, F1 4/5; label 1: predicted once, all three 0; balanced accuracy is over references
    expected = {"accuracy": 2 / 3, "balanced_accuracy": 2 / 3, "macro_precision": 1 / 2, "macro_recall": 1 / 3, "macro_f1": 2 / 5}
    assert classification_scores(np.array([[2, 1], [0, 0]])) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("counts", [[5, 5], [1, 99], [3, 0, 2], [4]], ids=["balanced", "rare", "one unused", "one label"])
def test_a_perfect_prediction_scores_one(counts: list[int]) -> None:
    assert classification_scores(np.diag(counts)) == dict.fromkeys(SCORES, 1.0)


def test_a_prediction_that_is_never_right_scores_zero() -> None:
    assert classification_scores(np.array([[0, 3], [4, 0]])) == dict.fromkeys(SCORES, 0.0)


def test_no_examples_score_zero() -> None:
    assert classification_scores(np.zeros((3, 3), int)) == dict.fromkeys(SCORES, 0.0)


@SEEDS
def test_renaming_the_labels_does_not_change_a_score(seed: int) -> None:
    matrix = confusion_matrix(*guesses(seed), classes=4)
    order = np.random.default_rng(seed).permutation(4)
    assert classification_scores(matrix[order][:, order]) == pytest.approx(classification_scores(matrix), abs=1e-12)


@SEEDS
def test_swapping_references_and_predictions_swaps_precision_and_recall(seed: int) -> None:
    matrix = confusion_matrix(*guesses(seed), classes=4)
    scores, swapped = classification_scores(matrix), classification_scores(matrix.T)
    assert (swapped["macro_precision"], swapped["macro_recall"]) == pytest.approx((scores["macro_recall"], scores["macro_precision"]), abs=1e-12)


@SEEDS
def test_scores_do_not_change_when_every_example_stands_twice(seed: int) -> None:
    matrix = confusion_matrix(*guesses(seed), classes=4)
    assert classification_scores(2 * matrix) == pytest.approx(classification_scores(matrix), abs=1e-12)


def test_scores_of_each_label_are_those_worked_by_hand() -> None:
    scores = per_label_scores(WORKED, ["bad", "good"])
    assert scores["bad"] == pytest.approx({"precision": 3 / 5, "recall": 3 / 4, "f1": 6 / 9, "examples": 4}, abs=1e-12)
    assert scores["good"] == pytest.approx({"precision": 4 / 5, "recall": 4 / 6, "f1": 8 / 11, "examples": 6}, abs=1e-12)


def test_a_label_without_examples_scores_zero() -> None:
    scores = per_label_scores(np.array([[2, 1], [0, 0]]), ["bad", "good"])
    assert scores["good"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "examples": 0}


@SEEDS
def test_an_interval_contains_its_score(seed: int) -> None:
    assert outside(confusion_matrix(*guesses(seed), classes=4)) == []


def test_an_interval_contains_its_score_with_many_labels_of_two_examples() -> None:
    generator = np.random.default_rng(1)
    references = np.arange(80).repeat(2)
    predictions = np.where(generator.random(160) < 0.8, references, generator.integers(0, 80, 160))
    assert outside(confusion_matrix(references, predictions, classes=80)) == []


def test_the_interval_of_accuracy_agrees_with_the_normal_approximation() -> None:
    # 800 of 1000: 0.8 ± 1.96 · √(0.8 · 0.2 / 1000) = 0.8 ± 0.0248; the ends of a bootstrap of 2000 differ by an example or two
    interval = score_intervals(np.array([[400, 100], [100, 400]]), seed=0)["accuracy"]
    assert (interval.low, interval.high) == pytest.approx((0.8 - 0.0248, 0.8 + 0.0248), abs=0.002)


def test_ten_times_the_examples_make_a_narrower_interval() -> None:
    few, many = score_intervals(WORKED, seed=0)["accuracy"], score_intervals(10 * WORKED, seed=0)["accuracy"]
    assert many.high - many.low < few.high - few.low


def test_the_same_seed_gives_the_same_intervals() -> None:
    assert score_intervals(WORKED, seed=3) == score_intervals(WORKED, seed=3)


def test_the_interval_of_a_perfect_accuracy_is_one_point() -> None:
    assert score_intervals(np.diag([5, 5]), seed=0)["accuracy"] == Interval(1.0, 1.0)


def test_intervals_without_examples_are_zero() -> None:
    assert score_intervals(np.zeros((2, 2), int), seed=0) == dict.fromkeys((*SCORES, *MORE_CLASSIFICATION_SCORES), Interval(0.0, 0.0))


def test_log_loss_is_that_worked_by_hand() -> None:
    # -(ln 1/2 + ln 1/4) / 2 = (ln 2 + 2 · ln 2) / 2 = 1.5 · ln 2
    probabilities = np.array([[0.5, 0.5], [0.75, 0.25]])
    assert log_loss(np.array([0, 1]), probabilities) == pytest.approx(1.5 * math.log(2), abs=1e-12)


def test_log_loss_of_certainty_is_zero() -> None:
    assert log_loss(np.array([0, 1]), np.eye(2)) == 0.0


def test_log_loss_of_certain_error_is_finite() -> None:
    # a probability of 0 counts as 1e-12: -ln 1e-12 = 12 · ln 10
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(12 * math.log(10), abs=1e-9)


def test_log_loss_without_examples_is_zero() -> None:
    assert log_loss(np.array([], int), np.zeros((0, 2))) == 0.0


def test_log_loss_does_not_depend_on_the_order_of_examples() -> None:
    references, probabilities = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    assert log_loss(references[::-1], probabilities[::-1]) == pytest.approx(log_loss(references, probabilities), abs=1e-12)


def test_weighted_scores_and_matthews_are_those_worked_by_hand() -> None:
    scores = all_classification_scores(WORKED)
    assert scores["weighted_precision"] == pytest.approx((4 * 3 / 5 + 6 * 4 / 5) / 10)
    assert scores["weighted_recall"] == pytest.approx(7 / 10)
    assert scores["weighted_f1"] == pytest.approx((4 * 6 / 9 + 6 * 8 / 11) / 10)
    # (3 * 4 - 1 * 2) / sqrt(4 * 6 * 5 * 5)
    assert scores["mcc"] == pytest.approx(10 / math.sqrt(600))


@pytest.mark.parametrize(("matrix", "mcc"), [(np.diag([3, 4, 5]), 1.0), ([[0, 3], [4, 0]], -1.0), ([[3, 0], [4, 0]], 0.0), ([[0, 0], [0, 0]], 0.0)])
def test_matthews_correlation_is_one_zero_or_minus_one_at_the_ends(matrix: Any, mcc: float) -> None:
    assert all_classification_scores(np.array(matrix))["mcc"] == pytest.approx(mcc)


def test_the_f1_of_each_label_has_an_interval_that_holds_it() -> None:
    first, second = f1_intervals(WORKED, seed=0)
    assert first.low <= 6 / 9 <= first.high
    assert second.low <= 8 / 11 <= second.high


def test_samples_are_scored_as_the_examples_that_they_hold() -> None:
    references, predictions = np.array([2, 0, 1, 2, 0]), np.array([2, 1, 1, 0, 0])
    counts = np.array([[1, 1, 1, 1, 1], [0, 2, 3, 0, 0]])
    scores, labels = sample_scores(predictions, references, counts, classes=3)
    for place, sample in enumerate(counts):
        matrix = confusion_matrix(np.repeat(references, sample), np.repeat(predictions, sample), classes=3)
        assert {name: value[place] for name, value in scores.items()} == pytest.approx(classification_scores(matrix))
    assert labels["recall"][0].tolist() == [0.5, 1.0, 0.5]
