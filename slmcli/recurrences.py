"""Recurrences over time as few operations: what needs no earlier state is computed for all positions at once, also in the gradients.

Tensors are time-major: (length, batch, …). Padding stands at the end. It needs `padding_mask` only where a recurrence goes from the
last position to the first: there its gates are shut, so that the state is still zero at the last real position.
"""

from collections.abc import Callable, Sequence
from typing import Any  # Any: TensorFlow tensors, arguments by name

import tensorflow as tf

from slmcli.projections import multiply, project_back, see
from slmcli.time_loop import Step, loop_over_time
from slmcli.tracing import is_converting

# a sigmoid of it is 1, and one of its negative 0, in every precision
_SHUT = 1e4
Found = tuple[Sequence[Any], Sequence[Any]]


def quasi_recurrent(inputs: Any, kernel: Any, bias: Any, *, window: int, padding_mask: Any = None, is_reversed: bool = False) -> Any:
    """Return o_t c_t with c_t = f_t c_{t-1} + (1 - f_t) g_t, beginning with c = 0, whose gates look at the inputs of a window alone.

    Source: Bradbury et al. 2017, section 2 (fo-pooling). SRU (Lei et al. 2018) and minGRU (Feng et al. 2024) have the same recurrence.

    Args:
        inputs: (length, batch, features).
        kernel: (window * features, 3 hidden), in the order of `project`: candidates before tanh, gates f and o before sigmoid.
        bias: (3 hidden,).
        window: Inputs that a gate looks at: that of its position and those before.
        padding_mask: (length, batch) bool, for `is_reversed`.
        is_reversed: Go from the last position to the first; the inputs before are then those on the right.

    Returns:
        (length, batch, hidden), in the dtype of inputs, kernel and bias. Cells are float32.
    """
    seeing: dict[str, Any] = {"window": window, "is_reversed": is_reversed}
    hidden = kernel.shape[1] // 3
    sizes: dict[str, Any] = {"states": [hidden], "outputs": [hidden]}

    def forward(inputs: Any, kernel: Any, bias: Any) -> tuple[Any, ...]:
        seen = see(inputs, **seeing)
        candidates, added, gate = _squashed(seen, kernel, bias, padding_mask)
        kept = 1.0 - added
        (cells,) = loop_over_time(_average_step, [kept, added * candidates], is_reversed=is_reversed, **sizes)
        return tf.cast(gate * cells, inputs.dtype), seen, candidates, added, gate, kept, cells

    @tf.custom_gradient
    def run(inputs: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[[Any], Any]]:
        outputs, seen, candidates, added, gate, kept, cells = forward(inputs, kernel, bias)

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            # G_t = o_t dh_t + f_{t+1} G_{t+1}. That of g_t is (1 - f_t) G_t; that of the logit of f_t is f_t (1 - f_t) (c_{t-1} - g_t) G_t,
            # in which f_t (c_{t-1} - g_t) = c_t - g_t
            upstream = tf.cast(upstream, tf.float32)
            (total,) = loop_over_time(_average_gradient_step, [kept, upstream * gate], is_reversed=not is_reversed, **sizes)
            of_candidates = total * added
            logits = [_tanh_slope(candidates, of_candidates), of_candidates * (cells - candidates), _sigmoid_slope(gate, upstream * cells)]
            projected = tf.concat([tf.cast(each, kernel.dtype) for each in logits], axis=-1)
            return project_back(projected, inputs, seen, kernel, **seeing)

        return outputs, gradient

    return forward(inputs, kernel, bias)[0] if is_converting() else run(inputs, kernel, bias)


def _squashed(seen: Any, kernel: Any, bias: Any, padding_mask: Any) -> list[Any]:
    """Return candidates, 1 - f, zero on padding when there is a mask, and o, each (length, batch, hidden) float32.

    A product with its activation is one operation. 1 - f is computed as such: near 0 it has more digits in 16 bits than f near 1.
    """
    of_candidates, of_f, of_o = zip(tf.split(kernel, 3, axis=1), tf.split(bias, 3), strict=True)
    added = multiply(seen, -of_f[0], -of_f[1], tf.sigmoid)
    if padding_mask is not None:
        added *= tf.cast(tf.expand_dims(padding_mask, -1), added.dtype)
    parts = [multiply(seen, *of_candidates, tf.tanh), added, multiply(seen, *of_o, tf.sigmoid)]
    return [tf.cast(part, tf.float32) for part in parts]


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
