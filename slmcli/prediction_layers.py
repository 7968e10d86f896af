"""Keras layers that predict tokens: scores of all, and what a prediction costs in training."""

import functools
from typing import Any  # Any: Keras tensors and layers

import keras
import numpy as np
import tensorflow as tf
from keras import ops

_NEVER = -1e9  # a score that takes no part


@keras.saving.register_keras_serializable("slmcli")
class TokenBias(keras.layers.Layer):
    """Add a learned number to the score of each token: (…, vocab) float32 to the same."""

    def build(self, scores_shape: Any) -> None:
        """Make the numbers."""
        self.bias = self.add_weight(name="bias", shape=(scores_shape[-1],), initializer="zeros", dtype="float32", autocast=False)

    def call(self, scores: Any) -> Any:
        """Return the sums."""
        return scores + self.bias

    def compute_output_spec(self, scores: Any) -> Any:
        """Return the shape and dtype of the sums."""
        return keras.KerasTensor(scores.shape, dtype="float32")


class TokenLoss(keras.layers.Layer):
    """Say what each prediction costs: minus the logarithm of the right token's probability, in nats.

    Called with hidden vectors (batch, length, width) and the right token_ids (batch, length) int32; where one is negative, nothing is
    predicted, and it costs nothing. Output shape: (batch, length) float32. It has no weights of its own and is part of no bundle.

    Args:
        scores: The layer that predicts: a dense one without bias, or an embedding whose vectors do it.
        bias: The `TokenBias` behind it.
        sampled: In training, compare the right token with so many others, drawn once for a whole batch; 0: with all.
        seed: Seed of the draws.
    """

    def __init__(self, scores: Any, bias: Any, *, sampled: int = 0, seed: int = 0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.scores, self.token_bias, self.sampled = scores, bias, sampled
        if sampled:
            self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, hidden: Any, token_ids: Any, training: bool = False) -> Any:
        """Return the costs."""
        places = tf.where(token_ids >= 0)
        labels = tf.gather_nd(token_ids, places)
        predicting = tf.gather_nd(ops.cast(hidden, self.compute_dtype), places)
        costs = self._sampled(predicting, labels) if self.sampled and training else self._exact(predicting, labels)
        return tf.scatter_nd(places, costs, tf.shape(token_ids, tf.int64))

    def _exact(self, hidden: Any, labels: Any) -> Any:
        scores = tf.matmul(hidden, ops.cast(self._table(), hidden.dtype), transpose_b=True)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.cast(scores, tf.float32) + self.token_bias.bias.value)

    def _table(self) -> Any:
        """Return the vectors of all tokens as they predict, (vocab, width) float32."""
        is_embedding = isinstance(self.scores, keras.layers.Embedding)
        return self.scores.embeddings.value if is_embedding else tf.transpose(self.scores.kernel.value)

    def _sampled(self, hidden: Any, labels: Any) -> Any:
        """Return the cost where the sum over all tokens is estimated from those drawn, each divided by the chance that it is.

        Source: Horvitz & Thompson 1952, for the sum; Blanc & Rendle 2018, "Adaptive sampled softmax with kernel based sampling",
        section 2, for leaving the right token as it is.
        """
        table, bias = self._table(), self.token_bias.bias.value
        chances = inclusion_chances(table.shape[0], self.sampled)
        drawn = self._draw(chances)
        rows = ops.cast(tf.gather(table, tf.concat([labels, drawn], 0)), hidden.dtype)
        count = tf.shape(labels)[0]
        right = tf.reduce_sum(tf.cast(hidden * rows[:count], tf.float32), -1) + tf.gather(bias, labels)
        offsets = tf.gather(bias, drawn) - tf.gather(tf.constant(np.log(chances), tf.float32), drawn)
        others = tf.cast(tf.matmul(hidden, rows[count:], transpose_b=True), tf.float32) + offsets
        # the right token among those drawn takes part once, as it is
        numbers = tf.scatter_nd(drawn[:, None], tf.range(1, self.sampled + 1), [table.shape[0]])
        own = tf.gather(numbers, labels)
        scores = tf.concat([right[:, None], others], 1)
        places = tf.stack([tf.range(count), own], 1)
        scores = tf.tensor_scatter_nd_update(scores, places, tf.where(own > 0, _NEVER, right))
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.zeros_like(labels), logits=scores)

    def _draw(self, chances: np.ndarray) -> Any:
        """Return (sampled,) int32, different tokens.

        Source: Madow 1949, systematic sampling: points one apart on a line where each token takes as much as its chance.
        """
        seed = ops.cast(self.seed_generator.next(), "int32")
        first = tf.random.stateless_uniform([], seed, dtype=tf.float64)
        points = first + tf.range(self.sampled, dtype=tf.float64)
        found = tf.searchsorted(tf.constant(np.cumsum(chances)[:-1]), points, side="right")
        return tf.cast(found, tf.int32)

    def compute_output_spec(self, hidden: Any, token_ids: Any, training: bool = False) -> Any:
        """Return the shape and dtype of the costs."""
        return keras.KerasTensor(token_ids.shape, dtype="float32")


class NextSentenceLoss(keras.layers.Layer):
    """Put the cost of saying whether the second passage of a row follows the first in the place of the cost of its first position.

    Called with hidden vectors (batch, length, width), targets (batch, length) int32, whose first says so, 1 or 0, and costs (batch, length)
    float32. Output shape: (batch, length) float32. It is part of no bundle.

    Source: Devlin et al. 2019, section 3.1, task 2.
    """

    def build(self, hidden_shape: Any, *_: Any) -> None:
        """Make the weights of the answer."""
        self.answer = keras.layers.Dense(1, dtype="float32", name="answer")
        self.answer.build((hidden_shape[0], hidden_shape[-1]))

    def call(self, hidden: Any, targets: Any, costs: Any) -> Any:
        """Return the costs, in nats."""
        scores = self.answer(ops.cast(hidden[:, 0], "float32"))[:, 0]
        answers = tf.nn.sigmoid_cross_entropy_with_logits(labels=tf.cast(targets[:, 0], tf.float32), logits=scores)
        return tf.concat([answers[:, None], tf.cast(costs[:, 1:], tf.float32)], 1)

    def compute_output_spec(self, hidden: Any, targets: Any, costs: Any) -> Any:
        """Return the shape and dtype of the costs."""
        return keras.KerasTensor(targets.shape, dtype="float32")


class MeanCost(keras.losses.Loss):
    """The mean of what predictions cost, each times its weight, for a model that says the costs itself."""

    def __init__(self) -> None:
        super().__init__(name="cost", reduction="mean_with_sample_weight")

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the costs (batch, length)."""
        return y_pred


@functools.cache
def inclusion_chances(vocabulary_size: int, sampled: int) -> np.ndarray:
    """Return (vocab,) float64, the chance of each token to be one of `sampled` different ones; they add up to `sampled`.

    They follow the log-uniform distribution over tokens by falling frequency, as a vocabulary has them, log((k + 2) / (k + 1)), where that
    is not more than 1.
    """
    places = np.arange(vocabulary_size, dtype=np.float64)
    shares = np.log1p(1.0 / (places + 1.0))
    chances = np.ones(vocabulary_size)
    certain = 0
    while certain < sampled:
        # shares fall, so that those who would have more than one come first
        rest = shares[certain:] * ((sampled - certain) / shares[certain:].sum())
        over = int((rest > 1.0).sum())
        if not over:
            chances[certain:] = rest
            break
        certain += over
    return chances
