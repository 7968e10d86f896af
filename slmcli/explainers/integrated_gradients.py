"""Integrated gradients: what each token vector adds on the way from nothing to the text."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any  # Any: Keras models and layers, tensors

import numpy as np

from slmcli.bundle import Bundle
from slmcli.errors import BundleError
from slmcli.explainers.base import Attribution, Explainer, Question, check_has_layers, check_reads_one_text
from slmcli.ngrams import FEATURE
from slmcli.tokenizers.base import SPECIAL_TOKENS
from slmcli.word_shares import share, share_ngrams, tokens_of

# our choice: most texts are there at 32 or 64; largest features that change places on the way need more
_FIRST_STEPS, _MOST_STEPS = 32, 2048
_MOST_ERROR = 0.01
# our choice: a hundredth of a probability, below which the path ends about where it began
_LEAST_DIFFERENCE = 0.01
_POSITIONS = 16_384  # our choice: of a batch of steps, whose vectors then take a few MB
_FIRST_ROW = len(SPECIAL_TOKENS)  # ids below it mean something to a model: padding, the end of a document


@dataclass(frozen=True)
class _Network:
    """A member of a model that reads tokens.

    Attributes:
        model: `keras.Model` from token ids (batch, length) int32 to outputs (batch, width) float32.
        embedding: Its `TokenEmbedding`.
        share: How much it counts.
    """

    model: Any
    embedding: Any
    share: float


@dataclass(frozen=True)
class _Bag:
    """A member that reads n-grams: its `NgramBag`, and how much it counts."""

    layer: Any
    share: float


@dataclass(frozen=True)
class _Text:
    """A text as a model reads it.

    Attributes:
        tables: For each network, the vectors of the tokens (length, width) float32.
        length: Tokens.
        constant: (width,) float32, what the bags say of no text.
        terms: (n-grams, width) float32, what each n-gram adds to what the bags say.
    """

    tables: list[np.ndarray]
    length: int
    constant: np.ndarray
    terms: np.ndarray


class IntegratedGradients(Explainer):
    """Integrate the gradient along the straight way from a text whose token vectors are zero to the text.

    The bag of n-grams, which is linear, goes the same way: each n-gram's part of its outputs grows from nothing. The integral is a
    midpoint rule whose steps are doubled until the weights add up to the difference of both ends within 1 % (the source's axiom of
    completeness), or there are 2,048.
    """

    name = "integrated-gradients"
    source = "Sundararajan, Taly & Yan 2017, section 3"
    leaves_words_out = False

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        super().__init__(bundle, threads=threads)
        check_reads_one_text(bundle, self.name)
        check_has_layers(bundle, self.name, "gradients")

    def explain(self, question: Question) -> Attribution:
        """Return the integrals of words; `completeness_error` is a share of the difference of both ends."""
        token_ids, offsets = tokens_of(question.only_text.text, self.bundle)
        ngram_ids = self._ngram_ids(question.only_text.text)
        text = self._read(token_ids, ngram_ids)
        steps = _FIRST_STEPS
        while True:
            of_tokens, of_ngrams = self._integrate(text, question, steps)
            first, last = self._ends(text, question)
            difference, total = last - first, float(of_tokens.sum() + of_ngrams.sum())
            error = abs(total - difference) / max(abs(difference), _LEAST_DIFFERENCE * question.output.scale)
            if error <= _MOST_ERROR or steps >= _MOST_STEPS:
                break
            steps *= 2
        weights, rest = share(of_tokens, offsets, question.only_text)
        if self.bundle.ngrams is not None and len(ngram_ids):
            more, beside = share_ngrams(of_ngrams, ngram_ids, question.only_text, self.bundle.tokenizer, self.bundle.ngrams)
            weights, rest = weights + more, rest + beside
        facts = {"steps": steps, "completeness_error": round(error, 6), "base": round(first, 6), "beside_words": round(rest, 6)}
        notes = (f"The weights miss the difference that they explain by {error:.1%} after {steps:,} steps.",) if error > _MOST_ERROR else ()
        return Attribution(weights, facts, notes)

    def _ngram_ids(self, text: str) -> np.ndarray:
        """Return (n-grams,) int32, rising."""
        if self.bundle.ngrams is None or not self._bags:
            return np.zeros(0, np.int32)
        return self.bundle.ngrams.encode(self.bundle.tokenizer.encode_and_split(text)[1])

    def _read(self, token_ids: np.ndarray, ngram_ids: np.ndarray) -> _Text:
        width = self.bundle.task.width
        constant, terms = np.zeros(width, np.float32), np.zeros((len(ngram_ids), width), np.float32)
        for bag in self._bags:
            constant += bag.share * np.asarray(bag.layer.constant())
            if len(ngram_ids):
                terms += bag.share * np.asarray(bag.layer.contributions(ngram_ids[None]))[0]
        tables = [np.asarray(network.embedding.embeddings)[token_ids] for network in self._networks]
        return _Text(tables, len(token_ids), constant, terms)

    def _integrate(self, text: _Text, question: Question, steps: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the integrals of tokens (length,) and of n-grams (n-grams,), float64."""
        shares, weights = _steps(steps)
        slopes = [np.zeros(table.shape) for table in text.tables]
        of_bags = np.zeros(len(text.constant))
        batch = max(1, _POSITIONS // max(1, text.length))
        for start in range(0, steps, batch):
            found = self._look(text, question, shares[start : start + batch])
            sums = [np.tensordot(weights[start : start + batch], values, axes=1) for values in found[1:]]
            of_bags += sums[-1]
            slopes = [slope + of_table for slope, of_table in zip(slopes, sums[:-1], strict=True)]
        of_tokens = np.zeros(text.length)
        for slope, table in zip(slopes, text.tables, strict=True):
            of_tokens += (slope * table).sum(axis=1)
        return of_tokens, text.terms.astype(np.float64) @ of_bags

    def _ends(self, text: _Text, question: Question) -> tuple[float, float]:
        first, last = self._look(text, question, np.array([0.0, 1.0]))[0].tolist()
        return first, last

    def _look(self, text: _Text, question: Question, shares: np.ndarray) -> list[np.ndarray]:
        """Return the values (steps,) where so large a share of the text is there, then their gradients.

        These are for each network by its token vectors, (steps, length, width), and by the outputs of the bags, (steps, outputs).
        """
        import tensorflow as tf

        steps, scales = len(shares), shares.astype(np.float32)
        # each step has rows of its own in the tables, so that one batch holds all steps whatever a model does to their order
        rows = _FIRST_ROW + np.arange(steps * text.length, dtype=np.int32).reshape(steps, text.length)
        padding = (self.bundle.length or max(1, text.length)) - text.length
        rows = np.pad(rows, ((0, 0), (0, padding)))
        tables = [np.pad((scales[:, None, None] * table).reshape(-1, table.shape[1]), ((_FIRST_ROW, 0), (0, 0))) for table in text.tables]
        outputs = text.constant + scales[:, None] * text.terms.sum(axis=0)
        found = self._gradients([tf.constant(table) for table in tables], tf.constant(rows), tf.constant(outputs), question.output.column)
        values = [value.numpy() for value in found]
        scale = question.output.scale
        vectors = [scale * value[_FIRST_ROW:].reshape(steps, text.length, -1) for value in values[1:-1]]
        return [question.output.scale * values[0].astype(np.float64) + question.output.offset, *vectors, scale * values[-1]]

    @cached_property
    def _gradients(self) -> Any:
        """The graph from tables, row numbers and what the bags say to values and gradients."""
        import tensorflow as tf

        networks, loss = self._networks, self.bundle.task.output_loss

        @tf.function(autograph=False, reduce_retracing=True)
        def gradients(tables: Sequence[Any], rows: Any, outputs: Any, column: Any) -> list[Any]:
            with tf.GradientTape() as tape:
                tape.watch([*tables, outputs])
                total = outputs
                for network, table in zip(networks, tables, strict=True):
                    total += network.share * _call_with(network, table, rows)
                said = {"softmax": tf.nn.softmax, "sigmoid": tf.sigmoid, "square": tf.identity}[loss](total)
                values = tf.gather(said, column, axis=1)
            found = tape.gradient(values, [*tables, outputs], unconnected_gradients="zero")
            return [values, *map(tf.convert_to_tensor, found)]

        return gradients

    @cached_property
    def _members(self) -> tuple[list[_Network], list[_Bag]]:
        from slmcli.formats.keras import load_model
        from slmcli.layers import NgramBag
        from slmcli.model_parts import backbone_of, members_of
        from slmcli.token_vectors import TokenEmbedding

        networks, bags = [], []
        for model, counts in members_of(load_model(self.bundle.path)):
            if [tensor.name for tensor in model.inputs] == [FEATURE]:
                bags.append(_Bag(next(layer for layer in model.layers if isinstance(layer, NgramBag)), counts))
                continue
            embedding = next((layer for layer in backbone_of(model).layers if isinstance(layer, TokenEmbedding)), None)
            if embedding is None:
                raise BundleError(f"{self.bundle.path} was made by a release whose token vectors cannot be followed. Train it again.")
            networks.append(_Network(model, embedding, counts))
        return networks, bags

    @property
    def _networks(self) -> list[_Network]:
        return self._members[0]

    @property
    def _bags(self) -> list[_Bag]:
        return self._members[1]


def _steps(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the shares of the way at which to look, (steps,) float64, and how much of the way each stands for, (steps,), 1 together.

    Our choice: cubes of even steps, which are dense where the vectors are small. There normalisation layers blow up what they get, and
    a transformer changes more in the first hundredth of the way than in all the rest.
    """
    even = (np.arange(count) + 0.5) / count
    weights = 3.0 * np.square(even)
    return even**3, weights / weights.sum()


def _call_with(network: _Network, table: Any, rows: Any) -> Any:
    """Return the outputs (batch, width) float32 of a network whose token vectors are the rows of a table."""
    import tensorflow as tf

    network.embedding.stand_in = table
    try:
        return tf.cast(network.model(rows, training=False), tf.float32)
    finally:
        network.embedding.stand_in = None
