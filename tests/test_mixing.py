"""Shares of members: the good one gets more, a useless one nothing, a single one its temperature."""

import numpy as np
import pytest

from slmcli.mixing import choose_shares

RNG = np.random.default_rng(0)
LABELS = RNG.integers(0, 2, 400)
TARGETS = np.eye(2, dtype=np.float32)[LABELS]


def logits(error: float, *, seed: int = 1) -> np.ndarray:
    """Return logits (400, 2) that are right but for a share of the examples, chosen by chance."""
    is_wrong = np.random.default_rng(seed).permutation(400) < error * 400
    said = np.where(is_wrong, 1 - LABELS, LABELS)
    return np.stack([said == 0, said == 1], axis=1).astype(np.float32)


def test_what_is_right_more_often_counts_more() -> None:
    shares = choose_shares(np.stack([logits(0.1), logits(0.3, seed=2)], axis=1), TARGETS, loss="softmax")
    assert shares[0] > shares[1] > 0


def test_what_says_nothing_counts_nothing() -> None:
    shares = choose_shares(np.stack([logits(0.1), logits(0.6, seed=2)], axis=1), TARGETS, loss="softmax")
    assert shares[1] == pytest.approx(0.0, abs=0.05)


def test_a_single_member_gets_the_inverse_of_its_temperature() -> None:
    exact = choose_shares(logits(0.2)[:, None], TARGETS, loss="softmax")
    doubled = choose_shares(2 * logits(0.2)[:, None], TARGETS, loss="softmax")
    # 80 % right is a difference of log(0.8 / 0.2) between the logits, whatever the scale
    assert exact[0] == pytest.approx(np.log(4.0), rel=0.01)
    assert doubled[0] == pytest.approx(exact[0] / 2, rel=0.01)


def test_labels_by_themselves_are_calibrated_too() -> None:
    outputs = (logits(0.2) * 2 - 1)[:, None]
    assert choose_shares(outputs, TARGETS, loss="sigmoid")[0] == pytest.approx(np.log(4.0), rel=0.01)


def test_numbers_of_two_members_are_weighed() -> None:
    numbers = RNG.normal(size=(400, 1))
    outputs = np.stack([numbers + RNG.normal(size=(400, 1)), numbers + 0.2 * RNG.normal(size=(400, 1))], axis=1)
    shares = choose_shares(outputs, numbers, loss="square")
    assert shares[1] > 0.8 > 0.2 > shares[0]


def test_one_number_is_left_as_it_is() -> None:
    assert choose_shares(RNG.normal(size=(400, 1, 1)), RNG.normal(size=(400, 1)), loss="square").tolist() == [1.0]


def test_few_examples_give_equal_shares() -> None:
    assert choose_shares(np.stack([logits(0.0), logits(0.5)], axis=1)[:39], TARGETS[:39], loss="softmax").tolist() == [0.5, 0.5]


def test_members_that_are_always_wrong_still_give_shares() -> None:
    shares = choose_shares(np.stack([logits(1.0), logits(1.0)], axis=1), TARGETS, loss="softmax")
    assert np.isfinite(shares).all()
