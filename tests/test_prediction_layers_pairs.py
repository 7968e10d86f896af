"""What it costs to say whether the second passage of a row follows the first."""

from typing import Any

import numpy as np
import pytest

HIDDEN = np.random.default_rng(0).normal(size=(4, 5, 3)).astype(np.float32)
COSTS = np.random.default_rng(1).uniform(1.0, 2.0, (4, 5)).astype(np.float32)
TARGETS = np.array([[1, 9, 9, 9, 9], [0, 9, 9, 9, 9], [1, 9, 9, 0, 0], [0, 9, 9, 1, 0]], np.int32)


def make(**options: Any) -> Any:
    from slmcli.prediction_layers import NextSentenceLoss

    layer = NextSentenceLoss(**options)
    layer.build(HIDDEN.shape, TARGETS.shape, COSTS.shape)
    layer.answer.set_weights([np.array([[1.0], [-2.0], [0.5]]), np.array([0.25])])
    return layer


def cross_entropy() -> np.ndarray:
    probabilities = 1.0 / (1.0 + np.exp(-(HIDDEN[:, 0] @ np.array([1.0, -2.0, 0.5]) + 0.25)))
    return -np.log(np.where(TARGETS[:, 0] == 1, probabilities, 1.0 - probabilities))


def test_the_first_cost_of_a_row_is_that_of_the_answer() -> None:
    np.testing.assert_allclose(make()(HIDDEN, TARGETS, COSTS)[:, 0], cross_entropy(), atol=1e-6)


def test_all_other_costs_stay() -> None:
    np.testing.assert_array_equal(make()(HIDDEN, TARGETS, COSTS)[:, 1:], COSTS[:, 1:])


def test_an_answer_without_an_opinion_costs_a_bit() -> None:
    layer = make()
    layer.answer.set_weights([np.zeros((3, 1)), np.zeros(1)])
    np.testing.assert_allclose(layer(HIDDEN, TARGETS, COSTS)[:, 0], np.log(2.0), atol=1e-6)


def test_only_the_first_vector_answers() -> None:
    others = HIDDEN.copy()
    others[:, 1:] = 7.0
    np.testing.assert_array_equal(make()(others, TARGETS, COSTS), make()(HIDDEN, TARGETS, COSTS))


def test_costs_of_16_bits_become_those_of_32() -> None:
    import tensorflow as tf

    found = make(dtype="mixed_bfloat16")(tf.cast(HIDDEN, tf.bfloat16), TARGETS, tf.cast(COSTS, tf.bfloat16))
    assert found.dtype == tf.float32
    # eight bits of precision, of hidden vectors alone
    np.testing.assert_allclose(found[:, 0], cross_entropy(), atol=0.05)


def test_gradients_reach_the_first_vector_and_the_costs_behind_it() -> None:
    import tensorflow as tf

    layer, hidden, costs = make(), tf.Variable(HIDDEN), tf.Variable(COSTS)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(hidden, TARGETS, costs))
    of_hidden, of_costs, *of_weights = tape.gradient(total, [hidden, costs, *(weight.value for weight in layer.trainable_weights)])
    np.testing.assert_array_equal(np.abs(of_hidden).max(axis=(0, 2)) > 0.0, [True, False, False, False, False])
    np.testing.assert_array_equal(of_costs, np.tile([0.0, 1.0, 1.0, 1.0, 1.0], (4, 1)))
    assert [np.abs(gradient).max() > 1e-3 for gradient in of_weights] == [True, True]


@pytest.mark.parametrize("is_tied", [False, True], ids=["a table of its own", "token vectors"])
def test_it_is_a_part_of_the_training_alone(is_tied: bool) -> None:
    from slmcli.backbones.lstm import Lstm
    from slmcli.language_model_config import PretrainSettings
    from slmcli.language_models import build_language_models

    sizes: dict[str, Any] = {"vocabulary_size": 12, "precision": "float32", "is_packed": True, "has_pairs": True}
    models = build_language_models(Lstm(embedding=4, units=3), PretrainSettings(tie_embedding=is_tied), **sizes)
    names = [[weight.path for weight in model.weights] for model in (models.training, models.scoring)]
    assert sorted(set(names[0]) - set(names[1])) == ["next_sentence/answer/bias", "next_sentence/answer/kernel"]
    assert set(names[1]) < set(names[0])
