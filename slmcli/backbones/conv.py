"""Parallel convolutions of several widths over token vectors."""

from typing import Any  # Any: Keras models

from pydantic import Field, PositiveInt

from slmcli.backbones.base import Backbone


class Conv(Backbone):
    """Convolutions of several widths side by side.

    Source: Kim 2014, section 2. Differs: widths 1, 2, 3 by default, zero padding at both ends so that short texts work, and the
    head may add mean pooling to max pooling; both were chosen on IMDB validation data (docs/decisions.md).
    """

    widths: list[PositiveInt] = Field(
        [1, 2, 3], min_length=1, description="conv: window sizes in tokens; 1,2,3,4 for short texts with several labels unless asked for"
    )
    filters: int = Field(128, ge=1, description="conv: features of each window size")

    def build(self, *, vocabulary_size: int, length: int | None) -> Any:
        """Return the model; hidden is len(widths) * filters."""
        import keras

        from slmcli.layers import ZeroPadding

        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        padding_mask = keras.Input((length,), dtype="bool", name="padding_mask")
        vectors = self.embed(token_ids, padding_mask, vocabulary_size=vocabulary_size)
        parts = [
            keras.layers.Conv1D(self.filters, width, padding="same", activation="relu", name=f"conv_{position}_width_{width}")(vectors)
            for position, width in enumerate(self.widths)
        ]
        joined = parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="widths")(parts)
        return keras.Model([token_ids, padding_mask], ZeroPadding(name="padding")(joined, padding_mask), name="conv")
