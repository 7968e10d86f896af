"""Likely label errors, worked by hand."""

import numpy as np
import pytest

from slmcli.confident_learning import find_suspects, thresholds_of

# two labels; the thresholds are (0.9 + 0.8 + 0.1) / 3 = 0.6 and (0.8 + 0.6 + 0.3) / 3 = 0.567
FIRST = np.array([0.9, 0.8, 0.1, 0.2, 0.4, 0.7])
PROBABILITIES = np.stack([FIRST, 1.0 - FIRST], axis=1)
LABEL_IDS = np.array([0, 0, 0, 1, 1, 1])


def test_a_threshold_is_what_the_label_has_on_average() -> None:
    np.testing.assert_allclose(thresholds_of(PROBABILITIES, LABEL_IDS), [0.6, 1.7 / 3])


def test_a_label_that_no_example_was_given_is_never_suggested() -> None:
    assert thresholds_of(np.array([[0.5, 0.5]]), np.array([0])).tolist() == [0.5, np.inf]


def test_the_clearest_errors_come_first() -> None:
    # the given label of the third has 0.1, that of the last 0.3
    found = find_suspects(PROBABILITIES, LABEL_IDS)
    assert (found.rows.tolist(), found.suggested.tolist()) == ([2, 5], [1, 0])


def test_suspects_are_ranked_by_the_given_label_alone() -> None:
    # the third example has the wider margin, 0.9 to 0.1, but the sixth gives its label 0.05
    probabilities = np.array([[0.5, 0.3, 0.2], [0.3, 0.5, 0.2], [0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.5, 0.4, 0.1], [0.55, 0.4, 0.05]])
    assert find_suspects(probabilities, np.array([0, 1, 1, 2, 0, 2])).rows.tolist() == [5, 2]


def test_a_label_below_its_threshold_is_not_suggested() -> None:
    # the second label is more probable for the last example, but less than it is on average
    first = np.array([0.8, 0.9, 0.1, 0.05, 0.45])
    assert find_suspects(np.stack([first, 1.0 - first], axis=1), np.array([0, 0, 1, 1, 0])).rows.tolist() == []


def test_a_label_less_probable_than_the_given_one_is_not_suggested() -> None:
    # the only example of the third label has it with 0.02, which others reach
    probabilities = np.array([[0.9, 0.1, 0.0], [0.6, 0.36, 0.04], [0.1, 0.9, 0.0], [0.5, 0.48, 0.02]])
    assert 1 not in find_suspects(probabilities, np.array([0, 0, 1, 2])).rows


@pytest.mark.parametrize("classes", [2, 5])
def test_without_examples_there_are_no_suspects(classes: int) -> None:
    assert len(find_suspects(np.zeros((0, classes)), np.zeros(0, np.int64)).rows) == 0


def test_the_order_of_examples_does_not_matter() -> None:
    generator = np.random.default_rng(0)
    probabilities, label_ids = generator.dirichlet(np.ones(3), 50), generator.integers(0, 3, 50)
    shuffled = generator.permutation(50)
    found = find_suspects(probabilities[shuffled], label_ids[shuffled])
    assert shuffled[found.rows].tolist() == find_suspects(probabilities, label_ids).rows.tolist()
