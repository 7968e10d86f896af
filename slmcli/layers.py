"""Keras layers that several models share. They load in `safe_mode`: nothing in them is code in a file."""

from typing import Any  # Any: Keras tensors

import keras
from keras import ops

from slmcli.tokenizers.base import PADDING_ID


class _UsesPaddingMask(keras.layers.Layer):
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
class ZeroPadding(_UsesPaddingMask):
    """Set vectors of padding positions to zero.

    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, length, hidden).
    """

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return `hidden` with zeros where `padding_mask` is False."""
        return hidden * ops.expand_dims(ops.cast(padding_mask, hidden.dtype), -1)


@keras.saving.register_keras_serializable("slmcli")
class MaskedMean(_UsesPaddingMask):
    """Sum the vectors of real tokens and divide by their number to the power `exponent`; zeros when there is none.

    Exponent 1 is the mean. Exponent 0.5 keeps more of what a long text repeats, and learns faster from few examples.
    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, hidden).
    """

    def __init__(self, exponent: float = 1.0, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.exponent = exponent

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the sum over positions where `padding_mask` is True, in float32, divided by their number to the power `exponent`."""
        weights = ops.expand_dims(ops.cast(padding_mask, "float32"), -1)
        total = ops.sum(ops.cast(hidden, "float32") * weights, axis=1)
        count = ops.maximum(ops.sum(weights, axis=1), 1.0)
        return ops.cast(total / (count if self.exponent == 1.0 else ops.power(count, self.exponent)), hidden.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "exponent": self.exponent}


@keras.saving.register_keras_serializable("slmcli")
class MaskedMax(_UsesPaddingMask):
    """Take the largest value of each feature over real tokens; zeros when there is none.

    Input shape: (batch, length, hidden) and (batch, length) bool. Output shape: (batch, hidden).
    """

    def call(self, hidden: Any, padding_mask: Any) -> Any:
        """Return the maximum over positions where `padding_mask` is True."""
        weights = ops.expand_dims(ops.cast(padding_mask, hidden.dtype), -1)
        # our choice: 1e4 is below every activation and still finite in 16 bits
        lowered = hidden * weights - (1.0 - weights) * 1e4
        return ops.max(lowered, axis=1) * ops.max(weights, axis=1)


def masked_pooling(hidden: Any, padding_mask: Any, *, kind: str) -> Any:
    """Pool (batch, length, hidden) over real tokens into (batch, hidden), or (batch, 2 hidden) for `max_mean` and `max_sqrtn`."""
    parts = []
    if kind.startswith("max"):
        parts.append(MaskedMax(name="max_pooling")(hidden, padding_mask))
    if kind.endswith("mean"):
        parts.append(MaskedMean(name="mean_pooling")(hidden, padding_mask))
    if kind.endswith("sqrtn"):
        parts.append(MaskedMean(0.5, name="sqrtn_pooling")(hidden, padding_mask))
    return parts[0] if len(parts) == 1 else keras.layers.Concatenate(name="pooling")(parts)
