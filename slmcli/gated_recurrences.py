"""Recurrences over time whose gates also look at the output before: LSTM and gated recurrent units.

Tensors are as in `recurrences`: time-major, (length, batch, …), padding at the end.
"""

from collections.abc import Callable, Sequence
from typing import Any  # Any: TensorFlow tensors, arguments by name

import tensorflow as tf

from slmcli.recurrences import Carried, Found, outputs_and_states, sigmoid_slope, tanh_slope
from slmcli.time_loop import Step, loop_over_time
from slmcli.tracing import is_converting

# a sigmoid of it is 1, and one of its negative 0, in every precision
_SHUT = 1e4


def lstm(projected: Any, kernel: Any, *, padding_mask: Any = None, is_reversed: bool = False, carried: Carried | None = None) -> Any:
    """Return the outputs of a long short-term memory, beginning with zeros or what is carried: output and cell.

    Source: Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000; columns in the order of `keras.layers.LSTM`.

    Args:
        projected: (length, batch, 4 hidden), inputs times their kernel plus bias: gates i and f, candidates g, gate o.
        kernel: (hidden, 4 hidden), of the outputs before. Products have its dtype, memory cells float32.
        padding_mask: (length, batch) bool, for `is_reversed`.
        is_reversed: Go from the last position to the first.
        carried: What to begin with.

    Returns:
        (length, batch, hidden), in the dtype of `kernel`. With `carried`, also the states at the end.
    """
    hidden = kernel.shape[0]
    options: dict[str, Any] = {"padding_mask": padding_mask, "is_reversed": is_reversed, "carried": carried}

    @tf.custom_gradient
    def run(projected: Any, kernel: Any) -> tuple[Any, Callable[..., Any]]:
        (outputs, *kept), last = _lstm_outputs(projected, kernel, 7, **options)

        def gradient(upstream: Any, *_: Any) -> tuple[Any, Any]:
            back: dict[str, Any] = {"states": [hidden] * 2, "outputs": [4 * hidden], "dtype": kernel.dtype, "is_reversed": not is_reversed}
            (of_projected,) = loop_over_time(_lstm_gradient_step(kernel), [upstream, *_lstm_slopes(*kept), *_kept(carried)], **back)[0]
            return of_projected, _kernel_gradient(outputs, of_projected, is_reversed, carried)

        return (outputs, *last), gradient

    if is_converting():
        found, last = _lstm_outputs(projected, kernel, 1, **options)
        return outputs_and_states((*found, *last), carried)
    return outputs_and_states(run(projected, kernel), carried)


def _lstm_outputs(
    projected: Any, kernel: Any, count: int, *, padding_mask: Any, is_reversed: bool, carried: Carried | None
) -> tuple[list[Any], list[Any]]:
    """Return the outputs in the dtype of `kernel` and the first of what `_lstm_slopes` needs, float32; and the states at the end."""
    hidden = kernel.shape[0]
    sizes: dict[str, Any] = {"states": [hidden] * 2, "outputs": [hidden] * count, "initial": carried.states if carried else None}
    sequences = [_shut(projected, padding_mask, -_SHUT), *_kept(carried)]
    (outputs, *kept), last = loop_over_time(lstm_step(kernel), sequences, is_reversed=is_reversed, **sizes)
    return [tf.cast(outputs, kernel.dtype), *kept], last


def _kept(carried: Carried | None) -> list[Any]:
    return [carried.kept] if carried else []


def _keep(states: Sequence[Any], kept: Sequence[Any]) -> list[Any]:
    """Return states, zero where a document begins if it is known where."""
    return [state * kept[0] for state in states] if kept else list(states)


