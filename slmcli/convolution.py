"""Convolutions over token vectors as few operations: on a processor a step waits for memory, not for arithmetic."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar  # Any: TensorFlow tensors, arguments by name

import keras
import tensorflow as tf
from keras import ops

from slmcli.layers import WINDOW, UsesPaddingMask, max_windows, maximum, zero_padding
from slmcli.parallel import usable_processors
from slmcli.projections import sum_rows
from slmcli.runtime import uses_onednn
from slmcli.tracing import is_compiling, is_converting

_OPTIONS: dict[str, Any] = {"strides": [1, 1, 1, 1], "padding": "SAME"}
_CACHE_VALUES = 2**16  # float32 in 256 KiB
LONG = 128  # positions from which on it pays to look for the largest; our choice, by measurement (docs/decisions.md)
_JOINED = 1024  # positions; our choice, by measurement (docs/decisions.md)


@keras.saving.register_keras_serializable("slmcli")
class MaskedConvolution(UsesPaddingMask):
    """Convolve token vectors with windows of several widths, cut negative values off, and set padding to zero.

    Equal to one `keras.layers.Conv1D(filters, width, padding="same", activation="relu")` for each width, side by side, times the
    padding mask. Differs: all widths are one convolution, whose window has zeros where that of a narrower one ends, and one gradient
    is written for the whole, in which the output alone says where the gradient is cut off. Pooled, it equals that with `MaskedMax`
    after it. Differs: in a long text only the windows in which a feature is largest, of equal ones the first, have a gradient, and
    kernel and bias learn from these alone.
    Input shape: (batch, length, features), zeros on padding, and (batch, length) bool. Output shape: (batch, length, widths * filters),
    or (batch, widths * filters) pooled.

    Args:
        widths: Sizes of the windows in tokens.
        filters: Features of each.
        dilation: How far apart the tokens of a window are.
        is_pooled: Whether to return the largest value of each feature over real tokens, zeros when there is none.
        is_causal: Whether a window ends at its position instead of standing around it.
    """

    time_axis: ClassVar[int] = 1

    def __init__(
        self, widths: Sequence[int], filters: int, *, dilation: int = 1, is_pooled: bool = False, is_causal: bool = False, **arguments: Any
    ) -> None:
        super().__init__(**arguments)
        self.widths, self.filters, self.dilation, self.is_pooled, self.is_causal = list(widths), filters, dilation, is_pooled, is_causal

    def build(self, vectors_shape: Any, *_: Any) -> None:
        """Make the kernel of each width, drawn for its own window, and the bias of all."""
        shape = (vectors_shape[-1], self.filters)
        self.kernels = [
            self.add_weight(name=f"kernel_{place}", shape=(width, *shape), initializer="glorot_uniform") for place, width in enumerate(self.widths)
        ]
        self.bias = self.add_weight(name="bias", shape=(len(self.widths) * self.filters,), initializer="zeros")

    def call(self, vectors: Any, padding_mask: Any) -> Any:
        """Return the features of each position, or the largest of each text."""
        kernels, bias = [ops.cast(kernel, vectors.dtype) for kernel in self.kernels], ops.cast(self.bias, vectors.dtype)
        if self.is_causal:
            found = zero_padding(self._look_back(vectors, kernels, bias), padding_mask)
        elif self.is_pooled and self.dilation == 1 and not is_converting() and not is_compiling():
            return _convolve_and_pool(vectors, padding_mask, _join(kernels), bias)
        elif is_converting():  # constants of their own, which a converter quantizes and need not fold
            parts = [ops.conv(vectors, kernel, padding="same", dilation_rate=self.dilation) for kernel in kernels]
            found = zero_padding(ops.relu(ops.concatenate(parts, axis=-1) + bias), padding_mask)
        elif self.dilation > 1:
            found = zero_padding(_convolve_apart(vectors, _join(kernels), bias, dilation=self.dilation), padding_mask)
        else:
            found = _convolve(vectors, padding_mask, _join(kernels), bias)
        return maximum(found) if self.is_pooled else found

    def _look_back(self, vectors: Any, kernels: Sequence[Any], bias: Any) -> Any:
        """Return the features of windows that end at their positions: those around positions of a text with zeros before it."""
        length, around = tf.shape(vectors)[1], self._before
        later = tf.pad(vectors, [[0, 0], [around - around // 2, 0], [0, 0]])
        kernel = _join(kernels, is_causal=True)
        if is_converting():
            padded = tf.pad(vectors, [[0, 0], [around, 0], [0, 0]])
            return ops.relu(ops.conv(padded, kernel, padding="valid", dilation_rate=self.dilation) + bias)
        found = _convolve_apart(later, kernel, bias, dilation=self.dilation) if self.dilation > 1 else _convolve(later, None, kernel, bias)
        found = found[:, :length]
        found.set_shape([*vectors.shape[:2], bias.shape[0]])
        return found

    @property
    def _before(self) -> int:
        """Positions before its own that the widest window reaches back to."""
        return (max(self.widths) - 1) * self.dilation

    def first_states(self, batch_size: int, features: int) -> list[Any]:
        """Return what `step` begins with: the vectors before, (batch, positions, features)."""
        return [tf.zeros([batch_size, self._before, features], self.compute_dtype)]

    def step(self, vectors: Any, states: Sequence[Any], *_: Any) -> tuple[Any, list[Any]]:
        """Return the features (batch, widths * filters) of one position, vectors (batch, features), and the states after it."""
        kernel = _join([ops.cast(kernel, vectors.dtype) for kernel in self.kernels], is_causal=True)
        seen = tf.concat([states[0], vectors[:, None]], axis=1)
        flat = tf.reshape(seen[:, :: self.dilation], [-1, kernel.shape[0] * kernel.shape[1]])
        product = tf.matmul(flat, tf.reshape(kernel, [flat.shape[1], kernel.shape[2]]))
        return tf.nn.relu(product + ops.cast(self.bias, vectors.dtype)), [seen[:, 1:]]

    def compute_output_spec(self, vectors: Any, padding_mask: Any) -> Any:
        """Return the shape and dtype of the features."""
        places = vectors.shape[:1] if self.is_pooled else vectors.shape[:-1]
        return keras.KerasTensor((*places, len(self.widths) * self.filters), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"widths": self.widths, "filters": self.filters, "dilation": self.dilation, "is_pooled": self.is_pooled, "is_causal": self.is_causal}
        return {**super().get_config(), **own}


def _join(kernels: Sequence[Any], *, is_causal: bool = False) -> Any:
    """Return one kernel (widest, features, filters of all) of kernels (width, features, filters), their windows about the same middle.

    Causal windows have the same end instead.
    """
    widest = max(kernel.shape[0] for kernel in kernels)
    padded = []
    for kernel in kernels:
        before = widest - kernel.shape[0] if is_causal else (widest - 1) // 2 - (kernel.shape[0] - 1) // 2
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
    found = _convolve(tf.reshape(apart, [-1, positions, features]), None, kernel, bias)
    # windows that lie inside
    first, kept = (width - 1) // 2, positions - width + 1
    inside = tf.reshape(found[:, first : first + kept], [-1, dilation, kept, bias.shape[0]])
    outputs = tf.reshape(tf.transpose(inside, [0, 2, 1, 3]), [-1, kept * dilation, bias.shape[0]])[:, :length]
    outputs.set_shape([*vectors.shape[:2], bias.shape[0]])
    return outputs


def _convolve(vectors: Any, padding_mask: Any, kernel: Any, bias: Any) -> Any:
    """Return relu(vectors * kernel + bias), zeros on padding.

    Args:
        vectors: (batch, length, features).
        padding_mask: (batch, length) bool, or None without padding.
        kernel: (width, features, filters).
        bias: (filters,).
    """

    @tf.custom_gradient
    def convolve(vectors: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[[Any], Any]]:
        outputs = _features(vectors, padding_mask, kernel, bias)

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            return _gradients(vectors, kernel, outputs, upstream)

        return outputs, gradient

    return convolve(vectors, kernel, bias)


def _features(vectors: Any, padding_mask: Any, kernel: Any, bias: Any) -> Any:
    """Return what `_convolve` does, without a gradient of our own; TensorFlow has convolutions of two dimensions only."""
    outputs = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(vectors[:, None], kernel[None], **_OPTIONS), bias))[:, 0]
    return outputs if padding_mask is None else zero_padding(outputs, padding_mask)


def _gradients(vectors: Any, kernel: Any, outputs: Any, upstream: Any) -> tuple[Any, Any, Any]:
    """Return the gradients of vectors, kernel and bias, given that of `outputs`."""
    # an output above 0 is neither cut off nor on padding
    kept = tf.raw_ops.ReluGrad(gradients=upstream, features=outputs)
    sizes = tf.shape(kernel[None])
    of_kernel = tf.raw_ops.Conv2DBackpropFilter(input=vectors[:, None], filter_sizes=sizes, out_backprop=kept[:, None], **_OPTIONS)[0]
    of_vectors = tf.ensure_shape(_spread_joined(kept, kernel), vectors.shape)
    return of_vectors, of_kernel, sum_rows(tf.reshape(kept, [-1, kept.shape[-1]]))


def _convolve_and_pool(vectors: Any, padding_mask: Any, kernel: Any, bias: Any) -> Any:
    """Return (batch, filters), the largest of what `_convolve` returns for each text."""

    @tf.custom_gradient
    def run(vectors: Any, kernel: Any, bias: Any) -> tuple[Any, Callable[[Any], Any]]:
        outputs = _features(vectors, padding_mask, kernel, bias)
        with tf.GradientTape(persistent=True) as tape:  # who calls this may ask for gradients twice
            tape.watch(outputs)
            windows = max_windows(outputs)
            largest = tf.reduce_max(windows, axis=1)

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            def of_all() -> tuple[Any, Any, Any]:
                return _gradients(vectors, kernel, outputs, tape.gradient(largest, outputs, upstream))

            def of_largest() -> tuple[Any, Any, Any]:
                kept = tf.raw_ops.ReluGrad(gradients=upstream, features=largest)  # (batch, filters)
                places = _first_places(outputs, windows)
                of_vectors = _spread_joined(_put(kept, places, tf.shape(outputs)[1]), kernel)
                return of_vectors, _kernel_gradient(vectors, kept, places, kernel.shape[0]), sum_rows(kept)

            of_vectors, of_kernel, of_bias = _if_long(outputs, of_largest, of_all)
            return tf.ensure_shape(of_vectors, vectors.shape), tf.ensure_shape(of_kernel, kernel.shape), of_bias

        return largest, gradient

    return run(vectors, kernel, bias)


def _if_long(outputs: Any, then: Callable[[], Any], otherwise: Callable[[], Any]) -> Any:
    """Return what the one or the other function does, by the length of `outputs` (batch, length, filters)."""
    length = outputs.shape[1]
    if length is None:
        return tf.cond(tf.shape(outputs)[1] >= LONG, then, otherwise)
    return then() if length >= LONG else otherwise()


def _first_places(outputs: Any, windows: Any) -> Any:
    """Return (batch, filters) int32, the first positions at which `outputs` (batch, length, filters) are largest.

    TensorFlow compares one value at a time here, so first it looks for the window, in their maxima, and then into that alone.
    """
    length = tf.shape(outputs)[1]
    before = (-length % WINDOW) // 2  # positions that the first window lacks
    first = WINDOW * tf.argmax(windows, axis=1, output_type=tf.int32) - before  # (batch, filters)
    inside = tf.clip_by_value(first[..., None] + tf.range(WINDOW), 0, length - 1)
    values = tf.gather(tf.reshape(outputs, [-1]), _flat_places(inside, length))
    return tf.maximum(first + tf.argmax(values, axis=2, output_type=tf.int32), 0)


def _flat_places(places: Any, length: Any) -> Any:
    """Return where places (batch, filters, any) of texts stand when (batch, length, filters) is one row of values."""
    batch, filters = tf.unstack(tf.shape(places)[:2])
    return (tf.range(batch)[:, None, None] * length + places) * filters + tf.range(filters)[:, None]


def _put(gradient: Any, places: Any, length: Any) -> Any:
    """Return zeros (batch, length, filters), but (batch, filters) at its places."""
    batch, filters = tf.shape(gradient)[0], gradient.shape[1]
    rows = tf.reshape(_flat_places(places[..., None], length), [-1])
    flat = tf.math.unsorted_segment_sum(tf.reshape(gradient, [-1]), rows, batch * length * filters)  # quicker than `tf.scatter_nd`
    return tf.reshape(flat, [batch, length, filters])


def _kernel_gradient(vectors: Any, gradient: Any, places: Any, width: int) -> Any:
    """Return (width, features, filters): for each filter the windows at its places, times their gradients, added up."""
    features = vectors.shape[-1]
    padded = tf.pad(vectors, [[0, 0], [(width - 1) // 2, width // 2], [0, 0]])
    batch, length = tf.unstack(tf.shape(padded)[:2])
    starts = tf.transpose(tf.range(batch)[:, None] * length + places)  # (filters, batch)
    seen = tf.gather(tf.reshape(padded, [-1, features]), starts[..., None] + tf.range(width))  # (filters, batch, width, features)
    product = tf.matmul(tf.transpose(gradient)[:, None], tf.reshape(seen, [-1, batch, width * features]))
    return tf.transpose(tf.reshape(product, [-1, width, features]), [1, 2, 0])


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
