"""What every backbone is: settings of a branch of a model, most of which can build it."""

import abc
from typing import Any, ClassVar  # Any: Keras models; Keras is not imported here

from pydantic import Field, model_validator

from slmcli.config import Settings


class Branch(Settings):
    """Settings of what reads a text; a model may have several side by side. Importing the settings imports no Keras."""

    # the feature of an example that it reads
    reads: ClassVar[str] = "token_ids"
    lacking_formats: ClassVar[tuple[str, ...]] = ()


class Backbone(Branch, abc.ABC):
    """Settings of an architecture that reads tokens in their order. `build` makes the model."""

    name: ClassVar[str]
    # no output is below zero
    is_non_negative: ClassVar[bool] = False
    # what it knows of the tokens before a window can be carried into the next one
    carries_states: ClassVar[bool] = False

    embedding: int = Field(
        64, ge=1, description="width of a token vector; 128 for short texts with several labels, 300 where they are frozen, unless asked for"
    )
    embedding_dropout: float | None = Field(
        None,
        ge=0.0,
        lt=1.0,
        description="share of the values of token vectors dropped in training [0.6 for a large corpus, 0.5 for a small one, "
        "0.3 for short texts with several labels, and where minrnn reads many long texts]",
    )
    subword_buckets: int = Field(
        0,
        ge=0,
        description="buckets of character n-grams of words, whose vectors are learned and added to those of the words; 100000 or more for "
        "few collisions; 0: none. The model becomes no larger",
    )
    segment: int = Field(
        0, ge=0, description="tokens of a sliding window in which a longer text is read, each window by itself; 0: the text as a whole"
    )
    segment_overlap: int = Field(0, ge=0, description="tokens that a window shares with the next one, an even number; 0: none")
    causal: bool = Field(False, description="let a token see only itself and those before it; a model that writes text has learned so")

    @model_validator(mode="after")
    def _overlap_is_a_part(self) -> "Backbone":
        if self.segment_overlap % 2 or (self.segment_overlap and self.segment_overlap >= self.segment):
            raise ValueError(f"segment_overlap ({self.segment_overlap}) must be even and below segment ({self.segment})")
        return self

    @property
    def gap(self) -> int:
        """Positions of padding between two documents that are packed into one row, so that neither sees the other; 0 where a mask does that."""
        return 0

    @abc.abstractmethod
    def connect(self, token_ids: Any, padding_mask: Any, *, vocabulary_size: int, is_packed: bool = False) -> Any:
        """Return (batch, length, hidden) of symbolic inputs, zeros on padding; more padding on the right changes nothing on real tokens.

        Args:
            token_ids: (batch, length) int32.
            padding_mask: (batch, length) bool, True on real tokens.
            vocabulary_size: Entries of the vocabulary.
            is_packed: Whether a row holds several documents, each of which begins with <eos> and sees nothing of those before.
        """

    def build(self, *, vocabulary_size: int, length: int | None) -> Any:
        """Return a `keras.Model` from token_ids (batch, length) int32 and padding_mask (batch, length) bool to what `connect` returns."""
        import keras

        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((length,), dtype="bool", name="padding_mask")
        hidden = self.connect(token_ids, padding_mask, vocabulary_size=vocabulary_size)
        return keras.Model([token_ids, padding_mask], hidden, name=self.name)

    def build_pooled(self, *, vocabulary_size: int, length: int | None, pooling: str | None) -> Any:
        """Return a model from the inputs of `build` to (batch, hidden), pooled, where that is faster than a layer behind `build`'s, or None.

        Its weights are those of what `build` returns.
        """
        return None

    def build_reader(self, *, vocabulary_size: int, length: int | None) -> Any:
        """Return what `build` does, or a model that reads a text in segments; inputs and output are the same."""
        if not self.segment or (length is not None and length <= self.segment):
            return self.build(vocabulary_size=vocabulary_size, length=length)
        import keras

        from slmcli.layers import PaddingMask
        from slmcli.segments import CutSegments, JoinSegments

        reader = self.build(vocabulary_size=vocabulary_size, length=None)
        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((length,), dtype="bool", name="padding_mask")
        segments = CutSegments(self.segment, self.segment_overlap, name="segments")(token_ids)
        hidden = reader([segments, PaddingMask(name="segments_mask")(segments)])
        joined = JoinSegments(self.segment, self.segment_overlap, name="joined_segments")(hidden, padding_mask)
        return keras.Model([token_ids, padding_mask], joined, name=f"{reader.name}_of_segments")

    def embed(self, token_ids: Any, padding_mask: Any, *, vocabulary_size: int) -> Any:
        """Return token vectors (batch, length, embedding), or (length, batch, embedding), zeros on padding, with dropout in training."""
        from slmcli.token_vectors import MaskedDropout, TokenEmbedding

        vectors = TokenEmbedding(vocabulary_size, self.embedding, name="embedding")(token_ids)
        return MaskedDropout(self.embedding_dropout or 0.0, name="embedding_dropout")(vectors, padding_mask)


