"""From token ids to the vectors that a backbone reads."""

from typing import Any  # Any: TensorFlow tensors, arguments by name

import keras
import tensorflow as tf
from keras import ops

from slmcli.layers import UsesPaddingMask

_BYTE = 256


@keras.saving.register_keras_serializable("slmcli")
class TokenEmbedding(keras.layers.Embedding):
    """Look vectors up: token_ids (batch, length) int32 to (batch, length, width).

    Equal to `keras.layers.Embedding`, which copies the whole table in every step once its rows are updated one by one.
    """

    def call(self, token_ids: Any) -> Any:
        """Return the vector of each token."""
        return ops.cast(tf.gather(self.embeddings.value, token_ids), self.compute_dtype)


@keras.saving.register_keras_serializable("slmcli")
class MaskedDropout(UsesPaddingMask):
    """Drop values in training, scale those that are kept, and set vectors of padding positions to zero.

    Source: Srivastava et al. 2014, section 10. Differs: eight random bits decide about a value instead of 32, since drawing them took
    more time than the lookup; the rate is that of the nearest 256th.
    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, length, hidden).

    Args:
        rate: Share of the values that are dropped.
    """

    def __init__(self, rate: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, vectors: Any, padding_mask: Any, training: bool = False) -> Any:
        """Return the vectors that are left."""
        real = ops.expand_dims(ops.cast(padding_mask, vectors.dtype), -1)
        dropped = round(self.rate * _BYTE)
        if not (training and dropped):
            return vectors * real
        is_kept = ops.cast(self._random_bytes(tf.shape(vectors)) >= dropped, vectors.dtype)
        return vectors * (is_kept * (real * (_BYTE / (_BYTE - dropped))))

    def _random_bytes(self, shape: Any) -> Any:
        """Return so many uint8, all values equally likely."""
        size = tf.reduce_prod(shape)
        seed = ops.cast(self.seed_generator.next(), "int32")
        words = tf.random.stateless_uniform([(size + 3) // 4], seed, None, None, tf.uint32)
        return tf.reshape(tf.reshape(tf.bitcast(words, tf.uint8), [-1])[:size], shape)

    def compute_output_spec(self, vectors: Any, padding_mask: Any, training: bool = False) -> Any:
        """Return the shape and dtype of the vectors."""
        return keras.KerasTensor(vectors.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "rate": self.rate}
