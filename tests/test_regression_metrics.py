"""Scores: small cases worked by hand, and properties that hold for all."""

import numpy as np
import pytest

from slmcli.intervals import Interval
from slmcli.regression_metrics import SCORES, regression_intervals, regression_scores


def guesses(seed: int, examples: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Return predictions near to references, which are few whole numbers."""
    generator = np.random.default_rng(seed)
    references = generator.integers(1, 6, examples).astype(float)
    return references + generator.normal(size=examples), references


def test_scores_are_those_worked_by_hand() -> None:
    # deviations from the means: -1, 0, 1 and -4/3, -1/3, 5/3: 3 / √(2 · 42/9); errors 0, 0, -1
    expected = {
        "pearson": 3 / np.sqrt(2 * 42 / 9),
        "spearman": 1.0,
        "mean_absolute_error": 1 / 3,
        "root_mean_squared_error": np.sqrt(1 / 3),
    }
    assert regression_scores(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0])) == pytest.approx(expected, abs=1e-12)


def test_equal_numbers_share_a_rank() -> None:
    # ranks 1.5, 1.5, 3 and 1, 2, 3: 1.5 / √(1.5 · 2)
    assert regression_scores(np.array([5.0, 5.0, 9.0]), np.array([1.0, 2.0, 3.0]))["spearman"] == pytest.approx(1.5 / np.sqrt(3.0), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_spearman_sees_order_alone(seed: int) -> None:
    predictions, references = guesses(seed)
    assert regression_scores(np.exp(predictions), references)["spearman"] == pytest.approx(regression_scores(predictions, references)["spearman"])


@pytest.mark.parametrize("factor", [1e-9, 1.0, 1e9])
def test_correlations_do_not_depend_on_the_unit(factor: float) -> None:
    predictions, references = guesses(0)
    expected = regression_scores(predictions, references)["pearson"]
    assert regression_scores(factor * predictions + 3 * factor, factor * references)["pearson"] == pytest.approx(expected, abs=1e-9)


def test_a_perfect_prediction_is_correlated_and_without_error() -> None:
    numbers = np.array([1.0, 2.0, 2.0, 5.0])
    assert regression_scores(numbers, numbers) == pytest.approx(dict(zip(SCORES, (1.0, 1.0, 0.0, 0.0), strict=True)), abs=1e-12)


def test_always_the_same_number_is_not_correlated() -> None:
    scores = regression_scores(np.full(5, 3.3), np.arange(5.0))
    assert (scores["pearson"], scores["spearman"]) == (0.0, 0.0)


def test_without_examples_scores_are_zero() -> None:
    assert regression_scores(np.zeros(0), np.zeros(0)) == dict.fromkeys(SCORES, 0.0)


@pytest.mark.parametrize("seed", range(3))
def test_an_interval_contains_its_score(seed: int) -> None:
    scores, intervals = regression_scores(*guesses(seed)), regression_intervals(*guesses(seed), seed=0)
    assert [name for name in SCORES if not intervals[name].low <= scores[name] <= intervals[name].high] == []


def test_the_interval_of_the_error_agrees_with_the_normal_approximation() -> None:
    # half of 400 errors are 0, half are 1: 0.5 ± 1.96 · 0.5 / √400
    interval = regression_intervals(np.arange(400) % 2, np.zeros(400), seed=0)["mean_absolute_error"]
    assert (interval.low, interval.high) == pytest.approx((0.451, 0.549), abs=0.006)


def test_intervals_without_examples_are_zero() -> None:
    assert regression_intervals(np.zeros(0), np.zeros(0), seed=0) == dict.fromkeys(SCORES, Interval(0.0, 0.0))