class RecurrentBackbone(Backbone):
    """What recurrent backbones share: layers on top of each other, each of one direction or of both side by side."""

    carries_states: ClassVar[bool] = True

    units: int = Field(64, ge=1, description="lstm, gru, minrnn: memory cells of one direction")
    recurrent_layers: int = Field(1, ge=1, description="lstm, gru, minrnn: layers on top of each other; 2 where a preset takes minrnn")
    bidirectional: bool | None = Field(
        None,
        description="lstm, gru, minrnn: read the text in both directions [long texts in one, others, and with --pooling first_last, in both; "
        "in both, too, where a preset takes minrnn]",
    )

    layer_dropout: float = Field(0.0, ge=0.0, lt=1.0, description="lstm, gru, minrnn: share of the values between two layers dropped in training")

    @model_validator(mode="after")
    def _what_comes_later_is_not_seen(self) -> "RecurrentBackbone":
        if self.causal and self.bidirectional:
            raise ValueError("causal and bidirectional exclude each other: the other direction sees what comes later. Leave one of them out")
        return self

    @abc.abstractmethod
    def recurrent(self, *, is_reversed: bool, name: str) -> Any:
        """Return a Keras layer from (length, batch, features) and padding_mask (length, batch) to (length, batch, units).

        It takes a third tensor where documents are packed: (length, batch) bool, True where one begins.
        """

    def connect(self, token_ids: Any, padding_mask: Any, *, vocabulary_size: int, is_packed: bool = False) -> Any:
        """Return vectors; hidden is units, twice that when bidirectional, which it is unless settings say otherwise."""
        import keras

        from slmcli.layers import DocumentStart, ZeroPadding
        from slmcli.recurrent_layers import SwapBatchAndTime

        # before they are vectors, which are more to move
        exchanged = SwapBatchAndTime(name="time_major")(token_ids)
        mask = SwapBatchAndTime(name="time_major_mask")(padding_mask)
        starts = [DocumentStart(name="starts")(exchanged)] if is_packed else []
        hidden = self.embed(exchanged, mask, vocabulary_size=vocabulary_size)  # (length, batch, embedding)
        is_one_way = self.causal or self.bidirectional is False
        directions = {"forward": False} if is_one_way else {"forward": False, "backward": True}
        for layer in range(self.recurrent_layers):
            if layer and self.layer_dropout:
                hidden = keras.layers.Dropout(self.layer_dropout, name=f"dropout_{layer}")(hidden)
            readers = [self.recurrent(is_reversed=back, name=f"{self.name}_{layer}_{name}") for name, back in directions.items()]
            outputs = [reader(hidden, mask, *starts) for reader in readers]
            joined = outputs[0] if len(outputs) == 1 else keras.layers.Concatenate(name=f"directions_{layer}")(outputs)
            hidden = ZeroPadding(name=f"padding_{layer}")(joined, mask)
        return SwapBatchAndTime(name="batch_major")(hidden)


class GatedBackbone(RecurrentBackbone):
    """What recurrent backbones share whose gates also look at the outputs before."""

    weight_dropout: float = Field(
        0.0, ge=0.0, lt=1.0, description="lstm, gru: share of the weights between one step and the next dropped in training"
    )
