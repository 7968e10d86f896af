"""Intervals over folds and of differences, worked by hand."""

import numpy as np
import pytest

from slmcli.intervals import fold_interval, paired_interval


@pytest.mark.parametrize(
    ("values", "half"),
    [
        # t of 2 degrees 4.3027, deviation 0.1, (1/3 + 1/2) ** 0.5 = 0.91287
        ([0.7, 0.8, 0.9], 4.302653 * 0.1 * 0.912871),
        # t of 1 degree 12.706, deviation 0.070711, (1/2 + 1/1) ** 0.5 = 1.224745
        ([0.8, 0.9], 12.706205 * 0.0707107 * 1.2247449),
    ],
    ids=["three folds", "two folds"],
)
def test_the_interval_of_folds_counts_the_overlap_of_their_training_sets(values: list[float], half: float) -> None:
    interval = fold_interval(values)
    assert (interval.low, interval.high) == pytest.approx((np.mean(values) - half, np.mean(values) + half), abs=1e-5)


def test_folds_that_agree_have_no_width() -> None:
    interval = fold_interval([0.5, 0.5, 0.5])
    assert (interval.low, interval.high) == (0.5, 0.5)


def test_equal_models_differ_by_nothing() -> None:
    interval = paired_interval(lambda places: 0.0, 10, seed=0)
    assert (interval.low, interval.high) == (0.0, 0.0)


def test_a_paired_interval_has_the_width_of_a_mean_of_differences() -> None:
    # 400 examples, on one half of which the second model is right where the first is not: deviation 0.5 / 400 ** 0.5 = 0.025
    gains = np.repeat([0.0, 1.0], 200)
    interval = paired_interval(lambda places: float(gains[places].mean()), 400, seed=0)
    assert interval.low == pytest.approx(0.5 - 1.96 * 0.025, abs=0.006)
    assert interval.high == pytest.approx(0.5 + 1.96 * 0.025, abs=0.006)


def test_the_same_seed_gives_the_same_interval() -> None:
    gains = np.arange(30.0)
    first, second = (paired_interval(lambda places: float(gains[places].mean()), 30, seed=3) for _ in range(2))
    assert first == second
