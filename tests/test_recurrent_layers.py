from pathlib import Path
from typing import Any

import numpy as np
import pytest

FEATURES, UNITS = 5, 4
INPUTS = np.random.default_rng(0).normal(size=(19, 3, FEATURES)).astype(np.float32)
MASK = np.ones((19, 3), bool)
LAYERS = pytest.mark.parametrize("name", ["Lstm", "Gru", "MinRnn"])
DIRECTIONS = pytest.mark.parametrize("is_reversed", [False, True], ids=["forward", "backward"])


def make(name: str, **options: Any) -> Any:
    from slmcli import recurrent_layers

    layer = getattr(recurrent_layers, name)(UNITS, **options)
    layer.build(INPUTS.shape, MASK.shape)
    return layer


@DIRECTIONS
@pytest.mark.parametrize(("name", "of_keras"), [("Lstm", "LSTM"), ("Gru", "GRU")])
def test_weights_go_to_and_fro_between_a_layer_and_that_of_keras(name: str, of_keras: str, is_reversed: bool) -> None:
    import keras

    theirs = getattr(keras.layers, of_keras)(UNITS, return_sequences=True, go_backwards=is_reversed)
    expected = theirs(INPUTS.swapaxes(0, 1)).numpy().swapaxes(0, 1)
    ours = make(name, is_reversed=is_reversed)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(INPUTS, MASK).numpy(), expected[:: -1 if is_reversed else 1], atol=1e-5)


def test_weights_begin_as_those_of_keras() -> None:
    import keras

    theirs = keras.layers.LSTM(UNITS)
    theirs.build((None, None, FEATURES))
    bias, recurrent_kernel = make("Lstm").bias.numpy(), make("Lstm").recurrent_kernel.numpy()
    np.testing.assert_array_equal(bias, theirs.get_weights()[2])
    np.testing.assert_allclose(recurrent_kernel @ recurrent_kernel.T, np.eye(UNITS), atol=1e-5)


@LAYERS
def test_a_reversed_layer_sees_no_padding(name: str) -> None:
    layer, real = make(name, is_reversed=True), 7
    padded = np.where(np.arange(19)[:, None, None] < real, INPUTS, 0.0)
    outputs = layer(padded, np.broadcast_to(np.arange(19)[:, None] < real, (19, 3)))
    np.testing.assert_allclose(outputs[:real], layer(INPUTS[:real], MASK[:real]), atol=1e-6)


@LAYERS
def test_a_layer_is_made_again_from_its_description(name: str) -> None:
    layer = make(name, is_reversed=True)
    again = type(layer).from_config(layer.get_config())
    again.build(INPUTS.shape, MASK.shape)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(INPUTS, MASK), layer(INPUTS, MASK))


@pytest.mark.parametrize("name", ["Lstm", "Gru"])
def test_weights_are_dropped_in_training_alone(name: str) -> None:
    plain, dropping = make(name), make(name, weight_dropout=0.5)
    dropping.set_weights(plain.get_weights())
    np.testing.assert_array_equal(dropping(INPUTS, MASK, training=False), plain(INPUTS, MASK))
    assert np.abs(dropping(INPUTS, MASK, training=True) - plain(INPUTS, MASK)).max() > 1e-3


def test_dropped_weights_are_those_between_steps() -> None:
    # the first output depends on no output before
    plain, dropping = make("Lstm"), make("Lstm", weight_dropout=0.5)
    dropping.set_weights(plain.get_weights())
    np.testing.assert_allclose(dropping(INPUTS, MASK, training=True)[0], plain(INPUTS, MASK)[0], atol=1e-6)


@pytest.mark.parametrize("window", [1, 2, 3])
def test_a_parallel_recurrence_is_the_same_step_by_step(window: int) -> None:
    layer = make("MinRnn", window=window)
    states, outputs = layer.first_states(3, FEATURES), []
    for inputs in INPUTS:
        output, states = layer.step(inputs, states)
        outputs.append(output)
    np.testing.assert_allclose(np.stack(outputs), layer(INPUTS, MASK), atol=1e-6)


@pytest.mark.parametrize("window", [1, 3])
def test_gates_look_at_as_many_inputs_as_asked(window: int) -> None:
    assert make("MinRnn", window=window).kernel.shape == (window * FEATURES, 3 * UNITS)


def test_batch_and_time_are_exchanged() -> None:
    from slmcli.recurrent_layers import SwapBatchAndTime

    np.testing.assert_array_equal(SwapBatchAndTime()(INPUTS), INPUTS.swapaxes(0, 1))


@pytest.mark.parametrize("name", ["Lstm", "Gru"])
def test_weights_of_a_layer_that_drops_some_can_be_loaded(name: str, tmp_path: Path) -> None:
    import keras

    inputs, mask = keras.Input((3, FEATURES)), keras.Input((3,), dtype="bool")
    models = [keras.Model([inputs, mask], make(name, weight_dropout=0.5)(inputs, mask)) for _ in range(2)]
    models[0].save_weights(tmp_path / "model.weights.h5")
    models[1].load_weights(tmp_path / "model.weights.h5")
    for first, second in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_array_equal(first, second)
