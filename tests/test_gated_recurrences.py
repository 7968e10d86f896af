from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from test_recurrences import BATCH, DIRECTIONS, FEATURES, LENGTH, UNITS, assert_equal, normal, values_and_gradients

NAMES = pytest.mark.parametrize("name", ["lstm", "gru"])
KEPT = np.ones((32, BATCH, 1), np.float32)
KEPT[[0, 7, 8, 31], [1, 0, 0, 2]] = 0.0


@DIRECTIONS
@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_values_and_gradients_are_those_of_keras(name: str, is_reversed: bool) -> None:
    import keras
    import tensorflow as tf

    from slmcli import gated_recurrences

    layer = getattr(keras.layers, name)(UNITS, return_sequences=True, go_backwards=is_reversed, bias_initializer="glorot_normal")
    layer.build((None, None, FEATURES))

    def ours(inputs: Any, kernel: Any, recurrent_kernel: Any, bias: Any) -> Any:
        of_inputs, *rest = tf.unstack(bias) if name == "GRU" else [bias]
        return getattr(gated_recurrences, name.lower())(inputs @ kernel + of_inputs, recurrent_kernel, *rest, is_reversed=is_reversed)

    def theirs(inputs: Any, *weights: Any) -> Any:
        outputs = layer.stateless_call(weights, layer.non_trainable_variables, tf.transpose(inputs, [1, 0, 2]))[0]
        return tf.transpose(outputs, [1, 0, 2])[:: -1 if is_reversed else 1]

    arguments = [normal(LENGTH, BATCH, FEATURES), *layer.get_weights()]
    assert_equal(values_and_gradients(ours, *arguments), values_and_gradients(theirs, *arguments))


def arguments(name: str, length: int = 32) -> list[np.ndarray]:
    """Return projected inputs, a recurrent kernel and, of gated recurrent units, a bias."""
    parts = {"lstm": 4, "gru": 3}[name]
    rest = [normal(3 * UNITS, seed=3)] if name == "gru" else []
    return [normal(length, BATCH, parts * UNITS, seed=1), normal(UNITS, parts * UNITS, seed=2) / 2, *rest]


def first_states(name: str, scale: float = 1.0) -> list[np.ndarray]:
    return [scale * normal(BATCH, UNITS, seed=6 + place) for place in range({"lstm": 2, "gru": 1}[name])]


def recurrence(name: str) -> Callable[..., Any]:
    from slmcli import gated_recurrences

    return getattr(gated_recurrences, name)


def lstm_by_definition(values: Any, output: Any, cell: Any, kernel: Any) -> list[Any]:
    import tensorflow as tf

    i, f, g, o = tf.split(values + output @ kernel, 4, axis=-1)
    cell = tf.sigmoid(f) * cell + tf.sigmoid(i) * tf.tanh(g)
    return [tf.sigmoid(o) * tf.tanh(cell), cell]


def gru_by_definition(values: Any, output: Any, kernel: Any, bias: Any) -> list[Any]:
    import tensorflow as tf

    of_z, of_r, of_candidates = tf.split(values, 3, axis=-1)
    to_z, to_r, to_candidates = tf.split(output @ kernel + bias, 3, axis=-1)
    z = tf.sigmoid(of_z + to_z)
    return [z * output + (1.0 - z) * tf.tanh(of_candidates + tf.sigmoid(of_r + to_r) * to_candidates)]


def defined(name: str, projected: Any, *weights: Any) -> Any:
    """Return the outputs position by position, from `first_states`, which a document forgets at its start."""
    import tensorflow as tf

    step, states, outputs = {"lstm": lstm_by_definition, "gru": gru_by_definition}[name], first_states(name), []
    for position in range(projected.shape[0]):
        states = step(projected[position], *(state * KEPT[position] for state in states), *weights)
        outputs.append(states[0])
    return tf.stack(outputs)


@NAMES
def test_values_and_gradients_with_carried_states_are_those_of_the_definition(name: str) -> None:
    from slmcli.recurrences import Carried

    carried = Carried(first_states(name), KEPT)
    ours = values_and_gradients(lambda *given: recurrence(name)(*given, carried=carried)[0], *arguments(name))
    assert_equal(ours, values_and_gradients(lambda *given: defined(name, *given), *arguments(name)))


@NAMES
def test_states_at_the_end_begin_the_next_window(name: str) -> None:
    from slmcli.recurrences import Carried

    projected, *weights = arguments(name)
    whole, at_end = recurrence(name)(projected, *weights, carried=Carried(first_states(name), KEPT))
    first, states = recurrence(name)(projected[:16], *weights, carried=Carried(first_states(name), KEPT[:16]))
    second, last = recurrence(name)(projected[16:], *weights, carried=Carried(states, KEPT[16:]))
    assert_equal([np.concatenate([first, second]), *map(np.asarray, last)], [whole.numpy(), *map(np.asarray, at_end)])


@NAMES
def test_nothing_carried_is_beginning_with_zeros(name: str) -> None:
    from slmcli.recurrences import Carried

    carried = Carried(first_states(name, scale=0.0), np.ones_like(KEPT))
    ours = values_and_gradients(lambda *given: recurrence(name)(*given, carried=carried)[0], *arguments(name))
    assert_equal(ours, values_and_gradients(recurrence(name), *arguments(name)))


@NAMES
def test_a_document_knows_nothing_of_the_one_before(name: str) -> None:
    from slmcli.recurrences import Carried

    kept = np.ones_like(KEPT)
    kept[5] = 0.0
    projected, *weights = arguments(name)
    other = np.where(np.arange(32)[:, None, None] < 5, projected + 1.0, projected)
    ones = [recurrence(name)(given, *weights, carried=Carried(first_states(name), kept))[0].numpy() for given in (projected, other)]
    np.testing.assert_array_equal(ones[0][5:], ones[1][5:])
    assert np.abs(ones[0][4] - ones[1][4]).max() > 0.01


@NAMES
def test_a_converted_recurrence_carries_states_too(name: str) -> None:
    from slmcli.recurrences import Carried
    from slmcli.tracing import conversion

    carried = Carried(first_states(name), KEPT)
    with conversion():
        outputs, states = recurrence(name)(*arguments(name), carried=carried)
    expected, at_end = recurrence(name)(*arguments(name), carried=carried)
    assert_equal([np.asarray(outputs), *map(np.asarray, states)], [np.asarray(expected), *map(np.asarray, at_end)])


@NAMES
def test_gradients_in_16_bits_with_carried_states_are_near_those_in_32(name: str) -> None:
    import tensorflow as tf

    from slmcli.recurrences import Carried

    carried = Carried(first_states(name), KEPT)

    def in_16_bits(*given: Any) -> Any:
        return tf.cast(recurrence(name)(*(tf.cast(each, tf.bfloat16) for each in given), carried=carried)[0], tf.float32)

    ours = values_and_gradients(in_16_bits, *arguments(name))
    exact = values_and_gradients(lambda *given: recurrence(name)(*given, carried=carried)[0], *arguments(name))
    for one, other in zip(ours, exact, strict=True):
        assert np.abs(one - other).max() < 0.05 * np.abs(other).max()
