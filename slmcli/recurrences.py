"""Recurrences over time as few operations: what needs no earlier state is computed for all positions at once, also in the gradients.

Tensors are time-major: (length, batch, …). Padding stands at the end. It needs `padding_mask` only where a recurrence goes from the
last position to the first: there its gates are shut, so that the state is still zero at the last real position.
"""

from collections.abc import Callable, Sequence
from typing import Any  # Any: TensorFlow tensors, arguments by name

import tensorflow as tf

from slmcli.time_loop import Step, loop_over_time
from slmcli.tracing import is_converting

# a sigmoid of it is 1, and one of its negative 0, in every precision
_SHUT = 1e4
Found = tuple[Sequence[Any], Sequence[Any]]


def gated_average(logits: Any, candidates: Any, *, padding_mask: Any = None, is_reversed: bool = False) -> Any:
    """Return the states of h_t = f_t h_{t-1} + (1 - f_t) g_t with f = sigmoid(logits) and g = candidates, beginning with h = 0.

    Source: Bradbury et al. 2017, equation 3 (f-pooling). SRU (Lei et al. 2018) and minGRU (Feng et al. 2024) have the same recurrence.

    Args:
        logits: (length, batch, hidden) float32.
        candidates: (length, batch, hidden) float32.
        padding_mask: (length, batch) bool, for `is_reversed`.
        is_reversed: Go from the last position to the first.

    Returns:
        (length, batch, hidden) float32, the state after each position.
    """
    sizes: dict[str, Any] = {"states": [logits.shape[-1]], "outputs": [logits.shape[-1]]}

    @tf.custom_gradient
    def average(logits: Any, candidates: Any) -> tuple[Any, Callable[[Any], Any]]:
        kept = tf.sigmoid(_shut(logits, padding_mask, _SHUT))
        added = 1.0 - kept
        (states,) = loop_over_time(_average_step, [kept, added * candidates], is_reversed=is_reversed, **sizes)

        def gradient(upstream: Any) -> tuple[Any, Any]:
            # G_t = dh_t + f_{t+1} G_{t+1}. That of g_t is (1 - f_t) G_t; that of the logit is f_t (1 - f_t) (h_{t-1} - g_t) G_t,
            # in which f_t (h_{t-1} - g_t) = h_t - g_t
            (total,) = loop_over_time(_average_gradient_step, [kept, upstream], is_reversed=not is_reversed, **sizes)
            of_candidates = total * added
            return of_candidates * (states - candidates), of_candidates

        return states, gradient

    return average(logits, candidates)


def _average_step(values: Sequence[Any], states: Sequence[Any]) -> Found:
    kept, added = values
    state = kept * states[0] + added
    return [state], [state]


def _average_gradient_step(values: Sequence[Any], states: Sequence[Any]) -> Found:
    kept, upstream = values
    total = upstream + states[0]
    return [total], [kept * total]


def lstm(projected: Any, kernel: Any, *, padding_mask: Any = None, is_reversed: bool = False) -> Any:
    """Return the outputs of a long short-term memory, beginning with zeros.

    Source: Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000; columns in the order of `keras.layers.LSTM`.

    Args:
        projected: (length, batch, 4 hidden), inputs times their kernel plus bias: gates i and f, candidates g, gate o.
        kernel: (hidden, 4 hidden), of the outputs before. Products have its dtype, memory cells float32.
        padding_mask: (length, batch) bool, for `is_reversed`.
        is_reversed: Go from the last position to the first.

    Returns:
        (length, batch, hidden), in the dtype of `kernel`.
    """
    hidden = kernel.shape[0]
    options = {"padding_mask": padding_mask, "is_reversed": is_reversed}

    @tf.custom_gradient
    def run(projected: Any, kernel: Any) -> tuple[Any, Callable[[Any], Any]]:
        outputs, *kept = _lstm_outputs(projected, kernel, 7, **options)

        def gradient(upstream: Any) -> tuple[Any, Any]:
            back: dict[str, Any] = {"states": [hidden] * 2, "outputs": [4 * hidden], "dtype": kernel.dtype, "is_reversed": not is_reversed}
            (of_projected,) = loop_over_time(_lstm_gradient_step(kernel), [upstream, *_lstm_slopes(*kept)], **back)
            return of_projected, _kernel_gradient(outputs, of_projected, is_reversed)

        return outputs, gradient

    return _lstm_outputs(projected, kernel, 1, **options)[0] if is_converting() else run(projected, kernel)


