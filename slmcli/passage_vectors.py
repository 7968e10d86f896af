"""Word vectors from passages: those of one, added up, predict the words of its neighbour."""

from collections.abc import Sequence
from typing import Any  # Any: TensorFlow tensors and variables

import numpy as np
import tensorflow as tf

from slmcli.passages import PassageBatch, Passages, PassageSettings
from slmcli.word2vec import centred, sum_by_row
from slmcli.word_windows import Rows

_BETA_1, _BETA_2, _EPSILON = 0.9, 0.999, 1e-8  # Source: Kingma & Ba 2015, algorithm 1
_WARMUP_STEPS = 100  # our choice
_FIRST_SPREAD = 0.1  # our choice: standard deviation of the first input vectors


class PassageTrainer:
    """Two tables of vectors, and the steps that train them.

    Source: Hill, Cho & Korhonen 2016, "Learning distributed representations of sentences from unlabelled data", section 3.2.2 (FastSent):
    the sum of the vectors of a sentence predicts the words of its neighbours, by a softmax over all words. Differs: passages of a text
    take the place of sentences; their sum is divided by the root of its length; frequent words are left out at times, as word2vec does;
    each word has a number that is added to its score; the optimizer is Adam, whose moments of an input vector move with it alone
    ("lazy"); and what is kept is the sum of both tables, as Pennington, Socher & Manning 2014 (GloVe), section 4.2, each centred before.

    Attributes:
        windows: The text.

    Args:
        documents: Token ids of each text, (length,) int32.
        counts: (vocab,), how often each token stands there.
        settings: How they are divided.
        width: Numbers in a vector.
        seed: Seed of the first vectors.
    """

    def __init__(self, documents: Sequence[np.ndarray], counts: np.ndarray, settings: PassageSettings, *, width: int = 100, seed: int = 0) -> None:
        self.windows = Passages(documents, counts, settings)
        self._counts = counts
        generator = np.random.default_rng(seed)
        self._inputs = tf.Variable(_FIRST_SPREAD * generator.standard_normal((len(counts), width), np.float32))
        self._outputs = tf.Variable(tf.zeros((len(counts), width)))
        self._bias = tf.Variable(_first_scores(counts, self.windows.keep))
        learned = [self._inputs, self._outputs, self._bias]
        self._moments = {id(variable): [tf.Variable(tf.zeros_like(variable)) for _ in range(2)] for variable in learned}
        self._steps = tf.Variable(0.0)
        self._step = tf.function(self._train, input_signature=[_signature(), tf.TensorSpec([], tf.float32)], autograph=False)

    @property
    def variables(self) -> list[Any]:
        """All that training changes: input vectors, output vectors, the number of each word, their moments, and the steps taken."""
        learned = [self._inputs, self._outputs, self._bias]
        return [*learned, *(moment for variable in learned for moment in self._moments[id(variable)]), self._steps]

    def train_on(self, batch: PassageBatch, learning_rate: float) -> float:
        """Take one step.

        Returns:
            The mean loss of a prediction, in nats, before the step; 0 where nothing is to be predicted.
        """
        return float(self._step(batch, tf.constant(learning_rate, tf.float32)))

    def vectors(self) -> np.ndarray:
        """Return (vocab, width) float32, the sum of both tables, each centred."""
        return centred(self._inputs.numpy(), self._counts) + centred(self._outputs.numpy(), self._counts)

    def loss_and_gradients(self, batch: PassageBatch) -> tuple[Any, Any, Any, Any]:
        """Return the mean loss of a prediction and its gradients: (rows, width) of the batch's rows of the input vectors, (vocab, width) of
        the output vectors, (vocab,) of the numbers added to scores, all float32.
        """  # noqa: D205
        pairs = self.windows.settings.pairs
        weights = _root_weights(batch.readers, pairs)
        vectors = tf.gather(self._inputs, batch.input_ids) * weights
        read = tf.math.unsorted_segment_sum(vectors, batch.readers, pairs)  # (pairs, width)
        scores = tf.matmul(read, self._outputs, transpose_b=True) + self._bias  # (pairs, vocab)
        costs = tf.nn.log_softmax(scores)
        places = tf.stack([batch.targets, batch.target_ids], 1)
        count = tf.maximum(tf.cast(tf.shape(places)[0], tf.float32), 1.0)
        loss = -tf.reduce_sum(tf.gather_nd(costs, places)) / count
        of_pair = tf.math.unsorted_segment_sum(tf.ones_like(batch.targets, tf.float32), batch.targets, pairs)
        errors = tf.exp(costs) * (of_pair / count)[:, None]
        errors = tf.tensor_scatter_nd_sub(errors, places, tf.fill(tf.shape(places)[:1], 1.0 / count))
        by_token = tf.gather(tf.matmul(errors, self._outputs), batch.readers) * weights
        of_inputs = sum_by_row(by_token, batch.inputs)
        return loss, of_inputs, tf.matmul(errors, read, transpose_a=True), tf.reduce_sum(errors, 0)

    def _train(self, batch: PassageBatch, learning_rate: Any) -> Any:
        """Take one step of Adam, and return the loss (graph code)."""
        loss, of_inputs, of_outputs, of_bias = self.loss_and_gradients(batch)
        steps = self._steps.assign_add(1.0)
        learning_rate *= tf.minimum(1.0, steps / _WARMUP_STEPS)
        powers = tf.pow(_BETA_1, steps), tf.pow(_BETA_2, steps)
        self._move_rows(batch.inputs.rows, of_inputs, learning_rate * tf.sqrt(1.0 - powers[1]) / (1.0 - powers[0]))
        for variable, gradient in ((self._outputs, of_outputs), (self._bias, of_bias)):
            first, second = self._moments[id(variable)]
            tf.raw_ops.ResourceApplyAdam(
                **{"var": variable.handle, "m": first.handle, "v": second.handle, "beta1_power": powers[0], "beta2_power": powers[1]},
                **{"lr": learning_rate, "beta1": _BETA_1, "beta2": _BETA_2, "epsilon": _EPSILON, "grad": gradient},
            )
        return loss

    def _move_rows(self, rows: Any, gradient: Any, rate: Any) -> None:
        """Move the input vectors that were read, and their moments; the table is never copied (graph code)."""
        first, second = self._moments[id(self._inputs)]
        mean = _BETA_1 * tf.gather(first, rows) + (1.0 - _BETA_1) * gradient
        square = _BETA_2 * tf.gather(second, rows) + (1.0 - _BETA_2) * tf.square(gradient)
        moved = tf.gather(self._inputs, rows) - rate * mean / (tf.sqrt(square) + _EPSILON)
        for variable, values in ((first, mean), (second, square), (self._inputs, moved)):
            tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=rows, updates=values)


def _first_scores(counts: np.ndarray, keep: np.ndarray) -> np.ndarray:
    """Return (vocab,) float32, the logarithm of how often each word stands in what is to be predicted; what never does has a low one."""
    expected = counts * keep
    return np.log(np.maximum(expected, 1e-3) / max(1.0, expected.sum())).astype(np.float32)


def _root_weights(readers: Any, pairs: int) -> Any:
    """Return (read, 1) float32, one divided by the root of how many tokens the passage of each has."""
    lengths = tf.math.unsorted_segment_sum(tf.ones_like(readers, tf.float32), readers, pairs)
    return tf.gather(tf.math.rsqrt(tf.maximum(lengths, 1.0)), readers)[:, None]


def _signature() -> PassageBatch:
    """Return shapes and types of a batch."""
    numbers = tf.TensorSpec([None], tf.int32)
    return PassageBatch(numbers, numbers, Rows(numbers, numbers, numbers), numbers, numbers)
