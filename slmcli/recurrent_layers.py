"""Keras layers that read a text step by step. They are time-major: (length, batch, …)."""

from collections.abc import Sequence
from typing import Any, ClassVar  # Any: Keras tensors

import keras
import tensorflow as tf
from keras import ops

from slmcli.fused_recurrences import fused
from slmcli.gated_recurrences import gru, gru_step, lstm, lstm_step
from slmcli.layers import UsesPaddingMask
from slmcli.projections import project, see
from slmcli.recurrences import Carried, quasi_recurrent
from slmcli.tracing import is_fusing, traced_part


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
    """What the recurrent layers share: a size, a direction, and states that can be carried from one window of a text into the next.

    Where documents are packed, a third tensor says where one begins: (length, batch) bool. The length is then a multiple of 16.
    """

    time_axis: ClassVar[int] = 0

    def __init__(self, units: int, *, is_reversed: bool = False, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.units = units
        self.is_reversed = is_reversed
        self._features = 0
        # variables of each part of a step, once they are carried, and the share of rows that forget them
        self._kept: list[list[Any]] = []
        self._forgotten = 0.0

    def carry(self, rows: Sequence[int], *, forgotten: float = 0.0, seed: int = 0) -> None:
        """Begin from now on with the states at the end of the last batch, which has as many rows as every batch; they are not saved.

        Cells that never change would otherwise keep what the first steps left there, and the model count on it, which a text that
        begins with nothing does not have.

        Args:
            rows: Rows of each part of every batch; one number where it is not divided (`divided_steps`).
            forgotten: Share of the rows that begin with nothing, drawn for each batch in training.
            seed: Seed of the draws; layers with the same one forget the same rows.
        """
        self._tracker.unlock()
        self._forgotten = forgotten
        if forgotten:
            self.row_generator = keras.random.SeedGenerator(seed)
        options: dict[str, Any] = {"initializer": "zeros", "trainable": False, "dtype": "float32", "autocast": False}
        for part, size in enumerate(rows):
            states = self.first_states(size, self._features)
            self._kept.append([self.add_weight(name=f"state_{part}_{place}", shape=state.shape, **options) for place, state in enumerate(states)])
        self._tracker.lock()

    @property
    def kept(self) -> list[Any]:
        """The variables of what is carried."""
        return [state for part in self._kept for state in part]

    def save_own_variables(self, store: Any) -> None:
        """Put the weights into a file, without what is carried."""
        own = [*self._trainable_variables, *self._non_trainable_variables]
        for place, weight in enumerate(weight for weight in own if all(weight is not kept for kept in self.kept)):
            store[str(place)] = weight

    def first_states(self, batch_size: int, features: int) -> list[Any]:
        """Return what `step` begins with, float32 (batch, …) each."""
        raise NotImplementedError

    def _begin(self, batch_size: Any, training: bool) -> Any:
        """Return the states at the beginning of a batch."""
        if not self._kept:
            return self.first_states(batch_size, self._features)
        states = [state.value for state in self._kept[traced_part()]]
        if not (training and self._forgotten):
            return states
        chances = tf.random.stateless_uniform([states[0].shape[0]], ops.cast(self.row_generator.next(), "int32"))
        is_known = tf.cast(chances >= self._forgotten, tf.float32)
        return [state * tf.reshape(is_known, [-1, *([1] * (len(state.shape) - 1))]) for state in states]

    def _going_on(self, starts: Any, padding_mask: Any) -> Any:
        """Return (length, batch, 1) float32, 0 at positions that see nothing of the one that is read before them, else 1.

        That is where a document begins; for a layer that goes from the last position to the first, where one ends.
        """
        if self.is_reversed:
            is_apart = tf.logical_or(starts, tf.logical_not(padding_mask))
            starts = tf.concat([is_apart[1:], tf.zeros_like(is_apart[:1])], 0)
        return 1.0 - tf.cast(tf.expand_dims(starts, -1), tf.float32)

    def _end(self, states: Sequence[Any]) -> None:
        """Keep the states at the end of a batch, if they are carried."""
        if not self._kept:
            return
        for variable, state in zip(self._kept[traced_part()], states, strict=True):
            variable.assign(tf.cast(state, tf.float32))

    def compute_output_spec(self, inputs: Any, padding_mask: Any, starts: Any = None, training: bool = False) -> Any:
        """Return the shape and dtype of the outputs."""
        return keras.KerasTensor((*inputs.shape[:2], self.units), dtype=self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "units": self.units, "is_reversed": self.is_reversed}


class _WithRecurrentKernel(_Recurrent):
    """A layer whose gates also look at the outputs before, through weights of which some can be dropped in training.

    Source of the dropping: Merity et al. 2018, section 2: DropConnect on the recurrent kernel, the same weights for all rows of a
    batch, or of a part of it.
    """

    parts: ClassVar[int]

    def __init__(self, units: int, *, weight_dropout: float = 0.0, **arguments: Any) -> None:
        super().__init__(units, **arguments)
        self.weight_dropout = weight_dropout
        if weight_dropout:
            self.seed_generator = keras.random.SeedGenerator()

    def _add_kernels(self, features: int) -> None:
        self._features = features
        self.kernel = self.add_weight(name="kernel", shape=(features, self.parts * self.units), initializer="glorot_uniform")
        shape = (self.units, self.parts * self.units)
        self.recurrent_kernel = self.add_weight(name="recurrent_kernel", shape=shape, initializer="orthogonal")

    @property
    def _weights(self) -> list[Any]:
        return [self.kernel, self.recurrent_kernel, self.bias]

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

    def call(self, inputs: Any, padding_mask: Any, starts: Any = None, training: bool = False) -> Any:
        """Return the output of every position."""
        if is_fusing():
            return fused(inputs, padding_mask, "lstm", self._weights, hidden=self.units, is_reversed=self.is_reversed)
        projected = project(inputs, tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))
        kernel = self._recurrent_kernel(training)
        if starts is None:
            mask = padding_mask if self.is_reversed else None
            return lstm(projected, kernel, padding_mask=mask, is_reversed=self.is_reversed)
        carried = Carried(self._begin(tf.shape(inputs)[1], training), self._going_on(starts, padding_mask))
        outputs, states = lstm(projected, kernel, carried=carried, is_reversed=self.is_reversed)
        self._end(states)
        return outputs

    def first_states(self, batch_size: int, features: int) -> list[Any]:
        """Return the output and the cell before, (batch, units) float32 each."""
        return [tf.zeros([batch_size, self.units]), tf.zeros([batch_size, self.units])]

    def step(self, inputs: Any, states: Sequence[Any], *_: Any) -> tuple[Any, list[Any]]:
        """Return the output (batch, units) of one position, inputs (batch, features), and the states after it."""
        projected = project(inputs[None], tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))[0]
        after = lstm_step(tf.convert_to_tensor(self.recurrent_kernel))([tf.cast(projected, tf.float32)], states)[1]
        return tf.cast(after[0], self.compute_dtype), list(after)


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

    def call(self, inputs: Any, padding_mask: Any, starts: Any = None, training: bool = False) -> Any:
        """Return the output of every position."""
        if is_fusing():
            return fused(inputs, padding_mask, "gru", self._weights, hidden=self.units, is_reversed=self.is_reversed)
        of_inputs, of_outputs = tf.unstack(tf.convert_to_tensor(self.bias))
        projected = project(inputs, tf.convert_to_tensor(self.kernel), of_inputs)
        kernel = self._recurrent_kernel(training)
        if starts is None:
            mask = padding_mask if self.is_reversed else None
            return gru(projected, kernel, of_outputs, padding_mask=mask, is_reversed=self.is_reversed)
        carried = Carried(self._begin(tf.shape(inputs)[1], training), self._going_on(starts, padding_mask))
        outputs, states = gru(projected, kernel, of_outputs, carried=carried, is_reversed=self.is_reversed)
        self._end(states)
        return outputs

    def first_states(self, batch_size: int, features: int) -> list[Any]:
        """Return the output before, (batch, units) float32."""
        return [tf.zeros([batch_size, self.units])]

    def step(self, inputs: Any, states: Sequence[Any], *_: Any) -> tuple[Any, list[Any]]:
        """Return the output (batch, units) of one position, inputs (batch, features), and the state after it."""
        of_inputs, of_outputs = tf.unstack(tf.convert_to_tensor(self.bias))
        projected = project(inputs[None], tf.convert_to_tensor(self.kernel), of_inputs)[0]
        step = gru_step(tf.convert_to_tensor(self.recurrent_kernel), tf.cast(of_outputs, tf.float32))
        after = step([tf.cast(projected, tf.float32)], states)[1]
        return tf.cast(after[0], self.compute_dtype), list(after)


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
        self._features = inputs_shape[-1]
        shape = (self.window * inputs_shape[-1], 3 * self.units)
        self.kernel = self.add_weight(name="kernel", shape=shape, initializer="glorot_uniform")
        self.bias = self.add_weight(name="bias", shape=(3 * self.units,), initializer=self._first_bias)

    def _first_bias(self, shape: Sequence[int], dtype: Any = None) -> Any:
        # our choice: as that of an LSTM, so that memory lasts at first
        return tf.concat([tf.zeros([self.units]), tf.ones([self.units]), tf.zeros([self.units])], 0)

    def call(self, inputs: Any, padding_mask: Any, starts: Any = None, training: bool = False) -> Any:
        """Return the output of every position."""
        if is_fusing():
            seen = see(inputs, window=self.window, is_reversed=self.is_reversed)
            return fused(seen, padding_mask, "quasi", [self.kernel, self.bias], hidden=self.units, is_reversed=self.is_reversed)
        weights = tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias)
        if starts is None:
            mask = padding_mask if self.is_reversed else None
            return quasi_recurrent(inputs, *weights, window=self.window, padding_mask=mask, is_reversed=self.is_reversed)
        before, cells = self._begin(tf.shape(inputs)[1], training)
        going_on = self._going_on(starts, padding_mask)
        seen, before = self._see(inputs, before, going_on)
        carried = Carried([cells], going_on)
        outputs, states = quasi_recurrent(seen, *weights, window=1, carried=carried, is_reversed=self.is_reversed)
        self._end([before, *states])
        return outputs

    def _see(self, inputs: Any, before: Any, going_on: Any) -> tuple[Any, Any]:
        """Return (length, batch, window * features), what each position sees of its document, and the last inputs, the latest first."""
        if self.is_reversed:
            seen, last = self._look_back(tf.reverse(inputs, [0]), before, tf.reverse(going_on, [0]))
            return tf.reverse(seen, [0]), last
        return self._look_back(inputs, before, going_on)

    def _look_back(self, inputs: Any, before: Any, going_on: Any) -> tuple[Any, Any]:
        """Return what `_see` does, for the direction in which positions follow each other."""
        earlier = tf.reverse(tf.transpose(tf.cast(before, inputs.dtype), [1, 0, 2]), [0])  # (window - 1, batch, features), in their order
        joined = tf.concat([earlier, inputs], 0)
        length, parts, is_same = tf.shape(inputs)[0], [inputs], tf.cast(going_on, inputs.dtype)
        same = is_same
        for distance in range(1, self.window):
            parts.append(joined[self.window - 1 - distance :][:length] * same)
            same *= tf.concat([tf.ones_like(is_same[:distance]), is_same[:-distance]], 0)
        # of the last inputs the next window sees those of the same document alone
        marks = tf.concat([tf.ones_like(earlier[..., :1]), is_same], 0)[length:]
        last = tf.reverse(joined[length:], [0]) * tf.math.cumprod(tf.reverse(marks, [0]), exclusive=True)
        last = tf.transpose(last, [1, 0, 2])
        seen = tf.concat(parts, -1)
        seen.set_shape([*inputs.shape[:2], self.window * inputs.shape[-1]])
        return seen, last

    def first_states(self, batch_size: int, features: int) -> list[Any]:
        """Return the inputs before (batch, window - 1, features), the latest first, and the cells (batch, units), float32."""
        return [tf.zeros([batch_size, self.window - 1, features]), tf.zeros([batch_size, self.units])]

    def step(self, inputs: Any, states: Sequence[Any], *_: Any) -> tuple[Any, list[Any]]:
        """Return the output (batch, units) of one position, inputs (batch, features), and the states after it; the same as `call`'s."""
        before, cells = tf.cast(states[0], inputs.dtype), states[1]
        window = tf.concat([inputs[:, None], before], axis=1)  # (batch, window, features), the latest first
        joined = tf.reshape(window, [-1, self.window * inputs.shape[-1]])
        projected = project(joined[None], tf.convert_to_tensor(self.kernel), tf.convert_to_tensor(self.bias))[0]
        candidates, logits, output_gate = (tf.cast(part, tf.float32) for part in tf.split(projected, 3, axis=-1))
        kept = tf.sigmoid(logits)
        cells = kept * cells + (1.0 - kept) * tf.tanh(candidates)
        return tf.cast(tf.sigmoid(output_gate) * cells, self.compute_dtype), [tf.cast(window[:, :-1], tf.float32), cells]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "window": self.window}
