import numpy as np
import pytest

from slmcli.thresholds import best_threshold

PROBABILITIES = np.array([0.9, 0.4, 0.3, 0.2, 0.1])


def threshold(is_positive: list[int], *, averages_both: bool = False, probabilities: np.ndarray = PROBABILITIES) -> float:
    return best_threshold(probabilities, np.array(is_positive, bool), averages_both=averages_both)


def test_a_threshold_stands_halfway_between_what_it_divides() -> None:
    assert threshold([1, 1, 0, 0, 0]) == pytest.approx(0.35)


def test_f1_of_having_a_label_alone_decides() -> None:
    # from 0.3 on: 2 hits of 3 found, 3 given, F1 4/6; from 0.1 on: 3 hits of 5, F1 6/8
    assert threshold([1, 0, 1, 0, 1]) == pytest.approx(0.05)


def test_both_labels_count_the_same_in_macro_f1() -> None:
    # from 0.9 on: F1 of having 2/4, of lacking 4/6, mean 0.583; from 0.3 on: 4/6 and 2/4, the same and nearer to 0.5; from 0.1 on: 6/8 and 0
    assert threshold([1, 0, 1, 0, 1], averages_both=True) == pytest.approx(0.65)


def test_of_equally_good_ones_the_nearest_to_a_half_is_taken() -> None:
    # from 0.9 on: 1 hit of 1 found, 2 given, F1 2/3; from 0.2 on: 2 hits of 4 found, F1 4/6
    assert threshold([1, 0, 0, 1, 0]) == pytest.approx(0.65)


def test_equal_probabilities_are_not_torn_apart() -> None:
    # from 0.4 on: 1 hit of 3 found, F1 2/4; from 0.8 on: none
    probabilities = np.array([0.8, 0.4, 0.4, 0.1])
    assert threshold([0, 1, 0, 0], probabilities=probabilities) == pytest.approx(0.25)


@pytest.mark.parametrize("is_positive", [[0, 0, 0, 0, 0], [1, 1, 1, 1, 1]], ids=["none", "all"])
def test_without_a_difference_the_threshold_is_a_half(is_positive: list[int]) -> None:
    assert threshold(is_positive) == 0.5


def test_the_order_of_examples_does_not_matter() -> None:
    assert threshold([1, 0, 1, 0, 1]) == threshold([1, 0, 1, 0, 1][::-1], probabilities=PROBABILITIES[::-1])
