"""Products of all positions of a text with one kernel, in as few passes over memory as TensorFlow allows."""

from collections.abc import Callable
from typing import Any  # Any: TensorFlow tensors

import tensorflow as tf

from slmcli.tracing import is_converting


def project(inputs: Any, kernel: Any, bias: Any, *, window: int = 1, is_reversed: bool = False) -> Any:
    """Return the inputs that each position sees, times a kernel, plus a bias.

    Args:
        inputs: (length, batch, features).
        kernel: (window * features, outputs): of the input at a position, of the one before, of the one before that, …
        bias: (outputs,).
        window: Inputs that a position sees; zeros where there are none.
        is_reversed: The inputs before are those on the right.

    Returns:
        (length, batch, outputs), in the dtype of all three.
    """

    @tf.custom_gradient
    def run(inputs: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[[Any], Any]]:
        seen = see(inputs, window=window, is_reversed=is_reversed)

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            return project_back(upstream, inputs, seen, kernel, window=window, is_reversed=is_reversed)

        return multiply(seen, kernel, bias), gradient

    return multiply(see(inputs, window=window, is_reversed=is_reversed), kernel, bias) if is_converting() else run(inputs, kernel, bias)


def see(inputs: Any, *, window: int, is_reversed: bool) -> Any:
    """Return (length, batch, window * features), the input at each position, the one before, and so on."""
    return tf.concat([_shift(inputs, distance, is_later=not is_reversed) for distance in range(window)], -1) if window > 1 else inputs


def multiply(seen: Any, kernel: Any, bias: Any, activation: Callable[[Any], Any] | None = None) -> Any:
    """Return activation(seen * kernel + bias), which TensorFlow makes one operation of."""
    product = tf.nn.bias_add(tf.matmul(tf.reshape(seen, [-1, kernel.shape[0]]), kernel), bias)
    activated = activation(product) if activation else product
    return tf.reshape(activated, tf.concat([tf.shape(seen)[:-1], [kernel.shape[1]]], 0))


def project_back(upstream: Any, inputs: Any, seen: Any, kernel: Any, *, window: int, is_reversed: bool) -> tuple[Any, Any, Any]:
    """Return the gradients of inputs, kernel and bias, given that of what `project` returns (length, batch, outputs)."""
    rows = tf.reshape(upstream, [-1, upstream.shape[-1]])
    # a product for each distance: the gradient of `tf.concat` would copy what one product finds
    parts = [tf.matmul(rows, part, transpose_b=True) for part in tf.split(kernel, window)]
    shaped = [tf.reshape(part, tf.shape(inputs)) for part in parts]
    of_inputs = tf.add_n([_shift(part, distance, is_later=is_reversed) for distance, part in enumerate(shaped)])
    of_kernel = tf.matmul(tf.reshape(seen, [-1, kernel.shape[0]]), rows, transpose_a=True)
    return tf.ensure_shape(of_inputs, inputs.shape), of_kernel, sum_rows(rows)


def _shift(values: Any, distance: int, *, is_later: bool) -> Any:
    """Move (length, …) by so many positions to later or to earlier ones; zeros where nothing came from."""
    if not distance:
        return values
    length = tf.shape(values)[0]
    kept = tf.maximum(length - distance, 0)
    others = [[0, 0]] * (len(values.shape) - 1)
    first, missing = ([0], [length - kept, 0]) if is_later else ([length - kept], [0, length - kept])
    rest = tf.slice(values, [*first, *([0] * len(others))], [kept, *([-1] * len(others))])
    shifted = tf.pad(rest, [missing, *others])
    shifted.set_shape(values.shape)  # LiteRT has no `tf.ensure_shape`
    return shifted


def sum_rows(rows: Any) -> Any:
    """Return (width,), the sum of (rows, width), as a product.

    On long texts it takes half the time of TensorFlow's gradient of a bias, and it adds up 16 bits in float32 (docs/decisions.md).
    """
    return tf.matmul(tf.ones([1, tf.shape(rows)[0]], rows.dtype), rows)[0]
