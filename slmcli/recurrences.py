"""Recurrences over time as few operations: what needs no earlier state is computed for all positions at once, also in the gradients.

Tensors are time-major: (length, batch, …). Padding stands at the end. It needs `padding_mask` only where a recurrence goes from the
last position to the first: there its gates are shut, so that the state is still zero at the last real position.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any  # Any: TensorFlow tensors, arguments by name

import tensorflow as tf

from slmcli.projections import multiply, project_back, see
from slmcli.time_loop import loop_over_time
from slmcli.tracing import is_converting

Found = tuple[Sequence[Any], Sequence[Any]]


@dataclass(frozen=True)
class Carried:
    """What a recurrence takes over from the positions before its first one; the length is then a multiple of `time_loop.STEPS`.

    Attributes:
        states: Each (batch, width) float32; no gradient flows into them.
        kept: (length, batch, 1) float32, 0 where a document begins, so that nothing is known there of the one before, else 1.
    """

    states: Sequence[Any]
    kept: Any


def quasi_recurrent(
    inputs: Any, kernel: Any, bias: Any, *, window: int, padding_mask: Any = None, is_reversed: bool = False, carried: Carried | None = None
) -> Any:
    """Return o_t c_t with c_t = f_t c_{t-1} + (1 - f_t) g_t, beginning with c = 0, whose gates look at the inputs of a window alone.

    Source: Bradbury et al. 2017, section 2 (fo-pooling). SRU (Lei et al. 2018) and minGRU (Feng et al. 2024) have the same recurrence.

    Args:
        inputs: (length, batch, features).
        kernel: (window * features, 3 hidden), in the order of `project`: candidates before tanh, gates f and o before sigmoid.
        bias: (3 hidden,).
        window: Inputs that a gate looks at: that of its position and those before.
        padding_mask: (length, batch) bool, for `is_reversed`.
        is_reversed: Go from the last position to the first; the inputs before are then those on the right.
        carried: The cells to begin with; a window of inputs is then the caller's work, and `window` is 1.

    Returns:
        (length, batch, hidden), in the dtype of inputs, kernel and bias. Cells are float32. With `carried`, also the states at the end.
    """
    seeing: dict[str, Any] = {"window": window, "is_reversed": is_reversed}
    hidden = kernel.shape[1] // 3
    sizes: dict[str, Any] = {"states": [hidden], "outputs": [hidden]}

    def forward(inputs: Any, kernel: Any, bias: Any) -> tuple[Any, ...]:
        seen = see(inputs, **seeing)
        candidates, added, gate = _squashed(seen, kernel, bias, padding_mask)
        kept = 1.0 - added if carried is None else (1.0 - added) * carried.kept
        initial = carried.states if carried else None
        (cells,), last = loop_over_time(_average_step, [kept, added * candidates], initial=initial, is_reversed=is_reversed, **sizes)
        return (tf.cast(gate * cells, inputs.dtype), *last), seen, candidates, added, gate, kept, cells

    @tf.custom_gradient
    def run(inputs: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[..., Any]]:
        found, seen, candidates, added, gate, kept, cells = forward(inputs, kernel, bias)

        def gradient(upstream: Any, *_: Any) -> tuple[Any, Any, Any]:
            # G_t = o_t dh_t + f_{t+1} G_{t+1}. That of g_t is (1 - f_t) G_t; that of the logit of f_t is f_t (1 - f_t) (c_{t-1} - g_t) G_t,
            # in which f_t (c_{t-1} - g_t) = c_t - g_t
            upstream = tf.cast(upstream, tf.float32)
            (total,) = loop_over_time(_average_gradient_step, [kept, upstream * gate], is_reversed=not is_reversed, **sizes)[0]
            of_candidates = total * added
            logits = [tanh_slope(candidates, of_candidates), of_candidates * (cells - candidates), sigmoid_slope(gate, upstream * cells)]
            projected = tf.concat([tf.cast(each, kernel.dtype) for each in logits], axis=-1)
            return project_back(projected, inputs, seen, kernel, **seeing)

        return found, gradient

    return outputs_and_states(forward(inputs, kernel, bias)[0] if is_converting() else run(inputs, kernel, bias), carried)


def outputs_and_states(found: Sequence[Any], carried: Carried | None) -> Any:
    """Return the outputs, and with `carried` the states at the end too."""
    outputs, *last = found
    return outputs if carried is None else (outputs, last)


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


def sigmoid_slope(value: Any, upstream: Any) -> Any:
    """Return upstream * value * (1 - value) in one operation."""
    return tf.raw_ops.SigmoidGrad(y=value, dy=upstream)


def tanh_slope(value: Any, upstream: Any) -> Any:
    """Return upstream * (1 - value ** 2) in one operation."""
    return tf.raw_ops.TanhGrad(y=value, dy=upstream)
