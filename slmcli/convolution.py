"""Convolutions over token vectors as few operations: on a processor a step waits for memory, not for arithmetic."""

from collections.abc import Callable, Sequence
from typing import Any  # Any: TensorFlow tensors, arguments by name

import keras
import tensorflow as tf
from keras import ops

from slmcli.layers import UsesPaddingMask
from slmcli.parallel import usable_processors
from slmcli.projections import sum_rows
from slmcli.runtime import uses_onednn
from slmcli.tracing import is_compiling, is_converting

_OPTIONS: dict[str, Any] = {"strides": [1, 1, 1, 1], "padding": "SAME"}
_CACHE_VALUES = 2**16  # float32 in 256 KiB
_JOINED = 1024  # positions; our choice, by measurement (docs/decisions.md)


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

    @tf.custom_gradient
    def convolve(vectors: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[[Any], Any]]:
        image, window = vectors[:, None], kernel[None]  # TensorFlow has convolutions of two dimensions only
        convolved = tf.nn.bias_add(tf.nn.conv2d(image, window, **_OPTIONS), bias)
        outputs = tf.nn.relu(convolved)[:, 0] * real

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            # an output above 0 is neither cut off nor on padding
            kept = tf.raw_ops.ReluGrad(gradients=upstream, features=outputs)
            of_bias = sum_rows(tf.reshape(kept, [-1, kept.shape[-1]]))
            image_gradient = kept[:, None]
            of_kernel = tf.raw_ops.Conv2DBackpropFilter(input=image, filter_sizes=tf.shape(window), out_backprop=image_gradient, **_OPTIONS)
            of_vectors = _spread_joined(kept, kernel)
            return tf.ensure_shape(of_vectors, vectors.shape), of_kernel[0], of_bias

        return outputs, gradient

    return convolve(vectors, kernel, bias)


def _spread_joined(gradient: Any, kernel: Any) -> Any:
    """Return the gradient of a convolution's input (batch, length, features), given that of its outputs (batch, length, filters).

    Without oneDNN TensorFlow takes one text after the other where a product is large, and prepares the whole kernel for each, which for
    short texts is most of the time of a step. There texts are joined, with zeros between them, to longer ones.
    """
    is_elsewhere = is_compiling() or uses_onednn() or bool(tf.config.list_logical_devices("GPU"))
    if is_elsewhere or gradient.dtype != tf.float32:  # products of 16 bits, which such a processor emulates, gain nothing
        return _spread(gradient, kernel)
    width, (batch, length) = kernel.shape[0], tf.unstack(tf.shape(gradient)[:2])
    room = length + width - 1
    most = tf.where(_is_one_by_one(length, kernel) & (length > 0), tf.maximum(_JOINED // tf.maximum(room, 1), 1), 1)
    groups = tf.maximum(-(-batch // most), 1)
    count = -(-batch // groups)  # so that the last group is about as full as the others

    def joined() -> Any:
        padded = tf.pad(gradient, [[0, groups * count - batch], [0, width - 1], [0, 0]])
        found = _spread(tf.reshape(padded, [groups, count * room, gradient.shape[-1]]), kernel)
        return tf.reshape(found, [-1, room, kernel.shape[1]])[:batch, :length]

    return tf.cond(count > 1, joined, lambda: _spread(gradient, kernel))


def _is_one_by_one(length: Any, kernel: Any) -> Any:
    """Say whether TensorFlow's gradient of the input takes one text of a batch after the other, each on all threads.

    Source: TensorFlow 2.21, Conv2DCustomBackpropInputOp: the values of a text's product, divided by the threads, fill 256 KiB.
    """
    width, features, filters = kernel.shape
    values = length * filters + width * features * filters + length * width * features
    threads = tf.config.threading.get_intra_op_parallelism_threads() or usable_processors()
    return values >= threads * _CACHE_VALUES


def _spread(gradient: Any, kernel: Any) -> Any:
    """Return what `_spread_joined` does, in one operation."""
    sizes = [tf.shape(gradient)[0], 1, tf.shape(gradient)[1], kernel.shape[1]]
    return tf.raw_ops.Conv2DBackpropInput(input_sizes=sizes, filter=kernel[None], out_backprop=gradient[:, None], **_OPTIONS)[:, 0]
