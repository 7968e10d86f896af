from typing import Any

import numpy as np
import pytest

from slmcli.errors import DataError
from slmcli.tasks.numbers import Score


def learn(*scores: float) -> dict[str, Any]:
    return Score([]).learn_targets({"score": np.array([score], np.float32)} for score in scores)


STARS = Score([], learn(1, 1, 5, 5))
PRICES = Score([], learn(1.5, 2.5))


def test_mean_and_scale_of_the_training_scores_are_learned() -> None:
    assert learn(1.5, 2.5) == {"mean": 2.0, "scale": 0.5}


def test_few_whole_numbers_are_steps() -> None:
    assert learn(1, 1, 5, 5) == {"mean": 3.0, "scale": 2.0, "steps": [1, 5]}


@pytest.mark.parametrize("scores", [range(21), [1, 2, 2.5]], ids=["many", "not whole"])
def test_other_numbers_are_no_steps(scores: list[float]) -> None:
    assert "steps" not in learn(*scores)


def test_one_score_everywhere_is_refused() -> None:
    with pytest.raises(DataError, match=r"every training example has the score 3. Add examples of others, or name the right column"):
        learn(3, 3)


def test_targets_are_standardised() -> None:
    features = {"token_ids": np.ones((2, 1), np.int32), "score": np.array([1.0, 4.0], np.float32)}
    _, targets, weights = STARS.make_batch(features, np.zeros(0, np.float32))
    assert (targets.tolist(), weights.numpy().tolist()) == ([[-1.0], [0.5]], [1.0, 1.0])


def test_a_prediction_is_in_the_unit_of_the_training_data() -> None:
    assert PRICES.decode(np.array([3.0], np.float32)) == {"score": 3.5}


def test_steps_name_the_nearest_and_are_never_left() -> None:
    assert STARS.decode(np.array([0.5], np.float32)) == {"label": 5, "score": 4.0}
    assert STARS.decode(np.array([9.0], np.float32)) == {"label": 5, "score": 5.0}


def test_models_agree_when_the_nearest_step_is_the_same() -> None:
    assert STARS.agreement(np.array([[0.5], [-0.5]]), np.array([[0.9], [0.5]])) == 0.5


def test_numbers_without_steps_have_no_agreement() -> None:
    assert PRICES.agreement(np.array([[0.5]]), np.array([[0.5]])) is None
