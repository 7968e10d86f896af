"""Keras layers that several models share. They load in `safe_mode`: nothing in them is code in a file."""

from collections.abc import Callable
from typing import Any  # Any: Keras tensors

import keras
import tensorflow as tf
from keras import ops

from slmcli.tokenizers.base import END_ID, PADDING_ID
from slmcli.tracing import is_compiling, is_converting

WINDOW = 16  # positions; our choice, by measurement: 4 and 8 take longer


class UsesPaddingMask(keras.layers.Layer):
    """A layer that gets the padding mask as an input, and so ends Keras's own implicit mask."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.supports_masking = True

    def compute_mask(self, *inputs: Any, previous_mask: Any = None) -> None:
        """Pass no implicit mask on."""
        return


@keras.saving.register_keras_serializable("slmcli")
class PaddingMask(keras.layers.Layer):
    """Mark real tokens: token_ids (batch, length) int32 to (batch, length) bool, False on padding."""

    def call(self, token_ids: Any) -> Any:
        """Return the padding mask."""
        return ops.not_equal(token_ids, PADDING_ID)

    def compute_output_spec(self, token_ids: Any) -> Any:
        """Return the shape and dtype of the mask."""
        return keras.KerasTensor(token_ids.shape, dtype="bool")


@keras.saving.register_keras_serializable("slmcli")
class DocumentStart(keras.layers.Layer):
    """Mark where a document begins among several in a row: token_ids of any shape, int32, to bool, True on <eos>, which stands before each."""

    def call(self, token_ids: Any) -> Any:
        """Return the marks."""
        return ops.equal(token_ids, END_ID)

    def compute_output_spec(self, token_ids: Any) -> Any:
        """Return the shape and dtype of the marks."""
        return keras.KerasTensor(token_ids.shape, dtype="bool")


@keras.saving.register_keras_serializable("slmcli")
class DocumentNumber(keras.layers.Layer):
    """Number the documents of each row: token_ids (batch, length) int32 to (batch, length) int32, one more from each <eos> on."""

    def call(self, token_ids: Any) -> Any:
        """Return the numbers."""
        return ops.cumsum(ops.cast(ops.equal(token_ids, END_ID), "int32"), axis=1)

    def compute_output_spec(self, token_ids: Any) -> Any:
        """Return the shape and dtype of the numbers."""
        return keras.KerasTensor(token_ids.shape, dtype="int32")


@keras.saving.register_keras_serializable("slmcli")
class ZeroPadding(UsesPaddingMask):
    """Set vectors of padding positions to zero.

    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, length, hidden).
    """

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return `hidden` with zeros where `padding_mask` is False."""
        return zero_padding(hidden, padding_mask)


def zero_padding(hidden: Any, padding_mask: Any) -> Any:
    """Return (batch, length, hidden) with zeros where `padding_mask` is False; without padding, copy nothing.

    A batch has texts of about the same length: of short texts two in five to four in five have no padding.
    """
    real = ops.expand_dims(ops.cast(padding_mask, hidden.dtype), -1)
    if is_compiling() or is_converting():
        return hidden * real

    @tf.custom_gradient
    def run(hidden: Any) -> tuple[Any, Callable[[Any], Any]]:
        has_none = tf.reduce_all(padding_mask)

        def zero(values: Any) -> Any:
            return tf.ensure_shape(tf.cond(has_none, lambda: values, lambda: values * real), values.shape)

        return zero(hidden), zero

    return run(hidden)


