from typing import Any

import numpy as np
import pytest

LENGTH, BATCH, FEATURES, UNITS = 19, 3, 5, 4
DIRECTIONS = pytest.mark.parametrize("is_reversed", [False, True], ids=["forward", "backward"])


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def values_and_gradients(function: Any, *arguments: Any) -> list[np.ndarray]:
    """Return what a function gives, and the gradients of a weighted sum of it."""
    import tensorflow as tf

    arguments = tuple(map(tf.constant, arguments))
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        values = function(*arguments)
    gradients = tape.gradient(values, arguments, output_gradients=tf.constant(normal(*values.shape, seed=9)))
    return [values.numpy(), *(gradient.numpy() for gradient in gradients)]


def assert_equal(ours: list[np.ndarray], theirs: list[np.ndarray]) -> None:
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_average_is_what_was_kept_and_what_was_added() -> None:
    from slmcli.recurrences import gated_average

    # sigmoid(0) = 1/2: 0 + 8/2 = 4, 4/2 + 2/2 = 3, 3/2 + 0 = 1.5
    states = gated_average(np.zeros((3, 1, 1), np.float32), np.array([[[8.0]], [[2.0]], [[0.0]]], np.float32))
    assert states.numpy().ravel().tolist() == [4.0, 3.0, 1.5]


@DIRECTIONS
def test_the_gradient_of_an_average_is_that_of_its_definition(is_reversed: bool) -> None:
    import tensorflow as tf

    from slmcli.recurrences import gated_average

    def defined(logits: Any, candidates: Any) -> Any:
        state, states = tf.zeros([BATCH, UNITS]), {}
        for position in range(LENGTH)[:: -1 if is_reversed else 1]:
            kept = tf.sigmoid(logits[position])
            state = states[position] = kept * state + (1.0 - kept) * candidates[position]
        return tf.stack([states[position] for position in range(LENGTH)])

    arguments = normal(LENGTH, BATCH, UNITS), normal(LENGTH, BATCH, UNITS, seed=1)
    ours = values_and_gradients(lambda *given: gated_average(*given, is_reversed=is_reversed), *arguments)
    assert_equal(ours, values_and_gradients(defined, *arguments))


@pytest.mark.parametrize("size", [-1e4, -80.0, 80.0, 1e4])
def test_gates_that_are_open_or_shut_give_numbers(size: float) -> None:
    from slmcli.recurrences import gated_average

    logits = np.full((LENGTH, BATCH, UNITS), size, np.float32)
    found = values_and_gradients(gated_average, logits, normal(LENGTH, BATCH, UNITS))
    assert all(np.isfinite(each).all() for each in found)


@DIRECTIONS
@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_values_and_gradients_are_those_of_keras(name: str, is_reversed: bool) -> None:
    import keras
    import tensorflow as tf

    from slmcli import recurrences

    layer = getattr(keras.layers, name)(UNITS, return_sequences=True, go_backwards=is_reversed, bias_initializer="glorot_normal")
    layer.build((None, None, FEATURES))

    def ours(inputs: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
        of_inputs, *rest = tf.unstack(bias) if name == "GRU" else [bias]
        return getattr(recurrences, name.lower())(inputs @ kernel + of_inputs, recurrent_kernel, *rest, is_reversed=is_reversed)

    def theirs(inputs: Any, *weights: Any) -> Any:
        outputs = layer.stateless_call(weights, layer.non_trainable_variables, tf.transpose(inputs, [1, 0, 2]))[0]
        return tf.transpose(outputs, [1, 0, 2])[:: -1 if is_reversed else 1]

    arguments = [normal(LENGTH, BATCH, FEATURES), *layer.get_weights()]
    assert_equal(values_and_gradients(ours, *arguments), values_and_gradients(theirs, *arguments))
