from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from slmcli.transformer_layers import Gelu, LayerNormalization, gelu, normalize


def values(*shape: int, seed: int = 0) -> Any:
    return tf.constant(np.random.default_rng(seed).normal(0.5, 2.0, shape), tf.float32)


def gradients(function: Any, inputs: list[Any], above: Any) -> list[Any]:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = function(*inputs)
    return [outputs, *tape.gradient(outputs, inputs, output_gradients=above)]


def test_gelu_and_its_gradient_are_those_of_keras() -> None:
    inputs, above = tf.concat([values(40), [0.0, -30.0, 30.0]], 0), values(43, seed=1)
    ours = gradients(gelu, [inputs], above)
    theirs = gradients(lambda each: keras.activations.gelu(each, approximate=False), [inputs], above)
    for own, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=1e-6)


def test_normalisation_and_its_gradients_are_those_of_the_formula() -> None:
    inputs = [values(3, 4, 6), values(6, seed=1), values(6, seed=2)]
    above = values(3, 4, 6, seed=3)

    def formula(each: Any, gamma: Any, beta: Any) -> Any:
        mean, variance = tf.nn.moments(each, -1, keepdims=True)
        return (each - mean) / tf.sqrt(variance + 1e-3) * gamma + beta

    ours = gradients(lambda *each: normalize(*each, 1e-3), inputs, above)
    for own, other in zip(ours, gradients(formula, inputs, above), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
@pytest.mark.parametrize("kind", [LayerNormalization, Gelu])
def test_training_computes_what_the_model_computes_later(kind: Any, precision: str) -> None:
    layer = kind(dtype=precision)
    inputs = tf.cast(values(2, 3, 8), layer.compute_dtype)
    layer(inputs)
    for weight in layer.weights:
        weight.assign(values(8, seed=4))
    tolerance = 1e-5 if precision == "float32" else 0.02
    found, expected = layer(inputs, training=True), layer(inputs, training=False)
    assert found.dtype == expected.dtype == layer.compute_dtype
    np.testing.assert_allclose(tf.cast(found, tf.float32), tf.cast(expected, tf.float32), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", [LayerNormalization, Gelu])
def test_a_saved_layer_is_the_same(kind: Any) -> None:
    layer = kind(name="it")
    assert type(layer).from_config(layer.get_config()).get_config() == layer.get_config()


def test_weights_have_the_names_that_those_of_keras_have() -> None:
    ours, theirs = LayerNormalization(name="it"), keras.layers.LayerNormalization(name="it")
    for layer in (ours, theirs):
        layer.build((None, 8))
    assert [weight.path for weight in ours.weights] == [weight.path for weight in theirs.weights]


def test_weights_that_were_saved_of_keras_are_loaded(tmp_path: Path) -> None:
    models = []
    for kind in (keras.layers.LayerNormalization, LayerNormalization):
        inputs = keras.Input((8,))
        models.append(keras.Model(inputs, kind(name="it")(keras.layers.Dense(8)(inputs))))
    models[0].layers[-1].gamma.assign(values(8))
    models[0].save_weights(tmp_path / "it.weights.h5")
    models[1].load_weights(tmp_path / "it.weights.h5")
    np.testing.assert_array_equal(models[1].layers[-1].gamma.numpy(), values(8))
