"""Convolutions over token vectors as few operations: on a processor a step waits for memory, not for arithmetic."""

from collections.abc import Callable, Sequence
from typing import Any  # Any: TensorFlow tensors, arguments by name

import keras
import tensorflow as tf
from keras import ops

from slmcli.layers import UsesPaddingMask
from slmcli.tracing import is_converting


@keras.saving.register_keras_serializable("slmcli")
class MaskedConvolution(UsesPaddingMask):
    """Convolve token vectors with windows of several widths, cut negative values off, and set padding to zero.

    Equal to one `keras.layers.Conv1D(filters, width, padding="same", activation="relu")` for each width, side by side, times the
    padding mask. Differs: all widths are one convolution, whose window has zeros where that of a narrower one ends, and one gradient
    is written for the whole, in which the output alone says where the gradient is cut off.
    Input shape: (batch, length, features), zeros on padding, and (batch, length) bool. Output shape: (batch, length, widths * filters).

    Args:
        widths: Sizes of the windows in tokens.
        filters: Features of each.
        dilation: How far apart the tokens of a window are.
    """

    def __init__(self, widths: Sequence[int], filters: int, *, dilation: int = 1, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.widths, self.filters, self.dilation = list(widths), filters, dilation

    def build(self, vectors_shape: Any, *_: Any) -> None:
        """Make the kernel of each width, drawn for its own window, and the bias of all."""
        shape = (vectors_shape[-1], self.filters)
        self.kernels = [
            self.add_weight(name=f"kernel_{place}", shape=(width, *shape), initializer="glorot_uniform") for place, width in enumerate(self.widths)
        ]
        self.bias = self.add_weight(name="bias", shape=(len(self.widths) * self.filters,), initializer="zeros")

    def call(self, vectors: Any, padding_mask: Any) -> Any:
        """Return the features of each position."""
        real = ops.expand_dims(ops.cast(padding_mask, vectors.dtype), -1)
        kernels, bias = [ops.cast(kernel, vectors.dtype) for kernel in self.kernels], ops.cast(self.bias, vectors.dtype)
        if is_converting():  # constants of their own, which a converter quantizes and need not fold
            parts = [ops.conv(vectors, kernel, padding="same", dilation_rate=self.dilation) for kernel in kernels]
            return ops.relu(ops.concatenate(parts, axis=-1) + bias) * real
        if self.dilation > 1:
            return _convolve_apart(vectors, _join(kernels), bias, dilation=self.dilation) * real
        return _convolve(vectors, real, _join(kernels), bias)

    def compute_output_spec(self, vectors: Any, padding_mask: Any) -> Any:
        """Return the shape and dtype of the features."""
        return keras.KerasTensor((*vectors.shape[:-1], len(self.widths) * self.filters), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "widths": self.widths, "filters": self.filters, "dilation": self.dilation}


def _join(kernels: Sequence[Any]) -> Any:
    """Return one kernel (widest, features, filters of all) of kernels (width, features, filters), their windows about the same middle."""
    widest = max(kernel.shape[0] for kernel in kernels)
    padded = []
    for kernel in kernels:
        before = (widest - 1) // 2 - (kernel.shape[0] - 1) // 2
        padded.append(tf.pad(kernel, [[before, widest - kernel.shape[0] - before], [0, 0], [0, 0]]))
    return padded[0] if len(padded) == 1 else tf.concat(padded, axis=2)


def _convolve_apart(vectors: Any, kernel: Any, bias: Any, *, dilation: int) -> Any:
    """Return relu(vectors * kernel + bias) for windows whose tokens stand `dilation` apart.

    Every `dilation`-th token makes a text of its own, whose windows have no gaps: TensorFlow has no gradient of a convolution with gaps
    on a processor without oneDNN.
    """
    width, features = kernel.shape[0], vectors.shape[-1]
    length, around = tf.shape(vectors)[1], (width - 1) * dilation
    positions = -(-(length + around) // dilation)  # of each of these texts
    padded = tf.pad(vectors, [[0, 0], [around // 2, positions * dilation - length - around // 2], [0, 0]])
    apart = tf.transpose(tf.reshape(padded, [-1, positions, dilation, features]), [0, 2, 1, 3])
    found = _convolve(tf.reshape(apart, [-1, positions, features]), tf.ones([], vectors.dtype), kernel, bias)
    # windows that lie inside
    first, kept = (width - 1) // 2, positions - width + 1
    inside = tf.reshape(found[:, first : first + kept], [-1, dilation, kept, bias.shape[0]])
    outputs = tf.reshape(tf.transpose(inside, [0, 2, 1, 3]), [-1, kept * dilation, bias.shape[0]])[:, :length]
    outputs.set_shape([*vectors.shape[:2], bias.shape[0]])
    return outputs


def _convolve(vectors: Any, real: Any, kernel: Any, bias: Any) -> Any:
    """Return relu(vectors * kernel + bias) where `real` is 1, else 0.

    Args:
        vectors: (batch, length, features).
        real: (batch, length, 1), or one number, in the dtype of `vectors` as everything here.
        kernel: (width, features, filters).
        bias: (filters,).
    """
    options: dict[str, Any] = {"strides": [1, 1, 1, 1], "padding": "SAME"}

    @tf.custom_gradient
    def convolve(vectors: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[[Any], Any]]:
        image, window = vectors[:, None], kernel[None]  # TensorFlow has convolutions of two dimensions only
        convolved = tf.nn.bias_add(tf.nn.conv2d(image, window, **options), bias)
        outputs = tf.nn.relu(convolved)[:, 0] * real

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            # an output above 0 is neither cut off nor on padding
            kept = tf.raw_ops.ReluGrad(gradients=upstream, features=outputs)
            rows = tf.reshape(kept, [-1, kept.shape[-1]])
            of_bias = tf.matmul(tf.ones([1, tf.shape(rows)[0]], rows.dtype), rows)[0]  # half the time of a sum over rows
            image_gradient = kept[:, None]
            of_kernel = tf.raw_ops.Conv2DBackpropFilter(input=image, filter_sizes=tf.shape(window), out_backprop=image_gradient, **options)
            of_vectors = tf.raw_ops.Conv2DBackpropInput(input_sizes=tf.shape(image), filter=window, out_backprop=image_gradient, **options)
            return of_vectors[:, 0], of_kernel[0], of_bias

        return outputs, gradient

    return convolve(vectors, kernel, bias)
