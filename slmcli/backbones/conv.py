"""Parallel convolutions of several widths over token vectors."""

from typing import Any, ClassVar  # Any: Keras models and tensors

from pydantic import Field, PositiveInt

from slmcli.backbones.base import Backbone


class Conv(Backbone):
    """Convolutions of several widths side by side, each with further ones on top on request.

    Source: Kim 2014, section 2. Differs: widths 1, 2, 3 unless the corpus asks for others, all computed as one convolution, zero
    padding at both ends so that short texts work, and the head may add mean pooling to max pooling; widths and pooling were chosen on
    validation data (docs/decisions.md).
    Further layers add to what is below them (He et al. 2016), and look at ever more distant tokens: their dilation is multiplied
    from layer to layer (Yu & Koltun 2016, section 3; Strubell et al. 2017 for texts).
    """

    name: ClassVar[str] = "conv"
    is_non_negative: ClassVar[bool] = True

    widths: list[PositiveInt] = Field(
        [1, 2, 3],
        min_length=1,
        description="conv: window sizes in tokens; 3 alone for a large corpus of long texts, 1,2,3,4 for short texts with several labels, "
        "unless asked for",
    )
    filters: int = Field(128, ge=1, description="conv: features of each window size; 64 for long texts unless asked for")
    conv_layers: int = Field(1, ge=1, description="conv: layers on top of each other for each window size")
    dilation: int = Field(2, ge=1, description="conv: how many times further apart the tokens of a window are than those of the layer below")

    @property
    def gap(self) -> int:
        """Tokens before one that a feature of it sees."""
        return (max(self.widths) - 1) * sum(self.dilation**layer for layer in range(self.conv_layers))

    def connect(self, token_ids: Any, padding_mask: Any, *, vocabulary_size: int, is_packed: bool = False) -> Any:
        """Return vectors; hidden is len(widths) * filters. Documents that are packed have a gap between them."""
        return self._connect(token_ids, padding_mask, vocabulary_size=vocabulary_size)

    def build_pooled(self, *, vocabulary_size: int, length: int | None, pooling: str | None) -> Any:
        """Return the model with the largest features alone, or None: `max` by itself, above one layer, has a gradient in few places."""
        if pooling != "max" or self.conv_layers > 1 or self.segment:
            return None
        import keras

        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((length,), dtype="bool", name="padding_mask")
        hidden = self._connect(token_ids, padding_mask, vocabulary_size=vocabulary_size, is_pooled=True)
        return keras.Model([token_ids, padding_mask], hidden, name=self.name)

    def _connect(self, token_ids: Any, padding_mask: Any, *, vocabulary_size: int, is_pooled: bool = False) -> Any:
        """Return vectors, or the largest values; only one layer can be pooled."""
        import keras

        from slmcli.convolution import MaskedConvolution

        vectors = self.embed(token_ids, padding_mask, vocabulary_size=vocabulary_size)
        if self.conv_layers == 1:
            options: dict[str, Any] = {"is_pooled": is_pooled, "is_causal": self.causal, "name": "convolution"}
            return MaskedConvolution(self.widths, self.filters, **options)(vectors, padding_mask)
        parts = [self._stack(vectors, padding_mask, width, f"conv_{place}_width_{width}") for place, width in enumerate(self.widths)]
        return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="widths")(parts)

    def _stack(self, vectors: Any, padding_mask: Any, width: int, name: str) -> Any:
        """Return (batch, length, filters) of one width."""
        import keras

        from slmcli.convolution import MaskedConvolution

        options: dict[str, Any] = {"is_causal": self.causal}
        hidden = MaskedConvolution([width], self.filters, **options, name=name)(vectors, padding_mask)
        for layer in range(1, self.conv_layers):
            options["dilation"] = self.dilation**layer
            further = MaskedConvolution([width], self.filters, **options, name=f"{name}_layer_{layer}")(hidden, padding_mask)
            hidden = keras.layers.Add(name=f"{name}_sum_{layer}")([hidden, further])
        return hidden