def _lstm_outputs(projected: Any, kernel: Any, count: int, *, padding_mask: Any, is_reversed: bool) -> list[Any]:
    """Return the outputs in the dtype of `kernel`, and the first of what `_lstm_slopes` needs, float32."""
    hidden = kernel.shape[0]
    sizes: dict[str, Any] = {"states": [hidden] * 2, "outputs": [hidden] * count}
    outputs, *kept = loop_over_time(_lstm_step(kernel), [_shut(projected, padding_mask, -_SHUT)], is_reversed=is_reversed, **sizes)
    return [tf.cast(outputs, kernel.dtype), *kept]


def _lstm_step(kernel: Any) -> Step:
    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        output, cell = states
        i, f, g, o = tf.split(values[0] + _product(output, kernel), 4, axis=-1)
        i, f, g, o = tf.sigmoid(i), tf.sigmoid(f), tf.tanh(g), tf.sigmoid(o)
        new_cell = f * cell + i * g
        squashed = tf.tanh(new_cell)
        output = o * squashed
        return [output, i, f, g, o, cell, squashed], [output, new_cell]

    return step


def _lstm_slopes(i: Any, f: Any, g: Any, o: Any, cell: Any, squashed: Any) -> list[Any]:
    """Return what the gradient needs of a position: d(i, f, g)/d cell and d o/d output before their squashing, d output/d cell, and f."""
    gates = [_sigmoid_slope(i, g), _sigmoid_slope(f, cell), _tanh_slope(g, i), _sigmoid_slope(o, squashed)]
    return [tf.concat(gates, axis=-1), _tanh_slope(squashed, o), f]


def _lstm_gradient_step(kernel: Any) -> Step:
    transposed = tf.transpose(kernel)

    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        upstream, slopes, cell_slope, f = values
        of_output = upstream + states[0]
        of_cell = states[1] + of_output * cell_slope
        of_gates = tf.cast(tf.concat([of_cell, of_cell, of_cell, of_output], axis=-1) * slopes, kernel.dtype)
        return [of_gates], [_product(of_gates, transposed), of_cell * f]

    return step


def gru(projected: Any, kernel: Any, bias: Any, *, padding_mask: Any = None, is_reversed: bool = False) -> Any:
    """Return the outputs of gated recurrent units, beginning with zeros.

    Source: Cho et al. 2014, section 2.3, with the reset gate after the product, as `keras.layers.GRU` and cuDNN have it.

    Args:
        projected: (length, batch, 3 hidden), inputs times their kernel plus their bias: gates z and r, candidates.
        kernel: (hidden, 3 hidden), of the outputs before. Products have its dtype, outputs before float32.
        bias: (3 hidden,), of the outputs before.
        padding_mask: (length, batch) bool, for `is_reversed`.
        is_reversed: Go from the last position to the first.

    Returns:
        (length, batch, hidden), in the dtype of `kernel`.
    """
    hidden = kernel.shape[0]
    options = {"padding_mask": padding_mask, "is_reversed": is_reversed}

    @tf.custom_gradient
    def run(projected: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[[Any], Any]]:
        outputs, *kept = _gru_outputs(projected, kernel, bias, 6, **options)

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            slopes, candidate_slope, z = _gru_slopes(*kept)
            back: dict[str, Any] = {"states": [hidden], "outputs": [3 * hidden, hidden], "is_reversed": not is_reversed}
            of_product, of_output = loop_over_time(_gru_gradient_step(kernel), [upstream, slopes, z], **back)
            of_projected = tf.concat([of_product[..., : 2 * hidden], of_output * candidate_slope], axis=-1)
            of_kernel = _kernel_gradient(outputs, tf.cast(of_product, kernel.dtype), is_reversed)
            return tf.cast(of_projected, projected.dtype), of_kernel, tf.cast(tf.reduce_sum(of_product, [0, 1]), bias.dtype)

        return outputs, gradient

    return _gru_outputs(projected, kernel, bias, 1, **options)[0] if is_converting() else run(projected, kernel, bias)


