"""Keras layers that predict tokens: scores of all, and what a prediction costs in training."""

from typing import Any  # Any: Keras tensors and layers

import keras
import tensorflow as tf
from keras import ops


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

    Called with hidden vectors (batch, length, width) and the right token_ids (batch, length) int32. Output shape: (batch, length) float32.
    It has no weights of its own and is part of no bundle.

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
        flat = ops.reshape(ops.cast(hidden, self.compute_dtype), (-1, hidden.shape[-1]))
        labels = ops.reshape(token_ids, (-1,))
        costs = self._sampled(flat, labels) if self.sampled and training else self._exact(flat, labels)
        return ops.reshape(costs, ops.shape(token_ids))

    def _exact(self, hidden: Any, labels: Any) -> Any:
        scores = tf.matmul(hidden, ops.cast(self._table(), hidden.dtype), transpose_b=True)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=tf.cast(scores, tf.float32) + self.token_bias.bias.value)

    def _table(self) -> Any:
        """Return the vectors of all tokens as they predict, (vocab, width) float32."""
        is_embedding = isinstance(self.scores, keras.layers.Embedding)
        return self.scores.embeddings.value if is_embedding else tf.transpose(self.scores.kernel.value)

    def _sampled(self, hidden: Any, labels: Any) -> Any:
        """Return the cost where the sum over all tokens is estimated from those drawn, each divided by how often it is expected.

        Source: Blanc & Rendle 2018, "Adaptive sampled softmax with kernel based sampling", section 2; the same draws for a whole batch,
        from the log-uniform distribution over tokens by falling frequency, as a vocabulary has them.
        """
        table, bias = self._table(), self.token_bias.bias.value
        drawn = self._draw(table.shape[0])
        both = tf.concat([labels, drawn], 0)
        rows = ops.cast(tf.gather(table, both), hidden.dtype)
        offsets = tf.gather(bias, both)
        count = tf.shape(labels)[0]
        right = tf.reduce_sum(tf.cast(hidden * rows[:count], tf.float32), -1) + offsets[:count]
        expected = self.sampled * _probability(drawn, table.shape[0])
        others = tf.cast(tf.matmul(hidden, rows[count:], transpose_b=True), tf.float32) + offsets[count:] - tf.math.log(expected)
        # the right token among those drawn would be compared with itself
        others -= 1e9 * tf.cast(tf.equal(labels[:, None], drawn[None]), tf.float32)
        return tf.reduce_logsumexp(tf.concat([right[:, None], others], 1), 1) - right

    def _draw(self, vocabulary_size: int) -> Any:
        """Return (sampled,) int32 from the log-uniform distribution, the same token perhaps more than once."""
        seed = ops.cast(self.seed_generator.next(), "int32")
        chances = tf.random.stateless_uniform([self.sampled], seed)
        drawn = tf.cast(tf.exp(chances * tf.math.log(vocabulary_size + 1.0)), tf.int32) - 1
        return tf.minimum(drawn, vocabulary_size - 1)

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


def _probability(token_ids: Any, vocabulary_size: int) -> Any:
    """Return how probable each token is in a draw: log((k + 2) / (k + 1)) / log(vocab + 1)."""
    places = tf.cast(token_ids, tf.float32)
    return tf.math.log1p(1.0 / (places + 1.0)) / tf.math.log(vocabulary_size + 1.0)