@keras.saving.register_keras_serializable("slmcli")
class MaskedMean(UsesPaddingMask):
    """Sum the vectors of real tokens and divide by their number to the power `exponent`; zeros when there is none.

    Exponent 1 is the mean. Exponent 0.5 keeps more of what a long text repeats, and learns faster from few examples.
    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, hidden).
    """

    def __init__(self, exponent: float = 1.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.exponent = exponent

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the sum over positions where `padding_mask` is True, divided by their number to the power `exponent`."""
        real = ops.expand_dims(ops.cast(padding_mask, hidden.dtype), 1)  # (batch, 1, length)
        total = ops.cast(ops.squeeze(ops.matmul(real, hidden), 1), "float32")  # a product: sums are float32, the tensor is read once
        count = ops.maximum(ops.sum(ops.cast(padding_mask, "float32"), axis=1, keepdims=True), 1.0)
        return ops.cast(total / (count if self.exponent == 1.0 else ops.power(count, self.exponent)), hidden.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "exponent": self.exponent}


@keras.saving.register_keras_serializable("slmcli")
class MaskedMax(UsesPaddingMask):
    """Take the largest value of each feature over real tokens; zeros when there is none.

    Input shape: (batch, length, hidden), zeros on padding, and (batch, length) bool. Output shape: (batch, hidden).

    Args:
        is_non_negative: Whether no value is below zero, so that padding needs no attention.
    """

    def __init__(self, *, is_non_negative: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.is_non_negative = is_non_negative

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the maximum over positions where `padding_mask` is True."""
        if self.is_non_negative:
            return maximum(hidden)
        real = ops.expand_dims(ops.cast(padding_mask, hidden.dtype), -1)
        # our choice: 1e4 is below every activation and still finite in 16 bits
        return maximum(hidden + (real - 1.0) * 1e4) * ops.max(real, axis=1)

    def compute_output_spec(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the shape and dtype of the maximum."""
        return keras.KerasTensor((hidden.shape[0], hidden.shape[-1]), dtype=hidden.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "is_non_negative": self.is_non_negative}


def maximum(hidden: Any) -> Any:
    """Return (batch, hidden), the largest values of (batch, length, hidden) over the length.

    Windows first: the gradient of their maximum is one operation, that of a reduction five, and then only over the windows. XLA has
    no such operation for a processor, and makes one of the five.
    """
    return ops.max(hidden if is_compiling() else max_windows(hidden), axis=1)


def max_windows(hidden: Any) -> Any:
    """Return (batch, windows, hidden), the largest values in each `WINDOW` positions; the first and the last may have fewer."""
    return ops.max_pool(hidden, WINDOW, WINDOW, padding="same")


@keras.saving.register_keras_serializable("slmcli")
class AttentionPooling(UsesPaddingMask):
    """Average the vectors of real tokens, each weighted by how well it fits a learned query; zeros when there is none.

    Source: Yang et al. 2016, equations 5 to 7. Differs: no layer between vector and score; the query begins with zeros, as a mean.
    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, hidden).
    """

    def build(self, hidden_shape: Any, *_: Any) -> None:
        """Make the query."""
        self.query = self.add_weight(name="query", shape=(hidden_shape[-1],), initializer="zeros")

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the weighted average; scores and softmax are float32."""
        vectors = ops.cast(hidden, "float32")
        scores = ops.sum(vectors * ops.cast(self.query, "float32"), axis=-1)  # (batch, length)
        is_real = ops.cast(padding_mask, "float32")
        # our choice: 1e9 is above every score, so that the softmax of padding is 0
        shares = ops.softmax(scores - (1.0 - is_real) * 1e9, axis=-1) * is_real
        return ops.cast(ops.sum(vectors * ops.expand_dims(shares, -1), axis=1), hidden.dtype)

    def compute_output_spec(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the shape and dtype of the average."""
        return keras.KerasTensor((hidden.shape[0], hidden.shape[-1]), dtype=hidden.dtype)


@keras.saving.register_keras_serializable("slmcli")
class EndToken(UsesPaddingMask):
    """Take the vector of the last real token, or of the first; zeros when there is none.

    Input shape: (batch, length, hidden), zeros on padding, which stands on the right, and (batch, length) bool. Output shape: (batch, hidden).
    """

    def __init__(self, *, is_first: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.is_first = is_first

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return one vector a text."""
        if self.is_first:
            return hidden[:, 0]
        last = ops.maximum(ops.sum(ops.cast(padding_mask, "int32"), axis=1) - 1, 0)
        return tf.gather(hidden, last, axis=1, batch_dims=1)  # a sum over what a mask leaves reads everything, twice in training

    def compute_output_spec(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the shape and dtype of the vector."""
        return keras.KerasTensor((hidden.shape[0], hidden.shape[-1]), dtype=hidden.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "is_first": self.is_first}


def masked_pooling(hidden: Any, padding_mask: Any, *, kind: str, is_non_negative: bool = False) -> Any:
    """Pool (batch, length, hidden) over real tokens into (batch, hidden), or as many times hidden as `kind` has parts.

    Args:
        hidden: Zeros on padding.
        padding_mask: (batch, length) bool.
        kind: Names of poolings, joined by "_", such as `max_mean`.
        is_non_negative: Whether no value of `hidden` is below zero.
    """
    parts = [_pooling(part, is_non_negative=is_non_negative)(hidden, padding_mask) for part in kind.split("_")]
    return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="pooling")(parts)


def _pooling(name: str, *, is_non_negative: bool) -> UsesPaddingMask:
    layers: dict[str, tuple[type[UsesPaddingMask], dict[str, Any]]] = {
        "max": (MaskedMax, {"name": "max_pooling", "is_non_negative": is_non_negative}),
        "mean": (MaskedMean, {"name": "mean_pooling"}),
        "sqrtn": (MaskedMean, {"name": "sqrtn_pooling", "exponent": 0.5}),
        "attention": (AttentionPooling, {"name": "attention_pooling"}),
        "first": (EndToken, {"name": "first_token", "is_first": True}),
        "last": (EndToken, {"name": "last_token"}),
    }
    kind, arguments = layers[name]
    return kind(**arguments)


@keras.saving.register_keras_serializable("slmcli")
class NgramBag(keras.layers.Layer):
    """Weigh a bag of n-grams: TF-IDF vectors of length 1, one of words and one of characters inside words, times a matrix.

    Input shape: ngram_ids (batch, n-grams) int32, different ids in each row, 0 is padding. Output shape: (batch, outputs) float32.
    Both tables hold roots, squared when they are read, so that 8-bit integers keep small weights apart from zero.

    Args:
        size: Number of different n-grams.
        words: Ids up to it are n-grams of words, those above it of characters.
        outputs: Columns of the matrix.
        is_mirrored: Whether the one column is the difference of two outputs.
    """

    def __init__(self, size: int, words: int, outputs: int, *, is_mirrored: bool = False, **arguments: Any) -> None:
        super().__init__(dtype="float32", **{name: value for name, value in arguments.items() if name != "dtype"})
        self.size, self.words, self.outputs, self.is_mirrored = size, words, outputs, is_mirrored

    def build(self, ngram_ids_shape: Any) -> None:
        """Make the tables; row 0 stands for padding."""
        self.table = self.add_weight(name="table", shape=(self.size + 1, self.outputs), initializer="zeros")
        self.idf = self.add_weight(name="idf", shape=(self.size + 1, 1), initializer="zeros", trainable=False)
        self.bias = self.add_weight(name="bias", shape=(self.outputs,), initializer="zeros")

    def fill(self, weights: Any, idf: Any, bias: Any) -> None:
        """Set the tables.

        Args:
            weights: (n-grams, outputs) float32.
            idf: (n-grams,) float32, inverse document frequencies.
            bias: (outputs,) float32.
        """
        roots = ops.sign(weights) * ops.sqrt(ops.abs(weights))
        self.table.assign(ops.pad(roots, [[1, 0], [0, 0]]))
        self.idf.assign(ops.pad(ops.expand_dims(idf, -1), [[1, 0], [0, 0]]))
        self.bias.assign(bias)

    def call(self, ngram_ids: Any) -> Any:
        """Return the weighed sum."""
        return self._mirror(ops.sum(self._terms(ngram_ids), axis=1) + self.bias)

    def contributions(self, ngram_ids: Any) -> Any:
        """Return (batch, n-grams, outputs) float32, what each n-gram adds to the outputs: their sum, plus `constant`, is what `call` returns."""
        return self._mirror(self._terms(ngram_ids))

    def constant(self) -> Any:
        """Return (outputs,) float32, what is said of a text without n-grams."""
        return self._mirror(ops.convert_to_tensor(self.bias))

    def _terms(self, ngram_ids: Any) -> Any:
        """Return (batch, n-grams, columns of the matrix)."""
        squares = ops.square(ops.take(self.idf, ngram_ids, axis=0))  # (batch, n-grams, 1), 0 on padding
        is_word = ops.expand_dims(ops.cast(ngram_ids <= self.words, "float32"), -1)
        factors = is_word * _inverse_length(squares * is_word) + (1.0 - is_word) * _inverse_length(squares * (1.0 - is_word))
        roots = ops.take(self.table, ngram_ids, axis=0)  # (batch, n-grams, outputs)
        return roots * ops.abs(roots) * factors

    def _mirror(self, values: Any) -> Any:
        return ops.concatenate([-0.5 * values, 0.5 * values], axis=-1) if self.is_mirrored else values

    def compute_output_spec(self, ngram_ids: Any) -> Any:
        """Return the shape and dtype of the outputs."""
        return keras.KerasTensor((ngram_ids.shape[0], self.outputs * (1 + self.is_mirrored)), dtype="float32")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"size": self.size, "words": self.words, "outputs": self.outputs, "is_mirrored": self.is_mirrored}
        return {**super().get_config(), **own}


def _inverse_length(squares: Any) -> Any:
    """Return (batch, 1, 1) of (batch, n-grams, 1): 1 over the root of the sum; large, and used for nothing, where there is none."""
    # a sum is 0 or at least the square of the least idf, 1; what stands in for 0 must not become 0 in 16 bits
    return ops.rsqrt(ops.maximum(ops.sum(squares, axis=1, keepdims=True), 1e-3))


@keras.saving.register_keras_serializable("slmcli")
class Mixture(keras.layers.Layer):
    """Add the outputs of several models, each times its share.

    Input shape: a list of (batch, width) float32. Output shape: (batch, width) float32.
    """

    def build(self, shapes: Any) -> None:
        """Make the shares, 1 over the number of models each."""
        count = len(shapes)
        self.shares = self.add_weight(name="shares", shape=(count,), initializer=keras.initializers.Constant(1.0 / count), trainable=False)

    def call(self, outputs: Any) -> Any:
        """Return the sum."""
        return sum(self.shares[place] * ops.cast(each, "float32") for place, each in enumerate(outputs))

    def compute_output_spec(self, outputs: Any) -> Any:
        """Return the shape and dtype of the sum."""
        return keras.KerasTensor(outputs[0].shape, dtype="float32")