def _gru_outputs(projected: Any, kernel: Any, bias: Any, count: int, *, padding_mask: Any, is_reversed: bool) -> list[Any]:
    """Return the outputs in the dtype of `kernel`, and the first of what `_gru_slopes` needs, float32."""
    hidden = kernel.shape[0]
    sizes: dict[str, Any] = {"states": [hidden], "outputs": [hidden] * count, "filler": _SHUT}
    step = _gru_step(kernel, tf.cast(bias, tf.float32))
    outputs, *kept = loop_over_time(step, [_shut(projected, padding_mask, _SHUT)], is_reversed=is_reversed, **sizes)
    return [tf.cast(outputs, kernel.dtype), *kept]


def _gru_step(kernel: Any, bias: Any) -> Step:
    hidden = kernel.shape[0]

    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        gates, candidates = tf.split(values[0], [2 * hidden, hidden], axis=-1)
        recurrent_gates, recurrent = tf.split(_product(states[0], kernel) + bias, [2 * hidden, hidden], axis=-1)
        z, r = tf.split(tf.sigmoid(gates + recurrent_gates), 2, axis=-1)
        candidates = tf.tanh(candidates + r * recurrent)
        output = candidates + z * (states[0] - candidates)
        return [output, z, r, candidates, recurrent, states[0]], [output]

    return step


def _gru_slopes(z: Any, r: Any, candidates: Any, recurrent: Any, before: Any) -> tuple[Any, Any, Any]:
    """Return d(z, r, product)/d output before their squashing, that of the candidates, and z."""
    of_candidates = _tanh_slope(candidates, 1.0 - z)
    slopes = [_sigmoid_slope(z, before - candidates), _sigmoid_slope(r, of_candidates * recurrent), of_candidates * r]
    return tf.concat(slopes, axis=-1), of_candidates, z


def _gru_gradient_step(kernel: Any) -> Step:
    transposed = tf.transpose(kernel)

    def step(values: Sequence[Any], states: Sequence[Any]) -> Found:
        upstream, slopes, z = values
        of_output = upstream + states[0]
        of_product = tf.concat([of_output] * 3, axis=-1) * slopes
        return [of_product, of_output], [of_output * z + _product(of_product, transposed)]

    return step


def _shut(logits: Any, padding_mask: Any, value: float) -> Any:
    """Return logits, with `value` on padding when there is a mask."""
    return logits if padding_mask is None else tf.where(tf.expand_dims(padding_mask, -1), logits, tf.cast(value, logits.dtype))


def _product(values: Any, kernel: Any) -> Any:
    """Return a product in float32 that is computed in the dtype of `kernel`."""
    return tf.cast(tf.matmul(tf.cast(values, kernel.dtype), kernel), tf.float32)


def _kernel_gradient(outputs: Any, of_products: Any, is_reversed: bool) -> Any:
    """Return the gradient of a recurrent kernel: outputs before a position times the gradients of its products, in one product."""
    before, after = (outputs[1:], of_products[:-1]) if is_reversed else (outputs[:-1], of_products[1:])
    flat = [tf.reshape(each, [-1, each.shape[-1]]) for each in (before, after)]
    return tf.matmul(*flat, transpose_a=True)


def _sigmoid_slope(value: Any, upstream: Any) -> Any:
    """Return upstream * value * (1 - value) in one operation."""
    return tf.raw_ops.SigmoidGrad(y=value, dy=upstream)


def _tanh_slope(value: Any, upstream: Any) -> Any:
    """Return upstream * (1 - value ** 2) in one operation."""
    return tf.raw_ops.TanhGrad(y=value, dy=upstream)
