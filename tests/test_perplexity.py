import math

import numpy as np
import pytest

from slmcli.perplexity import score_costs

# two windows of two rows and two predictions; three of the eight are padding
COSTS = np.array([[[1.0, 2.0], [3.0, 9.0]], [[2.0, 2.0], [9.0, 9.0]]], np.float32)
WEIGHTS = np.array([[[1.0, 1.0], [1.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]], np.float32)


def scores(characters: int = 20) -> dict[str, float]:
    return score_costs(COSTS, WEIGHTS, characters=characters, seed=0)[0]


def test_the_loss_is_the_mean_over_what_is_predicted() -> None:
    # (1 + 2 + 3 + 2 + 2) / 5
    assert scores()["loss"] == pytest.approx(2.0)


def test_perplexity_is_the_exponential_of_the_loss() -> None:
    assert scores()["perplexity"] == pytest.approx(math.exp(2.0))


def test_a_character_costs_what_its_share_of_a_token_does() -> None:
    # 10 nats for 20 characters
    assert scores()["nats_per_character"] == pytest.approx(0.5)


def test_bits_are_nats_over_the_logarithm_of_two() -> None:
    assert scores()["bits_per_character"] == pytest.approx(0.5 / math.log(2.0))


def test_a_sure_model_has_perplexity_one() -> None:
    found, intervals = score_costs(COSTS * 0.0, WEIGHTS, characters=5, seed=0)
    assert (found["perplexity"], found["bits_per_character"]) == (1.0, 0.0)
    assert (intervals["perplexity"].low, intervals["perplexity"].high) == (1.0, 1.0)


def test_padding_never_counts() -> None:
    other = np.where(WEIGHTS > 0, COSTS, 1e6)
    assert score_costs(other, WEIGHTS, characters=20, seed=0) == score_costs(COSTS, WEIGHTS, characters=20, seed=0)


def test_the_order_of_windows_does_not_change_a_score() -> None:
    assert score_costs(COSTS[::-1], WEIGHTS[::-1], characters=20, seed=0)[0] == pytest.approx(scores())


@pytest.mark.parametrize("seed", [0, 1])
def test_every_interval_holds_its_score(seed: int) -> None:
    costs = np.random.default_rng(seed).gamma(2.0, size=(10, 4, 16)).astype(np.float32)
    found, intervals = score_costs(costs, np.ones_like(costs), characters=2000, seed=seed)
    assert found.keys() == intervals.keys()
    assert all(intervals[name].low < value < intervals[name].high for name, value in found.items())


def test_an_interval_is_as_wide_as_windows_differ() -> None:
    # 400 windows with a mean of 2 and a standard deviation of 1: 1.96 standard errors of 0.05 on each side
    means = 2.0 + np.tile([-1.0, 1.0], 200)
    costs = np.broadcast_to(means[:, None, None], (400, 1, 8)).astype(np.float32)
    interval = score_costs(costs, np.ones_like(costs), characters=3200, seed=0)[1]["loss"]
    assert (interval.low, interval.high) == (pytest.approx(1.902, abs=0.02), pytest.approx(2.098, abs=0.02))


def test_a_hopeless_model_has_a_perplexity_that_is_a_number() -> None:
    assert math.isfinite(score_costs(COSTS * 1e6, WEIGHTS, characters=20, seed=0)[0]["perplexity"])
