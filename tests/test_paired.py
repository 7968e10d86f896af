"""Tests of two models on the same examples, worked by hand, and intervals that hold what they should."""

import numpy as np
import pytest

from slmcli.paired import RESAMPLES, bootstrap_differences, holm, mcnemar_test, permutation_test


@pytest.mark.parametrize(
    ("only_first", "only_second", "p"),
    [
        # a coin of 10 tosses: 2 · (1 + 10) / 1024 - 10 / 1024
        (1, 9, 12 / 1024),
        # 2 · 1 / 32 - 1 / 32
        (0, 5, 1 / 32),
        # as many on both sides: 1 - half of 6 / 16
        (2, 2, 1 - 3 / 16),
        (0, 1, 0.5),
        (0, 0, 1.0),
        # a coin of 8 tosses: the exact p-value is 18 / 256 = 0.070, the mid-p-value 0.039
        (1, 7, 2 * (1 + 8) / 256 - 8 / 256),
    ],
)
def test_mcnemar_counts_half_of_the_chance_of_the_result(only_first: int, only_second: int, p: float) -> None:
    assert mcnemar_test(only_first, only_second) == pytest.approx(p, abs=1e-9)


def test_mcnemar_does_not_care_which_model_is_first() -> None:
    assert mcnemar_test(4, 11) == mcnemar_test(11, 4)


def test_mcnemar_of_many_disagreements_is_near_the_chi_squared_of_them() -> None:
    # (300 - 240)² / 540 = 6.667, two-sided p of its root 2.582 is 0.0098
    assert mcnemar_test(240, 300) == pytest.approx(0.0098, abs=2e-4)


def test_holm_multiplies_the_smallest_most_and_never_falls() -> None:
    # 0.01 · 3, 0.02 · 2, 0.03 · 1 raised to the one before it
    assert holm([0.03, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])


def test_holm_leaves_one_test_alone_and_nothing_above_one() -> None:
    assert holm([0.2]) == [0.2]
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


def mean(values: np.ndarray) -> object:
    """Return what scores samples by the mean of values, one an example."""
    return lambda samples: {"mean": samples @ values / samples.sum(axis=1)}


def test_an_interval_has_the_width_of_a_mean_of_differences() -> None:
    # one half of 400 examples gained: deviation 0.5 / 400 ** 0.5 = 0.025
    found = bootstrap_differences(np.array([200, 200]), mean(np.array([0.0, 1.0])), seed=0)["mean"]  # type: ignore[arg-type]
    assert float(found.found) == 0.5
    assert (float(found.low), float(found.high)) == pytest.approx((0.5 - 1.96 * 0.025, 0.5 + 1.96 * 0.025), abs=0.005)


def test_an_interval_of_kinds_is_that_of_single_examples() -> None:
    kinds = bootstrap_differences(np.array([90, 30]), mean(np.array([0.0, 1.0])), seed=0)["mean"]  # type: ignore[arg-type]
    single = bootstrap_differences(np.ones(120, int), mean(np.repeat([0.0, 1.0], [90, 30])), seed=0)["mean"]  # type: ignore[arg-type]
    assert (float(kinds.low), float(kinds.high)) == pytest.approx((float(single.low), float(single.high)), abs=0.02)


def test_intervals_hold_the_true_difference_nineteen_times_in_twenty() -> None:
    generator = np.random.default_rng(0)
    # of 300 examples each, the second model gains 15 of 100 and loses 9
    drawn = generator.multinomial(300, [0.76, 0.15, 0.09], size=400)
    found = [bootstrap_differences(counts, mean(np.array([0.0, 1.0, -1.0])), seed=1)["mean"] for counts in drawn]  # type: ignore[arg-type]
    held = np.mean([interval.low <= 0.06 <= interval.high for interval in found])
    # 0.95, give or take three times the deviation (0.95 · 0.05 / 400) ** 0.5 = 0.011
    assert 0.917 <= held <= 0.983


def test_zero_is_outside_of_a_clear_difference_alone() -> None:
    found = bootstrap_differences(np.array([50, 50]), lambda samples: {"each": samples[:, :1] * np.array([[1.0, -1.0, 0.0]])}, seed=0)["each"]
    assert found.are_clear.tolist() == [True, True, False]


def test_a_permutation_test_is_that_of_a_fair_coin() -> None:
    # five examples gained, none lost: only all or none exchanged is as large, 2 of 32
    p = permutation_test(np.ones(5, int), lambda exchanged: 1.0 - exchanged.sum(axis=1) * 2.0 / 5.0, seed=0)
    assert p == pytest.approx(2 / 32, abs=4 * (2 / 32 * 30 / 32 / RESAMPLES) ** 0.5)


def test_a_permutation_test_never_says_that_chance_is_impossible() -> None:
    assert permutation_test(np.array([400]), lambda exchanged: 1.0 - exchanged.sum(axis=1) / 200.0, seed=0) == 1 / (1 + RESAMPLES)


def test_equal_models_have_a_p_of_one() -> None:
    assert permutation_test(np.array([9]), lambda exchanged: np.zeros(len(exchanged)), seed=0) == 1.0


def test_of_equal_models_one_pair_in_twenty_looks_different() -> None:
    generator = np.random.default_rng(2)
    p = np.array([mcnemar_test(int(only), 60 - int(only)) for only in generator.binomial(60, 0.5, size=2000)])
    assert 0.03 <= np.mean(p < 0.05) <= 0.065
