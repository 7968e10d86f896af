"""Keras layers that read a text step by step. They are time-major: (length, batch, …)."""

from collections.abc import Sequence
from typing import Any, ClassVar  # Any: Keras tensors

import keras
import tensorflow as tf

from slmcli.layers import UsesPaddingMask
from slmcli.projections import project
from slmcli.recurrences import gru, lstm, quasi_recurrent


@keras.saving.register_keras_serializable("slmcli")
class SwapBatchAndTime(UsesPaddingMask):
    """Exchange the first two dimensions: (batch, length, …) to (length, batch, …), or back."""

    def call(self, values: Any) -> Any:
        """Return `values` with the dimensions exchanged."""
        return tf.transpose(values, [1, 0, *range(2, len(values.shape))])

    def compute_output_spec(self, values: Any) -> Any:
        """Return the shape and dtype of the result."""
        return keras.KerasTensor((values.shape[1], values.shape[0], *values.shape[2:]), dtype=values.dtype)


class _Recurrent(UsesPaddingMask):
    """What the recurrent layers share: a size and a direction."""

    def __init__(self, units: int, *, is_reversed: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.units = units
        self.is_reversed = is_reversed

    def compute_output_spec(self, inputs: Any, padding_mask: Any, training: bool = False) -> Any:
        """Return the shape and dtype of the outputs."""
        return keras.KerasTensor((*inputs.shape[:2], self.units), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "is_reversed": self.is_reversed}


class _WithRecurrentKernel(_Recurrent):
    """A layer whose gates also look at the outputs before, through weights of which some can be dropped in training.

    Source of the dropping: Merity et al. 2018, section 2: DropConnect on the recurrent kernel, the same weights for a whole batch.
    """

    parts: ClassVar[int]

    def __init__(self, units: int, *, weight_dropout: float = 0.0, **arguments: Any) -> None:
        super().__init__(units, **arguments)
        self.weight_dropout = weight_dropout
        if weight_dropout:
            self.seed_generator = keras.random.SeedGenerator()

    def _add_kernels(self, features: int) -> None:
        self.kernel = self.add_weight(name="kernel", shape=(features, self.parts * self.units), initializer="glorot_uniform")
        shape = (self.units, self.parts * self.units)
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=shape, initializer="orthogonal")

    def _recurrent_kernel(self, training: bool) -> Any:
        kernel = tf.convert_to_tensor(self.recurrent_kernel)
        if training and self.weight_dropout:
            return keras.random.dropout(kernel, self.weight_dropout, seed=self.seed_generator)
        return kernel

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "weight_dropout": self.weight_dropout}


@keras.saving.register_keras_serializable("slmcli")
class Lstm(_WithRecurrentKernel):
    """`keras.layers.LSTM` with the same weights in the same order, some of which can be dropped in training.

    Input shape: (length, batch, features), and padding_mask (length, batch) bool. Output shape: (length, batch, units); on padding,
    values without a meaning.
    """

    parts = 4

    def build(self, inputs_shape: Any, *_: Any) -> None:
        """Make the weights; the bias of the forget gate is 1 (Jozefowicz et al. 2015, section 2.2)."""
        self._add_kernels(inputs_shape[-1])
        self.bias = self.add_weight(name="bias", shape=(4 * self.units,), initializer=self._first_bias)

    def _first_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        return tf.concat([tf.zeros([self.units]), tf.ones([self.units]), tf.zeros([2 * self.units])], 0)

    def call(self, inputs: Any, padding_mask: Any, training: bool = False) -> Any:
        """Return the output of every position."""
        projected = project(inputs, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))
        mask = padding_mask if self.is_reversed else None
        return lstm(projected, self._recurrent_kernel(training), padding_mask=mask, is_reversed=self.is_reversed)


@keras.saving.register_keras_serializable("slmcli")
class Gru(_WithRecurrentKernel):
    """`keras.layers.GRU` with the same weights in the same order, some of which can be dropped in training.

    Input shape: (length, batch, features), and padding_mask (length, batch) bool. Output shape: (length, batch, units); on padding,
    values without a meaning.
    """

    parts = 3

    def build(self, inputs_shape: Any, *_: Any) -> None:
        """Make the weights."""
        self._add_kernels(inputs_shape[-1])
        self.bias = self.add_weight(name="bias", shape=(2, 3 * self.units), initializer="zeros")

    def call(self, inputs: Any, padding_mask: Any, training: bool = False) -> Any:
        """Return the output of every position."""
        of_inputs, of_outputs = tf.unstack(tf.convert_to_tensor(self.bias))
        projected = project(inputs, tf.convert_to_tensor(self.kernel), of_inputs)
        mask = padding_mask if self.is_reversed else None
        return gru(projected, self._recurrent_kernel(training), of_outputs, padding_mask=mask, is_reversed=self.is_reversed)


@keras.saving.register_keras_serializable("slmcli")
class MinRnn(_Recurrent):
    """A recurrence whose gates look at the inputs alone, so that they are computed for all positions at once.

    Source: Bradbury et al. 2017, section 2: a QRNN with fo-pooling. Differs: the bias of the forget gate begins with 1.

    Input shape: (length, batch, features), zeros on padding, and padding_mask (length, batch) bool. Output shape: (length, batch,
    units); on padding, values without a meaning.

    Args:
        units: Memory cells.
        window: Inputs that a gate looks at: that of its position and those before.
        is_reversed: Whether it goes from the last position to the first; the inputs before are then those on the right.
    """

    def __init__(self, units: int, *, window: int = 2, **arguments: Any) -> None:
        super().__init__(units, **arguments)
        self.window = window

    def build(self, inputs_shape: Any, *_: Any) -> None:
        """Make the weights; columns: candidates, forget gate, output gate."""
        shape = (self.window * inputs_shape[-1], 3 * self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(3 * self.units,), initializer=self._first_bias)

    def _first_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        # our choice: as that of an LSTM, so that memory lasts at first
        return tf.concat([tf.zeros([self.units]), tf.ones([self.units]), tf.zeros([self.units])], 0)

    def call(self, inputs: Any, padding_mask: Any, training: bool = False) -> Any:
        """Return the output of every position."""
        mask = padding_mask if self.is_reversed else None
        options: dict[str, Any] = {"window": self.window, "padding_mask": mask, "is_reversed": self.is_reversed}
        return quasi_recurrent(inputs, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias), **options)

    def first_states(self, batch_size: int, features: int) -> tuple[Any, Any]:
        """Return what `step` begins with: the inputs before (batch, window - 1, features) and the cells (batch, units)."""
        return tf.zeros([batch_size, self.window - 1, features], self.compute_dtype), tf.zeros([batch_size, self.units])

    def step(self, inputs: Any, states: tuple[Any, Any]) -> tuple[Any, tuple[Any, Any]]:
        """Return the output (batch, units) of one position, inputs (batch, features), and the states after it; the same as `call`'s."""
        before, cells = states
        window = tf.concat([inputs[:, None], before], axis=1)  # (batch, window, features), the latest first
        joined = tf.reshape(window, [-1, self.window * inputs.shape[-1]])
        projected = project(joined[None], tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))[0]
        candidates, logits, output_gate = (tf.cast(part, tf.float32) for part in tf.split(projected, 3, axis=-1))
        kept = tf.sigmoid(logits)
        cells = kept * cells + (1.0 - kept) * tf.tanh(candidates)
        return tf.cast(tf.sigmoid(output_gate) * cells, self.compute_dtype), (window[:, :-1], cells)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "window": self.window}
