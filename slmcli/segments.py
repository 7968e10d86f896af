"""Read a long text in segments: cut it, let a backbone read each by itself, and join what it says of every position."""

from typing import Any  # Any: TensorFlow tensors, arguments by name

import keras
import tensorflow as tf

from slmcli.layers import UsesPaddingMask


class _Segments(UsesPaddingMask):
    """What cutting and joining share.

    Segments begin at every multiple of `length - overlap`, whatever the padding of the batch. Of two segments that hold a position, the
    one counts in which it is further from the edge. A text that ends before the second half of the first overlap stays as it is.

    Args:
        length: Tokens of a segment.
        overlap: Tokens that a segment shares with the next one, an even number below `length`.
    """

    def __init__(self, length: int, overlap: int = 0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.length, self.overlap = length, overlap
        self.margin, self.stride = overlap // 2, length - overlap

    def _layout(self, length: Any) -> tuple[Any, Any]:
        """Return how many segments cover a length in tokens, and how long each is."""
        count = tf.maximum(1, -(-(length - self.margin) // self.stride))
        return count, tf.where(count == 1, length, self.length)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "length": self.length, "overlap": self.overlap}


@keras.saving.register_keras_serializable("slmcli")
class CutSegments(_Segments):
    """Cut texts: (batch, length) int32 to (batch * segments, segment) int32, zeros behind the end."""

    def call(self, token_ids: Any) -> Any:
        """Return the segments, those of the first text first."""
        length = tf.shape(token_ids)[1]
        count, size = self._layout(length)
        padded = tf.pad(token_ids, [[0, 0], [0, (count - 1) * self.stride + size - length]])
        positions = tf.range(count)[:, None] * self.stride + tf.range(size)
        return tf.reshape(tf.gather(padded, positions, axis=1), tf.stack([-1, size]))

    def compute_output_spec(self, token_ids: Any) -> Any:
        """Return the shape and dtype of the segments."""
        return keras.KerasTensor((None, None), dtype=token_ids.dtype)


@keras.saving.register_keras_serializable("slmcli")
class JoinSegments(_Segments):
    """Join what was said of segments: (batch * segments, segment, hidden) and (batch, length) bool to (batch, length, hidden)."""

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return one vector a position."""
        batch, length = tf.unstack(tf.shape(padding_mask))
        count, size = self._layout(length)
        width = hidden.shape[-1]
        segments = tf.reshape(hidden, tf.stack([batch, count, size, width]))
        in_a_row = self._without_overlap(segments, size) if self.overlap else tf.reshape(segments, tf.stack([batch, count * size, width]))
        joined = tf.slice(in_a_row, [0, 0, 0], tf.stack([batch, length, width]))
        joined.set_shape([*padding_mask.shape, width])
        return joined

    def _without_overlap(self, segments: Any, size: Any) -> Any:
        """Return the first margin of the first segment and what follows the margin in all, (batch, positions, hidden)."""
        batch, count, _, width = tf.unstack(tf.shape(segments))
        margin = tf.minimum(self.margin, size)
        kept = tf.minimum(self.stride, size - margin)
        first = tf.slice(segments, [0, 0, 0, 0], tf.stack([batch, 1, margin, width]))
        rest = tf.slice(segments, tf.stack([0, 0, margin, 0]), tf.stack([batch, count, kept, width]))
        return tf.concat([tf.reshape(first, tf.stack([batch, margin, width])), tf.reshape(rest, tf.stack([batch, count * kept, width]))], axis=1)

    def compute_output_spec(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the shape and dtype of the vectors."""
        return keras.KerasTensor((*padding_mask.shape, hidden.shape[-1]), dtype=hidden.dtype)