def lstm_step(kernel: Any) -> Step:
    """Return what happens at one position of an LSTM: states are the output and the cell before, (batch, hidden) float32."""

    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        output, cell = _keep(states, values[1:])
        i, f, g, o = tf.split(values[0] + _product(output, kernel), 4, axis=-1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        new_cell = f * cell + i * g
        squashed = tf.tanh(new_cell)
        output = o * squashed
        return [output, i, f, g, o, cell, squashed], [output, new_cell]

    return step


def _lstm_slopes(i: Any, f: Any, g: Any, o: Any, cell: Any, squashed: Any) -> list[Any]:
    """Return what the gradient needs of a position: d(i, f, g)/d cell and d o/d output before their squashing, d output/d cell, and f."""
    gates = [sigmoid_slope(i, g), sigmoid_slope(f, cell), tanh_slope(g, i), sigmoid_slope(o, squashed)]
    return [tf.concat(gates, axis=-1), tanh_slope(squashed, o), f]


def _lstm_gradient_step(kernel: Any) -> Step:
    transposed = tf.transpose(kernel)

    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        upstream, slopes, cell_slope, f, *kept = values
        of_output = upstream + states[0]
        of_cell = states[1] + of_output * cell_slope
        of_gates = tf.cast(tf.concat([of_cell, of_cell, of_cell, of_output], axis=-1) * slopes, kernel.dtype)
        return [of_gates], _keep([_product(of_gates, transposed), of_cell * f], kept)

    return step


def gru(projected: Any, kernel: Any, bias: Any, *, padding_mask: Any = None, is_reversed: bool = False, carried: Carried | None = None) -> Any:
    """Return the outputs of gated recurrent units, beginning with zeros or what is carried: the output before.

    Source: Cho et al. 2014, section 2.3, with the reset gate after the product, as `keras.layers.GRU` and cuDNN have it.

    Args:
        projected: (length, batch, 3 hidden), inputs times their kernel plus their bias: gates z and r, candidates.
        kernel: (hidden, 3 hidden), of the outputs before. Products have its dtype, outputs before float32.
        bias: (3 hidden,), of the outputs before.
        padding_mask: (length, batch) bool, for `is_reversed`.
        is_reversed: Go from the last position to the first.
        carried: What to begin with.

    Returns:
        (length, batch, hidden), in the dtype of `kernel`. With `carried`, also the states at the end.
    """
    hidden = kernel.shape[0]
    options: dict[str, Any] = {"padding_mask": padding_mask, "is_reversed": is_reversed, "carried": carried}

    @tf.custom_gradient
    def run(projected: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[..., Any]]:
        (outputs, *kept), last = _gru_outputs(projected, kernel, bias, 6, **options)

        def gradient(upstream: Any, *_: Any) -> tuple[Any, Any, Any]:
            slopes, candidate_slope, z = _gru_slopes(*kept)
            back: dict[str, Any] = {"states": [hidden], "outputs": [3 * hidden, hidden], "is_reversed": not is_reversed}
            of_product, of_output = loop_over_time(_gru_gradient_step(kernel), [upstream, slopes, z, *_kept(carried)], **back)[0]
            of_projected = tf.concat([of_product[..., : 2 * hidden], of_output * candidate_slope], axis=-1)
            of_kernel = _kernel_gradient(outputs, tf.cast(of_product, kernel.dtype), is_reversed, carried)
            return tf.cast(of_projected, projected.dtype), of_kernel, tf.cast(tf.reduce_sum(of_product, [0, 1]), bias.dtype)

        return (outputs, *last), gradient

    if is_converting():
        found, last = _gru_outputs(projected, kernel, bias, 1, **options)
        return outputs_and_states((*found, *last), carried)
    return outputs_and_states(run(projected, kernel, bias), carried)


def _gru_outputs(
    projected: Any, kernel: Any, bias: Any, count: int, *, padding_mask: Any, is_reversed: bool, carried: Carried | None
) -> tuple[list[Any], list[Any]]:
    """Return the outputs in the dtype of `kernel` and the first of what `_gru_slopes` needs, float32; and the state at the end."""
    hidden = kernel.shape[0]
    initial = carried.states if carried else None
    sizes: dict[str, Any] = {"states": [hidden], "outputs": [hidden] * count, "filler": _SHUT, "initial": initial}
    step = gru_step(kernel, tf.cast(bias, tf.float32))
    sequences = [_shut(projected, padding_mask, _SHUT), *_kept(carried)]
    (outputs, *kept), last = loop_over_time(step, sequences, is_reversed=is_reversed, **sizes)
    return [tf.cast(outputs, kernel.dtype), *kept], last


def gru_step(kernel: Any, bias: Any) -> Step:
    """Return what happens at one position of gated recurrent units: the state is the output before, (batch, hidden) float32."""
    hidden = kernel.shape[0]

    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        (before,) = _keep(states, values[1:])
        gates, candidates = tf.split(values[0], [2 * hidden, hidden], axis=-1)
        recurrent_gates, recurrent = tf.split(_product(before, kernel) + bias, [2 * hidden, hidden], axis=-1)
        z, r = tf.split(tf.sigmoid(gates + recurrent_gates), 2, axis=-1)
        candidates = tf.tanh(candidates + r * recurrent)
        output = candidates + z * (before - candidates)
        return [output, z, r, candidates, recurrent, before], [output]

    return step


def _gru_slopes(z: Any, r: Any, candidates: Any, recurrent: Any, before: Any) -> tuple[Any, Any, Any]:
    """Return d(z, r, product)/d output before their squashing, that of the candidates, and z."""
    of_candidates = tanh_slope(candidates, 1.0 - z)
    slopes = [sigmoid_slope(z, before - candidates), sigmoid_slope(r, of_candidates * recurrent), of_candidates * r]
    return tf.concat(slopes, axis=-1), of_candidates, z


def _gru_gradient_step(kernel: Any) -> Step:
    transposed = tf.transpose(kernel)

    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        upstream, slopes, z, *kept = values
        of_output = upstream + states[0]
        of_product = tf.concat([of_output] * 3, axis=-1) * slopes
        return [of_product, of_output], _keep([of_output * z + _product(of_product, transposed)], kept)

    return step


def _shut(logits: Any, padding_mask: Any, value: float) -> Any:
    """Return logits, with `value` on padding when there is a mask."""
    return logits if padding_mask is None else tf.where(tf.expand_dims(padding_mask, -1), logits, tf.cast(value, logits.dtype))


def _product(values: Any, kernel: Any) -> Any:
    """Return a product in float32 that is computed in the dtype of `kernel`."""
    return tf.cast(tf.matmul(tf.cast(values, kernel.dtype), kernel), tf.float32)


def _kernel_gradient(outputs: Any, of_products: Any, is_reversed: bool, carried: Carried | None) -> Any:
    """Return the gradient of a recurrent kernel: outputs before a position times the gradients of its products, in one product."""
    before, after = (outputs[1:], of_products[:-1]) if is_reversed else (outputs[:-1], of_products[1:])
    if carried:
        first = tf.cast(carried.states[0], outputs.dtype)[None]
        parts = [before, first] if is_reversed else [first, before]
        before, after = tf.concat(parts, 0) * tf.cast(carried.kept, outputs.dtype), of_products
    flat = [tf.reshape(each, [-1, each.shape[-1]]) for each in (before, after)]
    return tf.matmul(*flat, transpose_a=True)
