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


def weights(window: int) -> tuple[np.ndarray, np.ndarray]:
    return normal(window * FEATURES, 3 * UNITS, seed=1), normal(3 * UNITS, seed=2)


def gates(candidates: float, forget: float, output: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel of zeros, for one unit and one feature, and such a bias."""
    return np.zeros((1, 3), np.float32), np.array([candidates, forget, output], np.float32)


def defined(inputs: Any, kernel: Any, bias: Any, *, window: int, is_reversed: bool, padding_mask: np.ndarray | None = None) -> Any:
    """Return what `quasi_recurrent` says, position by position."""
    import tensorflow as tf

    length, batch, features = inputs.shape
    order = range(length)[:: -1 if is_reversed else 1]
    cells, outputs = tf.zeros([batch, kernel.shape[1] // 3]), {}
    for position in order:
        seen = [position + distance * (1 if is_reversed else -1) for distance in range(window)]
        joined = tf.concat([inputs[place] if 0 <= place < length else tf.zeros([batch, features]) for place in seen], -1)
        candidates, forget, output = tf.split(joined @ kernel + bias, 3, axis=-1)
        kept = tf.sigmoid(forget)
        new = kept * cells + (1.0 - kept) * tf.tanh(candidates)
        cells = new if padding_mask is None else tf.where(padding_mask[position][:, None], new, cells)
        outputs[position] = tf.sigmoid(output) * cells
    return tf.stack([outputs[position] for position in range(length)])


def test_cells_are_what_was_kept_and_what_was_added() -> None:
    from slmcli.recurrences import quasi_recurrent

    # both gates half open, candidates tanh(artanh(0.8)): 0.4, then 0.2 + 0.4, then 0.3 + 0.4, of which half is let out
    found = quasi_recurrent(np.zeros((3, 1, 1), np.float32), *gates(np.arctanh(0.8), 0.0, 0.0), window=1)
    np.testing.assert_allclose(found.numpy().ravel(), [0.2, 0.3, 0.35], atol=1e-6)


@DIRECTIONS
@pytest.mark.parametrize("window", [1, 2, 3])
def test_values_and_gradients_are_those_of_the_definition(window: int, is_reversed: bool) -> None:
    from slmcli.recurrences import quasi_recurrent

    options: dict[str, Any] = {"window": window, "is_reversed": is_reversed}
    arguments = normal(LENGTH, BATCH, FEATURES), *weights(window)
    ours, expected = (values_and_gradients(lambda *given, of=of: of(*given, **options), *arguments) for of in (quasi_recurrent, defined))
    assert_equal(ours, expected)


@DIRECTIONS
def test_a_converted_layer_says_the_same(is_reversed: bool) -> None:
    from slmcli.recurrences import quasi_recurrent
    from slmcli.tracing import conversion

    arguments, options = (normal(LENGTH, BATCH, FEATURES), *weights(2)), {"window": 2, "is_reversed": is_reversed}
    with conversion():
        converted = quasi_recurrent(*arguments, **options)
    np.testing.assert_allclose(converted, quasi_recurrent(*arguments, **options), atol=1e-6)


def test_cells_stay_empty_on_padding_that_is_read_first() -> None:
    import tensorflow as tf

    from slmcli.recurrences import quasi_recurrent

    mask = np.arange(LENGTH)[:, None] < np.array([LENGTH, 7, 1])
    options: dict[str, Any] = {"window": 2, "is_reversed": True, "padding_mask": mask}
    arguments = normal(LENGTH, BATCH, FEATURES) * mask[..., None], *weights(2)
    ours, expected = (
        values_and_gradients(lambda *given, of=of: of(*given, **options) * tf.cast(mask[..., None], tf.float32), *arguments)
        for of in (quasi_recurrent, defined)
    )
    assert_equal(ours, expected)


@pytest.mark.parametrize("size", [-1e4, -80.0, 80.0, 1e4])
def test_gates_that_are_open_or_shut_give_numbers(size: float) -> None:
    from slmcli.recurrences import quasi_recurrent

    found = values_and_gradients(lambda *given: quasi_recurrent(*given, window=1), normal(LENGTH, BATCH, 1), *gates(size, size, size))
    assert all(np.isfinite(each).all() for each in found)


def test_what_is_hardly_added_is_added_in_16_bits_too() -> None:
    import tensorflow as tf

    from slmcli.recurrences import quasi_recurrent

    # sigmoid(8) is 1 in bfloat16
    given = np.zeros((LENGTH, BATCH, 1), np.float32), *gates(3.0, 8.0, 3.0)
    found = quasi_recurrent(*(tf.cast(each, tf.bfloat16) for each in given), window=1)
    np.testing.assert_allclose(tf.cast(found, tf.float32), quasi_recurrent(*given, window=1), rtol=0.02)


@DIRECTIONS
def test_gradients_in_16_bits_are_near_those_in_32(is_reversed: bool) -> None:
    import tensorflow as tf

    from slmcli.recurrences import quasi_recurrent

    arguments = normal(LENGTH, BATCH, FEATURES) / 4, *(each / 2 for each in weights(2))
    options: dict[str, Any] = {"window": 2, "is_reversed": is_reversed}

    def in_16_bits(*given: Any) -> Any:
        return tf.cast(quasi_recurrent(*(tf.cast(each, tf.bfloat16) for each in given), **options), tf.float32)

    ours = values_and_gradients(in_16_bits, *arguments)
    for one, exact in zip(ours, values_and_gradients(lambda *given: quasi_recurrent(*given, **options), *arguments), strict=True):
        assert np.abs(one - exact).max() < 0.03 * np.abs(exact).max()


def defined_from(inputs: Any, kernel: Any, bias: Any, *, cells: Any, kept: Any) -> list[Any]:
    """Return outputs and cells of the recurrence position by position, from given cells, which a document forgets at its start."""
    import tensorflow as tf

    outputs = []
    for position in range(inputs.shape[0]):
        candidates, forget, output = tf.split(inputs[position] @ kernel + bias, 3, axis=-1)
        share = tf.sigmoid(forget)
        cells = share * kept[position] * cells + (1.0 - share) * tf.tanh(candidates)
        outputs.append(tf.sigmoid(output) * cells)
    return [tf.stack(outputs), cells]


def test_values_and_gradients_with_carried_cells_are_those_of_the_definition() -> None:
    from slmcli.recurrences import Carried, quasi_recurrent

    cells, kept = normal(BATCH, UNITS, seed=5), np.ones((32, BATCH, 1), np.float32)
    kept[[0, 7, 8, 31], [1, 0, 0, 2]] = 0.0
    arguments = normal(32, BATCH, FEATURES), *weights(1)
    ours = values_and_gradients(lambda *given: quasi_recurrent(*given, window=1, carried=Carried([cells], kept))[0], *arguments)
    expected = values_and_gradients(lambda *given: defined_from(*given, cells=cells, kept=kept)[0], *arguments)
    assert_equal(ours, expected)


def test_cells_at_the_end_begin_the_next_window() -> None:
    from slmcli.recurrences import Carried, quasi_recurrent

    inputs, kept = normal(32, BATCH, FEATURES), np.ones((32, BATCH, 1), np.float32)
    nothing = np.zeros((BATCH, UNITS), np.float32)
    whole, (at_end,) = quasi_recurrent(inputs, *weights(1), window=1, carried=Carried([nothing], kept))
    first, states = quasi_recurrent(inputs[:16], *weights(1), window=1, carried=Carried([nothing], kept[:16]))
    second, (last,) = quasi_recurrent(inputs[16:], *weights(1), window=1, carried=Carried(states, kept[16:]))
    assert_equal([np.concatenate([first, second]), last.numpy()], [whole.numpy(), at_end.numpy()])
