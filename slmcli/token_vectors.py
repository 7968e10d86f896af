"""From token ids to the vectors that a backbone reads."""

from typing import Any  # Any: TensorFlow tensors, arguments by name

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from slmcli.layers import UsesPaddingMask, zero_padding
from slmcli.tracing import is_compiling

_BYTE = 256
_BLOCK = 4096  # our choice: tokens whose n-grams are added up at a time, some 20 MB


@keras.saving.register_keras_serializable("slmcli")
class TokenEmbedding(keras.layers.Embedding):
    """Look vectors up: token_ids (batch, length) int32 to (batch, length, width), or with length before batch.

    Equal to `keras.layers.Embedding`, which copies the whole table in every step once its rows are updated one by one.
    """

    # rows of the n-grams of each token, ragged, and all their owners (n-grams of all tokens,) int32
    _subwords: Any = None
    # (rows, width) in which vectors are looked up in the place of the layer's own, while a text is explained
    stand_in: Any = None

    def add_subwords(self, rows: np.ndarray, stops: np.ndarray) -> None:
        """Add to the vector of every token the mean of vectors of its character n-grams, from now on; call it before training.

        What is saved are the sums, as vectors of the tokens alone: who loads it gets a layer without n-grams. Keras does the same
        with `enable_lora`.

        Source: Bojanowski et al. 2017, "Enriching word vectors with subword information", section 3.2. Differs: the mean, so that
        long words do not get long vectors.

        Args:
            rows: (n-grams of all tokens,) int32, rows of the n-grams' table, from 0 on: those of token 0, of token 1, and so on.
            stops: (tokens + 1,) int64, where the rows of each token begin.
        """
        self._tracker.unlock()
        shape = (int(rows.max(initial=0)) + 1, self.output_dim)
        # an initializer begins each time with the same numbers
        self.ngram_embeddings = self.add_weight(name="ngram_embeddings", shape=shape, initializer=self.embeddings_initializer.clone())
        self._tracker.lock()
        owners = np.repeat(np.arange(self.input_dim, dtype=np.int32), np.diff(stops))
        self._subwords = tf.RaggedTensor.from_row_splits(rows, stops), tf.constant(owners)

    def call(self, token_ids: Any, is_reversed: bool = False) -> Any:
        """Return the vector of each token; reversed, the products (…, tokens) float32 of vectors (…, width) with those of all tokens."""
        if is_reversed:
            products = ops.matmul(ops.cast(token_ids, self.compute_dtype), ops.transpose(ops.cast(self.embeddings.value, self.compute_dtype)))
            return ops.cast(products, "float32")
        vectors = tf.gather(self.embeddings.value if self.stand_in is None else self.stand_in, token_ids)
        if self._subwords is not None:
            vectors += self._mean_of_subwords(token_ids)
        return ops.cast(vectors, self.compute_dtype)

    def compute_output_spec(self, token_ids: Any, is_reversed: bool = False) -> Any:
        """Return the shape and dtype of the result."""
        width, dtype = (self.input_dim, "float32") if is_reversed else (self.output_dim, self.compute_dtype)
        return keras.KerasTensor((*(token_ids.shape[:-1] if is_reversed else token_ids.shape), width), dtype=dtype)

    def _mean_of_subwords(self, token_ids: Any) -> Any:
        """Return the means (batch, length, width) float32, computed once for each different token.

        XLA wants fixed shapes, so there they are computed for all tokens: a sparse update then moves the vectors of all n-grams.
        """
        rows, owners = self._subwords
        if is_compiling():
            return tf.gather(self._means(rows.values, owners, self.input_dim), token_ids)
        different, places = tf.unique(tf.reshape(token_ids, [-1]))
        chosen = tf.gather(rows, different)
        means = self._means(chosen.values, chosen.value_rowids(), tf.size(different))
        return tf.gather(means, tf.reshape(places, tf.shape(token_ids)))

    def _means(self, rows: Any, owners: Any, size: Any) -> Any:
        """Return (size, width), the mean of the n-grams that each token owns; zeros for one that has none."""
        return tf.math.unsorted_segment_mean(tf.gather(self.ngram_embeddings.value, rows), owners, size)

    def save_own_variables(self, store: Any) -> None:
        """Put the vectors into a file, with those of n-grams added up."""
        if self._subwords is None:
            super().save_own_variables(store)
        else:
            blocks = [tf.range(start, min(start + _BLOCK, self.input_dim)) for start in range(0, self.input_dim, _BLOCK)]
            store["0"] = self.embeddings.numpy() + np.concatenate([self._mean_of_subwords(block).numpy() for block in blocks])


@keras.saving.register_keras_serializable("slmcli")
class MaskedDropout(UsesPaddingMask):
    """Drop values in training, scale those that are kept, and set vectors of padding positions to zero.

    Source: Srivastava et al. 2014, section 10. Differs: eight random bits decide about a value instead of 32, since drawing them took
    more time than the lookup; the rate is that of the nearest 256th.
    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, length, hidden). Length may stand before batch.

    Args:
        rate: Share of the values that are dropped.
    """

    def __init__(self, rate: float, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, vectors: Any, padding_mask: Any, training: bool = False) -> Any:
        """Return the vectors that are left."""
        dropped = round(self.rate * _BYTE)
        if not (training and dropped):
            return zero_padding(vectors, padding_mask)
        real = ops.expand_dims(ops.cast(padding_mask, vectors.dtype), -1)
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
