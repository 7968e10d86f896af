"""A small network between two layers of a model that is trained already."""

from typing import Any  # Any: Keras tensors

import keras
from keras import ops


@keras.saving.register_keras_serializable("slmcli")
class Bottleneck(keras.layers.Layer):
    """Add to each vector what two small layers make of it; at first nothing, since the second begins with zeros.

    Source: Houlsby et al. 2019, section 2.1. Differs: relu, and zeros instead of small weights in the second layer.
    Input and output shape: (…, width).

    Args:
        units: Values between the two layers.
        is_non_negative: Whether no input is below zero, and no output shall be.
    """

    def __init__(self, units: int, *, is_non_negative: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.units, self.is_non_negative = units, is_non_negative

    def build(self, vectors_shape: Any) -> None:
        """Make the weights."""
        width = vectors_shape[-1]
        self.down_kernel = self.add_weight(name="down_kernel", shape=(width, self.units), initializer="he_normal")
        self.down_bias = self.add_weight(name="down_bias", shape=(self.units,), initializer="zeros")
        self.up_kernel = self.add_weight(name="up_kernel", shape=(self.units, width), initializer="zeros")
        self.up_bias = self.add_weight(name="up_bias", shape=(width,), initializer="zeros")

    def call(self, vectors: Any) -> Any:
        """Return the sum."""
        units = ops.relu(ops.matmul(vectors, self.down_kernel) + self.down_bias)
        total = vectors + ops.matmul(units, self.up_kernel) + self.up_bias
        return ops.relu(total) if self.is_non_negative else total

    def compute_output_spec(self, vectors: Any) -> Any:
        """Return the shape and dtype of the sum."""
        return keras.KerasTensor(vectors.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "is_non_negative": self.is_non_negative}
