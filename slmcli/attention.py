"""Self-attention over a text, with positions."""

from collections.abc import Sequence
from typing import Any, ClassVar  # Any: Keras tensors

import keras
import tensorflow as tf
from keras import ops

from slmcli.layers import UsesPaddingMask

# Source: Su et al. 2021, section 3.2.2, after Vaswani et al. 2017, section 3.5.
_ROTARY_BASE = 10_000.0
# our choice: below every score, so that the softmax of what is hidden is 0
_HIDDEN = -1e9


@keras.saving.register_keras_serializable("slmcli")
class SelfAttention(UsesPaddingMask):
    """Let every token look at all real tokens, or at those near it.

    Source: Vaswani et al. 2017, section 3.2.2, with the rotary positions of Su et al. 2021, section 3.2. With a window, as Beltagy et
    al. 2020, section 3.1: computed in blocks of the window's size, each of which looks at itself and its two neighbours.

    Input shape: (batch, length, width), padding_mask (batch, length) bool and, where a row holds several documents, (batch, length)
    int32, the number of each token's. Output shape: (batch, length, width).

    Args:
        heads: Attention heads; divides the width.
        window: Tokens that a token sees on each side; 0: all.
        is_rotary: Turn queries and keys by their position.
        is_causal: Hide the tokens that come later.
    """

    time_axis: ClassVar[int] = 1

    def __init__(self, heads: int, *, window: int = 0, is_rotary: bool = True, is_causal: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.heads = heads
        self.window = window
        self.is_rotary = is_rotary
        self.is_causal = is_causal

    def build(self, inputs_shape: Any, *_: Any) -> None:
        """Make the kernels of queries, keys and values, and of the output."""
        width = inputs_shape[-1]
        self.kernel = self.add_weight(name="kernel", shape=(width, 3 * width), initializer="glorot_uniform")
        self.output_kernel = self.add_weight(name="output_kernel", shape=(width, width), initializer="glorot_uniform")

    def call(self, inputs: Any, padding_mask: Any, documents: Any = None) -> Any:
        """Return what each token has gathered."""
        length = ops.shape(inputs)[1]
        queries, keys, values = self._parts(inputs)
        attend = self._attend_nearby if self.window else self._attend
        gathered = ops.transpose(attend(queries, keys, values, padding_mask, documents), (0, 2, 1, 3))  # (batch, length, heads, width of a head)
        return ops.matmul(ops.reshape(gathered, (-1, length, inputs.shape[-1])), self.output_kernel)

    def shares(self, inputs: Any, padding_mask: Any) -> Any:
        """Return (batch, heads, length, length) float32, how much each token takes of each; rows add up to 1."""
        queries, keys, _ = self._parts(inputs)
        seen = self._seen(padding_mask, None)
        if self.window:
            places = ops.arange(ops.shape(padding_mask)[1])
            distance = ops.abs(ops.expand_dims(places, 1) - ops.expand_dims(places, 0))
            seen = seen * ops.cast(distance <= self.window, "float32")
        return _shares(queries, keys, seen)

    def _parts(self, inputs: Any) -> tuple[Any, Any, Any]:
        """Return queries, keys and values, (batch, heads, length, width of a head) each."""
        length = ops.shape(inputs)[1]
        # (3, batch, heads, length, width of a head): one transposition of all is faster than one of each
        parts = ops.reshape(ops.matmul(inputs, self.kernel), (-1, length, 3, self.heads, inputs.shape[-1] // self.heads))
        queries, keys, values = ops.unstack(ops.transpose(parts, (2, 0, 3, 1, 4)), 3)
        if not self.is_rotary:
            return queries, keys, values
        positions = ops.arange(length, dtype="float32")
        return _turn(queries, positions), _turn(keys, positions), values

    def first_states(self, batch_size: int, features: int, *, memory: int) -> list[Any]:
        """Return what `step` begins with: no keys and values of `memory` positions, and the position (batch,) int32."""
        shape = [batch_size, self.heads, min(memory, self.window + 1) if self.window else memory, features // self.heads]
        return [tf.zeros(shape, self.compute_dtype), tf.zeros(shape, self.compute_dtype), tf.zeros([batch_size], tf.int32)]

    def step(self, inputs: Any, states: Sequence[Any], *_: Any) -> tuple[Any, list[Any]]:
        """Return what the token at one position, (batch, width), gathers from itself and those before, and the states after it.

        Keys and values are kept in a ring: behind the memory a new one takes the place of the oldest.
        """
        keys, values, position = states
        memory = keys.shape[2]
        query, key, value = (self._divide(part[:, None]) for part in ops.split(ops.matmul(inputs, self.kernel), 3, axis=-1))
        if self.is_rotary:
            angle = tf.cast(position, tf.float32)[:, None, None]
            query, key = _turn(query, angle), _turn(key, angle)
        is_place = tf.cast(tf.one_hot(position % memory, memory), keys.dtype)[:, None, :, None]  # (batch, 1, memory, 1)
        keys, values = (kept + is_place * (new - kept) for kept, new in ((keys, key), (values, value)))
        seen = tf.cast(tf.range(memory) <= position[:, None], tf.float32)[:, None, None]  # (batch, 1, 1, memory)
        gathered = _mix(query, keys, values, seen)  # (batch, heads, 1, width of a head)
        return ops.matmul(ops.reshape(gathered, (-1, inputs.shape[-1])), self.output_kernel), [keys, values, position + 1]

    def _attend(self, queries: Any, keys: Any, values: Any, padding_mask: Any, documents: Any) -> Any:
        return _mix(queries, keys, values, self._seen(padding_mask, documents))

    def _seen(self, padding_mask: Any, documents: Any) -> Any:
        """Return which tokens each may look at, (batch, 1, 1 or length, length) float32, 0 or 1."""
        seen = ops.expand_dims(ops.cast(padding_mask, "float32"), (1, 2))  # (batch, 1, 1, length)
        if self.is_causal:
            places = ops.arange(ops.shape(padding_mask)[1])
            seen = seen * ops.cast(ops.expand_dims(places, 1) >= ops.expand_dims(places, 0), "float32")
        if documents is not None:
            seen = seen * ops.expand_dims(ops.cast(ops.equal(ops.expand_dims(documents, 2), ops.expand_dims(documents, 1)), "float32"), 1)
        return seen

    def _divide(self, vectors: Any) -> Any:
        """Return (batch, heads, length, width of a head)."""
        shape = (-1, ops.shape(vectors)[1], self.heads, vectors.shape[-1] // self.heads)
        return ops.transpose(ops.reshape(vectors, shape), (0, 2, 1, 3))

    def _attend_nearby(self, queries: Any, keys: Any, values: Any, padding_mask: Any, documents: Any) -> Any:
        length, size = ops.shape(queries)[2], self.window
        padding = (size - length % size) % size
        blocks = (length + padding) // size
        queries, keys, values = (_blocks(_pad(part, padding), blocks, size) for part in (queries, keys, values))
        keys, values = _with_neighbours(keys, axis=2), _with_neighbours(values, axis=2)
        is_real = ops.reshape(ops.pad(ops.cast(padding_mask, "float32"), [[0, 0], [0, padding]]), (-1, blocks, size))
        is_real = _with_neighbours(is_real, axis=1)  # (batch, blocks, 3 window)
        distance = ops.expand_dims(ops.arange(3 * size) - size, 0) - ops.expand_dims(ops.arange(size), 1)
        is_near = ops.abs(distance) <= size
        is_near = ops.cast(ops.logical_and(is_near, distance <= 0) if self.is_causal else is_near, "float32")  # (window, 3 window)
        seen = ops.expand_dims(is_real, (1, 3)) * is_near  # (batch, 1, blocks, window, 3 window)
        if documents is not None:
            own = ops.reshape(ops.pad(documents, [[0, 0], [0, padding]]), (-1, blocks, size))
            same = ops.equal(ops.expand_dims(own, 3), ops.expand_dims(_with_neighbours(own, axis=1), 2))
            seen = seen * ops.expand_dims(ops.cast(same, "float32"), 1)
        gathered = _mix(queries, keys, values, seen)  # (batch, heads, blocks, window, width of a head)
        return ops.reshape(gathered, (-1, self.heads, blocks * size, gathered.shape[-1]))[:, :, :length]

    def compute_output_spec(self, inputs: Any, padding_mask: Any, documents: Any = None) -> Any:
        """Return the shape and dtype of the result."""
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"heads": self.heads, "window": self.window, "is_rotary": self.is_rotary, "is_causal": self.is_causal}
        return {**super().get_config(), **own}


def _mix(queries: Any, keys: Any, values: Any, seen: Any) -> Any:
    """Return for each query (…, queries, width) the values weighted by the softmax of its products with the keys; `seen` is 0 or 1."""
    return ops.matmul(ops.cast(_shares(queries, keys, seen), values.dtype), values)


def _shares(queries: Any, keys: Any, seen: Any) -> Any:
    """Return (…, queries, keys) float32, the softmax of products."""
    scale = queries.shape[-1] ** -0.5
    scores = ops.cast(ops.matmul(queries * scale, ops.swapaxes(keys, -1, -2)), "float32")  # (…, queries, keys)
    return ops.softmax(scores + (1.0 - seen) * _HIDDEN, axis=-1)


def _turn(vectors: Any, positions: Any) -> Any:
    """Turn pairs of values of (batch, heads, length, width) by angles that grow with the position, (length,) or (batch, 1, length)."""
    half = vectors.shape[-1] // 2
    frequencies = _ROTARY_BASE ** (-ops.arange(half, dtype="float32") / half)
    angles = ops.expand_dims(positions, -1) * frequencies  # (…, length, half)
    cosine, sine = ops.cast(ops.cos(angles), vectors.dtype), ops.cast(ops.sin(angles), vectors.dtype)
    first, second = vectors[..., :half], vectors[..., half:]
    return ops.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1)


def _pad(vectors: Any, positions: Any) -> Any:
    return ops.pad(vectors, [[0, 0], [0, 0], [0, positions], [0, 0]])


def _blocks(vectors: Any, blocks: Any, size: int) -> Any:
    """Return (batch, heads, blocks, size, width) of (batch, heads, length, width)."""
    return ops.reshape(vectors, (-1, vectors.shape[1], blocks, size, vectors.shape[-1]))


def _with_neighbours(blocks: Any, *, axis: int) -> Any:
    """Join each block with the one before and the one after, along the dimension behind `axis`; zeros where there is none."""
    rest = [[0, 0]] * (len(blocks.shape) - axis - 1)
    padded = ops.pad(blocks, [[0, 0]] * axis + [[1, 1]] + rest)
    count = ops.shape(blocks)[axis]
    neighbours = [ops.take(padded, ops.arange(count) + shift, axis=axis) for shift in range(3)]
    return ops.concatenate(neighbours, axis=axis + 1)


@keras.saving.register_keras_serializable("slmcli")
class LearnedPositions(keras.layers.Layer):
    """Add a learned vector for each position; positions from the last one of the table on share it.

    Source: Devlin et al. 2019, section 3. Input and output shape: (batch, length, width).
    """

    time_axis: ClassVar[int] = 1

    def __init__(self, limit: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.limit = limit

    def build(self, vectors_shape: Any) -> None:
        """Make the table."""
        self.table = self.add_weight(name="table", shape=(self.limit, vectors_shape[-1]), initializer="uniform")

    def call(self, vectors: Any) -> Any:
        """Return the sum."""
        positions = ops.minimum(ops.arange(ops.shape(vectors)[1]), self.limit - 1)
        return vectors + ops.cast(ops.take(self.table, positions, axis=0), vectors.dtype)

    def first_states(self, batch_size: int, features: int) -> list[Any]:
        """Return what `step` begins with: the position (batch,) int32."""
        return [tf.zeros([batch_size], tf.int32)]

    def step(self, vectors: Any, states: Sequence[Any]) -> tuple[Any, list[Any]]:
        """Return the sum (batch, width) for one position, vectors (batch, width), and the next position."""
        table = tf.gather(tf.convert_to_tensor(self.table), tf.minimum(states[0], self.limit - 1))
        return vectors + ops.cast(table, vectors.dtype), [states[0] + 1]

    def compute_output_spec(self, vectors: Any) -> Any:
        """Return the shape and dtype of the sum."""
        return keras.KerasTensor(vectors.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "limit": self.limit}
