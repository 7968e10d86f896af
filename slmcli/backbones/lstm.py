"""Long short-term memory over token vectors."""

from typing import Any, ClassVar  # Any: Keras models

from pydantic import Field

from slmcli.backbones.base import Backbone


class Lstm(Backbone):
    """One or two directions of LSTM, stacked on request.

    Source: Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000, as `keras.layers.LSTM` has it.
    """

    lacking_formats: ClassVar[tuple[str, ...]] = ("litert",)

    units: int = Field(64, ge=1, description="lstm: memory cells of one direction")
    recurrent_layers: int = Field(1, ge=1, description="lstm: layers on top of each other")
    bidirectional: bool = Field(True, description="lstm: read the text in both directions")

    def build(self, *, vocabulary_size: int, length: int | None) -> Any:
        """Return the model; hidden is units, twice that when bidirectional."""
        import keras

        from slmcli.layers import ZeroPadding

        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((length,), dtype="bool", name="padding_mask")
        hidden = self.embed(token_ids, padding_mask, vocabulary_size=vocabulary_size)
        for layer in range(self.recurrent_layers):
            recurrent = keras.layers.LSTM(self.units, return_sequences=True, name=f"lstm_{layer}")
            if self.bidirectional:
                recurrent = keras.layers.Bidirectional(recurrent, name=f"bidirectional_{layer}")
            hidden = recurrent(hidden, mask=padding_mask)
        return keras.Model([token_ids, padding_mask], ZeroPadding(name="padding")(hidden, padding_mask), name="lstm")
