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


PACKED = np.random.default_rng(1).normal(size=(32, 3, FEATURES)).astype(np.float32)
STARTS = np.zeros((32, 3), bool)
STARTS[[3, 15, 16, 17, 30], [0, 1, 2, 1, 0]] = True
NO_STARTS = np.zeros_like(STARTS)
HALVES = (slice(16), slice(16, 32))
WINDOWS = pytest.mark.parametrize(
    ("name", "options"),
    [("Lstm", {}), ("Gru", {}), *(("MinRnn", {"window": window}) for window in (1, 2, 3, 4))],
    ids=["lstm", "gru", "window of 1", "window of 2", "window of 3", "window of 4"],
)


def read(layer: Any, inputs: np.ndarray, starts: np.ndarray, **options: Any) -> np.ndarray:
    return layer(inputs, np.ones(inputs.shape[:2], bool), starts, **options).numpy()


@WINDOWS
def test_two_windows_with_carried_states_are_one(name: str, options: dict[str, Any]) -> None:
    layer = make(name, **options)
    whole = read(layer, PACKED, STARTS)
    layer.carry([3])
    halves = [read(layer, PACKED[part], STARTS[part]) for part in HALVES]
    np.testing.assert_allclose(np.concatenate(halves), whole, atol=1e-6)


@WINDOWS
def test_documents_in_a_row_are_read_as_each_by_itself(name: str, options: dict[str, Any]) -> None:
    layer, starts = make(name, **options), np.zeros((32, 3), bool)
    starts[16] = True
    found = read(layer, PACKED, starts)
    np.testing.assert_allclose(found[16:], layer(PACKED[16:], np.ones((16, 3), bool)), atol=1e-6)
    np.testing.assert_allclose(found[:16], layer(PACKED[:16], np.ones((16, 3), bool)), atol=1e-6)


@WINDOWS
def test_positions_one_by_one_are_those_of_a_whole_text(name: str, options: dict[str, Any]) -> None:
    layer = make(name, **options)
    states, outputs = layer.first_states(3, FEATURES), []
    for inputs in PACKED:
        output, states = layer.step(inputs, states)
        outputs.append(output)
    np.testing.assert_allclose(np.stack(outputs), layer(PACKED, np.ones((32, 3), bool)), atol=1e-6)


@LAYERS
def test_nothing_is_carried_unless_asked_for(name: str) -> None:
    layer = make(name)
    np.testing.assert_array_equal(read(layer, PACKED, NO_STARTS), read(layer, PACKED, NO_STARTS))
    assert layer.kept == []


@LAYERS
def test_carried_states_are_in_no_file(name: str) -> None:
    plain, carrying, store = make(name), make(name), dict[str, Any]()
    expected = carrying(INPUTS, MASK)
    carrying.carry([3], forgotten=0.5)
    read(carrying, PACKED, NO_STARTS)
    carrying.save_own_variables(store)
    plain.load_own_variables(store)
    np.testing.assert_array_equal(plain(INPUTS, MASK), expected)


@LAYERS
def test_rows_forget_in_training_alone_and_as_often_as_asked(name: str) -> None:
    rows = 2000
    layer = make(name)
    layer.carry([rows], forgotten=0.25, seed=3)
    for variable in layer.kept:
        variable.assign(np.ones(variable.shape, np.float32))
    judged, trained = (layer._begin(rows, training=training)[-1].numpy()[:, 0] for training in (False, True))
    assert judged.min() == 1.0
    # 500 of 2000, four standard deviations are 78
    assert 422 < (trained == 0.0).sum() < 578


@LAYERS
def test_layers_with_the_same_seed_forget_the_same_rows(name: str) -> None:
    found = []
    for layer in (make(name), make("Lstm")):
        layer.carry([50], forgotten=0.5, seed=3)
        for variable in layer.kept:
            variable.assign(np.ones(variable.shape, np.float32))
        found.append([[state.numpy().reshape(50, -1).min(axis=1) for state in layer._begin(50, training=True)][-1] for _ in range(2)])
    np.testing.assert_array_equal(*found)
    assert (found[0][0] != found[0][1]).any()


@LAYERS
def test_every_state_of_a_row_is_forgotten_together(name: str) -> None:
    layer = make(name)
    layer.carry([50], forgotten=0.5, seed=3)
    for variable in layer.kept:
        variable.assign(np.ones(variable.shape, np.float32))
    states = [state.numpy().reshape(50, -1) for state in layer._begin(50, training=True)]
    assert all((state == states[0][:, :1]).all() for state in states)


@LAYERS
def test_a_whole_text_does_not_change_what_is_carried(name: str) -> None:
    layer = make(name)
    layer.carry([3])
    read(layer, PACKED, NO_STARTS)
    before = [variable.numpy() for variable in layer.kept]
    layer(INPUTS, MASK)
    assert all(np.array_equal(variable.numpy(), kept) for variable, kept in zip(layer.kept, before, strict=True))


@pytest.mark.parametrize("window", [2, 3])
def test_gradients_of_packed_documents_are_those_of_each_by_itself(window: int) -> None:
    import tensorflow as tf

    layer, starts = make("MinRnn", window=window), np.zeros((32, 3), bool)
    starts[16] = True
    calls = [lambda: layer(PACKED, np.ones((32, 3), bool), starts), lambda: tf.concat([layer(PACKED[part], MASK[:16]) for part in HALVES], 0)]
    found = []
    for call in calls:
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(call() * PACKED[..., :UNITS])
        found.append(tape.gradient(total, [layer.kernel.value, layer.bias.value]))
    for ours, expected in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-4)
