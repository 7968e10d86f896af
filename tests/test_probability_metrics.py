import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from slmcli.intervals import Interval
from slmcli.probability_metrics import calibration_bins, probability_intervals


def one_hot(references: np.ndarray, classes: int) -> np.ndarray:
    return np.eye(classes, dtype=bool)[references]


def draw(examples: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return probabilities with ties, and labels that follow them."""
    rng = np.random.default_rng(seed)
    references = rng.integers(0, classes, examples)
    logits = rng.normal(size=(examples, classes))
    logits[np.arange(examples), references] += 1
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return np.round(probabilities, 2), references


def test_means_are_those_worked_by_hand() -> None:
    scores, _ = probability_intervals(np.array([[0.8, 0.2], [0.4, 0.6]]), one_hot(np.array([0, 0]), 2), is_one=True, seed=0)
    assert scores["log_loss"] == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)
    assert scores["brier"] == pytest.approx((0.2**2 + 0.6**2) / 2)
    # the first is right with 0.8, the second wrong with 0.6, each alone in its bin
    assert scores["expected_calibration_error"] == pytest.approx((0.2 + 0.6) / 2)


def test_labels_that_fit_each_by_itself_are_averaged() -> None:
    scores, _ = probability_intervals(np.array([[0.9, 0.2]]), np.array([[True, False]]), is_one=False, seed=0)
    assert scores == pytest.approx({"log_loss": -(math.log(0.9) + math.log(0.8)) / 2, "brier": (0.01 + 0.04) / 2})


@pytest.mark.parametrize("classes", [2, 5])
def test_areas_are_those_of_scikit_learn_with_ties_too(classes: int) -> None:
    probabilities, references = draw(200, classes, 0)
    scores, _ = probability_intervals(probabilities, one_hot(references, classes), is_one=True, seed=0)
    hits = one_hot(references, classes)
    assert scores["roc_auc"] == pytest.approx(roc_auc_score(hits, probabilities, average="macro"))
    assert scores["pr_auc"] == pytest.approx(average_precision_score(hits, probabilities, average="macro"))


def test_the_brier_score_of_two_labels_is_the_usual_one() -> None:
    probabilities, references = draw(200, 2, 1)
    probabilities[:, 0] = 1 - probabilities[:, 1]
    scores, _ = probability_intervals(probabilities, one_hot(references, 2), is_one=True, seed=0)
    assert scores["brier"] == pytest.approx(brier_score_loss(references, probabilities[:, 1]))


def test_rankings_are_left_out_where_all_examples_have_one_label() -> None:
    scores, intervals = probability_intervals(np.array([[0.9, 0.1]]), np.array([[True, False]]), is_one=True, seed=0)
    assert list(scores) == list(intervals) == ["log_loss", "brier", "expected_calibration_error"]


def test_the_order_of_examples_does_not_matter() -> None:
    probabilities, references = draw(60, 3, 2)
    order = np.random.default_rng(0).permutation(60)
    first, _ = probability_intervals(probabilities, one_hot(references, 3), is_one=True, seed=0)
    second, _ = probability_intervals(probabilities[order], one_hot(references[order], 3), is_one=True, seed=0)
    assert first == pytest.approx(second)


def test_bins_hold_what_was_said_and_what_was_right() -> None:
    found = calibration_bins(np.array([[0.95, 0.05], [0.97, 0.03], [0.45, 0.55]]), np.array([0, 1, 1]))
    assert found == [{"examples": 1, "probability": 0.55, "accuracy": 1.0}, {"examples": 2, "probability": 0.96, "accuracy": 0.5}]


@pytest.fixture(scope="module")
def simulated() -> tuple[dict[str, float], list[dict[str, Interval]]]:
    """The scores of a corpus of 20,000, and the intervals that 60 samples of 100 say."""
    many, labels = draw(20_000, 3, 9)
    true = probability_intervals(many, one_hot(labels, 3), is_one=True, seed=0)[0]
    rows = np.random.default_rng(3).permutation(20_000)[:6000].reshape(60, 100)
    return true, [probability_intervals(many[chosen], one_hot(labels[chosen], 3), is_one=True, seed=0)[1] for chosen in rows]


@pytest.mark.parametrize("name", ["log_loss", "brier", "roc_auc", "pr_auc"])
def test_intervals_hold_the_score_of_the_whole_corpus_as_often_as_they_say(
    name: str, simulated: tuple[dict[str, float], list[dict[str, Interval]]]
) -> None:
    true, found = simulated
    # 60 samples of 100: 57 expected, standard deviation 1.7; small samples have somewhat narrow intervals
    assert 51 <= sum(intervals[name].low <= true[name] <= intervals[name].high for intervals in found) <= 60
