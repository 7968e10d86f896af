"""Word vectors by skip-gram and CBOW with negative sampling, as matrix products over blocks of text."""

from collections.abc import Iterator
from typing import Any  # Any: TensorFlow tensors and variables

import numpy as np
import tensorflow as tf

from slmcli.character_ngrams import CharacterNgrams
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID
from slmcli.word_windows import Batch, Rows, Subwords, WindowSettings, WordWindows, mean_table, weight_table

# our choice: the length of the longest step of one row. The gradients of a frequent word, hundreds in a batch, would together take it far
# beyond the place where they vanish; with 2,048 tokens a batch or more, nothing is left but infinities.
_LONGEST_STEP = 0.25
_LOSS_SHARE = 8  # our choice: one of so many blocks is looked at; all would take a tenth of the time of a step
_LEAST_PROBABILITY = 1e-7  # so that a logarithm is finite


class WordVectorTrainer:
    """Two tables of vectors, and the steps that train them.

    Source: Mikolov et al. 2013, "Distributed representations of words and phrases and their compositionality", section 2.2, equation 4;
    Mikolov et al. 2013, "Efficient estimation of word representations in vector space", section 3. Differs: gradients of a whole batch are
    added up by row before vectors move, no vector by more than a fixed length; noise is shared and weighted (`WordWindows`).

    Attributes:
        windows: The text.

    Args:
        token_ids: (tokens,) int32, all documents, each with `END_ID` behind it.
        counts: (vocab,), how often each token stands there.
        settings: How the text is read.
        width: Numbers in a vector.
        seed: Seed of the first vectors.
        ngrams: Character n-grams of all tokens: the mean of their vectors is added to that of the token (`TokenEmbedding.add_subwords`).
    """

    def __init__(
        self,
        token_ids: np.ndarray,
        counts: np.ndarray,
        settings: WindowSettings,
        *,
        width: int = 100,
        seed: int = 0,
        ngrams: CharacterNgrams | None = None,
    ) -> None:
        self.windows = WordWindows(token_ids, counts, settings, ngrams=ngrams)
        self._ngrams = ngrams
        generator = np.random.default_rng(seed)
        sizes = [len(counts)] if ngrams is None else [len(counts), int(ngrams.rows.max(initial=0)) + 1]
        tables = [(generator.random((size, width), np.float32) - 0.5) / width for size in sizes]
        self._inputs, *rest = [tf.Variable(table) for table in tables]
        self._ngram_vectors = rest[0] if rest else None
        self._outputs = tf.Variable(tf.zeros((len(counts), width)))
        self._weights = tf.constant(weight_table(settings))
        self._means = tf.constant(mean_table(settings)) if settings.objective == "cbow" else None
        self._outcomes = tf.constant(np.arange(self._weights.shape[1]) < self._weights.shape[1] - settings.noise, tf.float32)
        signature = [_signature(settings, has_ngrams=ngrams is not None), tf.TensorSpec([], tf.float32)]
        self._step = tf.function(self._train, input_signature=signature, autograph=False)

    @property
    def variables(self) -> list[Any]:
        """All that training changes: the tables of input vectors, of output vectors, and of n-grams where there are any."""
        return [self._inputs, self._outputs, *([] if self._ngram_vectors is None else [self._ngram_vectors])]

    def batches(self, epoch: int, seed: int, *, skip_steps: int = 0) -> Iterator[Batch]:
        """Yield the batches of an epoch, without its first ones; each depends on seed, epoch and its number alone."""
        return self.windows.draw(epoch, seed=seed).batches(skip_steps)

    def train_on(self, batch: Batch, learning_rate: float) -> float:
        """Take one step.

        Returns:
            The mean loss of a prediction, with its noise, in nats, over some of the blocks, before the step.
        """
        return float(self._step(batch, tf.constant(learning_rate, tf.float32)))

    def vectors(self) -> np.ndarray:
        """Return (vocab, width) float32, the input vectors, with the means of their n-grams."""
        vectors = self._inputs.numpy()
        if self._ngrams is None:
            return vectors
        owners = np.repeat(np.arange(len(vectors), dtype=np.int32), np.diff(self._ngrams.stops))
        return vectors + tf.sparse.segment_mean(self._ngram_vectors, self._ngrams.rows, owners, num_segments=len(vectors)).numpy()

    def gradients(self, batch: Batch) -> list[tuple[Any, Any, Any]]:
        """Return those of the loss, summed over a batch: a variable, (rows,) int32 of its rows, and (rows, width) float32 for each."""
        return list(self._gradients(batch, *self._predict(batch)))

    def _train(self, batch: Batch, learning_rate: Any) -> Any:
        """Move the vectors of a batch, and return its loss (graph code)."""
        vectors, errors = self._predict(batch)
        loss = self._mean_loss(batch, errors)
        for variable, rows, gradient in self._gradients(batch, vectors, errors):
            step = learning_rate * gradient
            length = tf.norm(step, axis=1, keepdims=True)
            moved = tf.gather(variable, rows) - step * (_LONGEST_STEP / tf.maximum(length, _LONGEST_STEP))
            # the rows alone are written, the table is never copied
            tf.raw_ops.ResourceScatterUpdate(resource=variable.handle, indices=rows, updates=moved)
        return loss

    def _predict(self, batch: Batch) -> tuple[tuple[Any, Any], Any]:
        """Return the vectors of both sides and (blocks, block, outputs) float32, what the probabilities are above what they should be."""
        inputs = self._input_vectors(batch)
        if self._means is not None:
            inputs = tf.matmul(tf.gather(self._means, batch.reaches), inputs)  # (blocks, block, width)
        outputs = tf.gather(self._outputs, batch.output_ids)  # (blocks, outputs, width)
        return (inputs, outputs), tf.sigmoid(tf.matmul(inputs, outputs, transpose_b=True)) - self._outcomes

    def _input_vectors(self, batch: Batch) -> Any:
        """Return (blocks, inputs, width) float32."""
        if not batch.subwords:
            return tf.gather(self._inputs, batch.input_ids)
        places, ngrams, owners, _ = batch.subwords[0]
        means = tf.sparse.segment_mean(self._ngram_vectors, ngrams, owners, num_segments=tf.size(batch.inputs.rows))
        return tf.gather(tf.gather(self._inputs, batch.inputs.rows) + means, places)

    def _gradients(self, batch: Batch, vectors: tuple[Any, Any], errors: Any) -> Iterator[tuple[Any, Any, Any]]:
        """Yield variables, rows and gradients (graph code)."""
        inputs, outputs = vectors
        errors = errors * tf.gather(self._weights, batch.reaches)
        by_input = tf.matmul(errors, outputs)  # (blocks, block, width)
        if self._means is not None:
            by_input = tf.matmul(tf.gather(self._means, batch.reaches), by_input, transpose_a=True)  # (blocks, inputs, width)
        of_inputs = sum_by_row(by_input, batch.inputs)
        yield self._inputs, batch.inputs.rows, of_inputs
        yield self._outputs, batch.outputs.rows, sum_by_row(tf.matmul(errors, inputs, transpose_a=True), batch.outputs)
        for subwords in batch.subwords:
            yield self._ngram_vectors, subwords.rows.rows, _share_among_ngrams(of_inputs, subwords)

    def _mean_loss(self, batch: Batch, errors: Any) -> Any:
        """Return the loss of a prediction (graph code)."""
        some = -(-errors.shape[0] // _LOSS_SHARE)
        weights = tf.gather(self._weights, batch.reaches[:some])
        losses = -weights * tf.math.log(tf.maximum(1.0 - tf.abs(errors[:some]), _LEAST_PROBABILITY))
        return tf.reduce_sum(losses) / tf.maximum(tf.reduce_sum(weights * self._outcomes), 1.0)


def _share_among_ngrams(gradient: Any, subwords: Subwords) -> Any:
    """Return (n-gram rows, width) float32 from (rows, width) of the tokens whose n-grams they are."""
    sizes = tf.math.bincount(subwords.owners, minlength=tf.shape(gradient)[0], dtype=tf.float32)
    return tf.sparse.segment_sum(gradient / tf.maximum(sizes, 1.0)[:, None], subwords.rows.order, subwords.rows.segments)


def _signature(settings: WindowSettings, *, has_ngrams: bool) -> Batch:
    """Return shapes and types of a batch."""
    long = settings.block + 2 * settings.window
    inputs, outputs = (settings.block, long) if settings.objective == "skipgram" else (long, settings.block)
    numbers = tf.TensorSpec([None], tf.int32)
    rows = Rows(numbers, numbers, numbers)
    input_ids, output_ids, reaches = (tf.TensorSpec([settings.blocks, size], tf.int32) for size in (inputs, outputs + settings.noise, settings.block))
    return Batch(input_ids, output_ids, reaches, rows, rows, (Subwords(input_ids, numbers, numbers, rows),) if has_ngrams else ())


def centred(vectors: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return (vocab, width) float32: vectors whose mean over a text is zero, and whose mean square there is one; special tokens have zeros.

    All vectors of a training have a direction in common, which hides what a mean of vectors says; words that say little are short, and
    stay so.

    Source: Mu & Viswanath 2018, "All-but-the-top", section 2, of which the mean alone is taken, with each word as often as it occurs.

    Args:
        vectors: (vocab, width) float32.
        counts: (vocab,), how often each token stands in the text.
    """
    shares = counts.astype(np.float64)
    special = [number for number in range(len(SPECIAL_TOKENS)) if number != UNKNOWN_ID]
    shares[special] = 0.0
    shares /= max(1.0, shares.sum())
    moved = vectors - shares @ vectors
    moved[special] = 0.0
    size = np.sqrt(shares @ np.square(moved).mean(axis=1))
    return (moved / size if size > 0.0 else moved).astype(np.float32)


def falling_rate(rate: float, *, progress: float) -> float:
    """Return the learning rate after a share of the training: it falls linearly to a ten-thousandth.

    Source: word2vec, the program of Mikolov et al. 2013.
    """
    return rate * max(1.0 - progress, 1e-4)


def sum_by_row(gradient: Any, rows: Rows) -> Any:
    """Return (rows, width) float32, sums of what is found at the places of each row."""
    return tf.sparse.segment_sum(tf.reshape(gradient, [-1, gradient.shape[-1]]), rows.order, rows.segments)
