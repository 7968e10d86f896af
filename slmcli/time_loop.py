"""A loop over time for a processor, where starting an operation costs more than its arithmetic: several steps share one iteration."""

from collections.abc import Callable, Sequence
from typing import Any  # Any: TensorFlow tensors and dtypes

import tensorflow as tf

from slmcli.tracing import is_converting

# our choice: 16 and 32 steps an iteration are equally fast, 8 are slower; 16 waste less on short texts (docs/decisions.md)
STEPS = 16
# values of one position, states before it -> what is kept of the position, states after it
Step = Callable[[Sequence[Any], Sequence[Any]], tuple[Sequence[Any], Sequence[Any]]]


def loop_over_time(
    step: Step,
    sequences: Sequence[Any],
    *,
    states: Sequence[int],
    outputs: Sequence[int],
    initial: Sequence[Any] | None = None,
    dtype: Any = tf.float32,
    is_reversed: bool = False,
    filler: float = 0.0,
) -> tuple[list[Any], list[Any]]:
    """Call `step` at every position, one after the other.

    No gradient is defined; who calls this writes it out.

    Args:
        step: What happens at a position; values and states are float32.
        sequences: (length, batch, any width).
        states: Width of each state.
        initial: What they begin with, each (batch, width) float32; zeros if it is left out.
        outputs: Width of each output, or of the first ones alone when the others are not needed.
        dtype: Type of the outputs.
        is_reversed: Go from the last position to the first.
        filler: Value of the positions that are added at the end, to make the length a multiple of the steps of an iteration.

    Returns:
        The outputs, each (length, batch, width), and the states after the last position, each (batch, width): of use only where the
        length is a multiple of `STEPS`, so that no position was added.
    """
    shape = tf.shape(sequences[0])
    blocks = tf.maximum(1, -(-shape[0] // STEPS))
    padded = [_pad(sequence, blocks * STEPS - shape[0], filler) for sequence in sequences]

    def one_block(done: Any, states: Sequence[Any], arrays: Sequence[Any]) -> tuple[Any, Sequence[Any], Sequence[Any]]:
        block = blocks - 1 - done if is_reversed else done
        found, states = _one_block(step, [_cut(sequence, block) for sequence in padded], states, is_reversed)
        return done + 1, states, [_write(array, block, values) for array, values in zip(arrays, found, strict=False)]

    first = list(initial) if initial is not None else [tf.zeros([shape[1], width]) for width in states]
    arrays = [_array(blocks, [STEPS, sequences[0].shape[1], width], shape[1], dtype) for width in outputs]
    _, last, arrays = tf.while_loop(lambda done, *_: done < blocks, one_block, (0, first, arrays), parallel_iterations=1)
    return [_join(array, width, sequences[0]) for array, width in zip(arrays, outputs, strict=True)], last


def _one_block(step: Step, values: Sequence[Any], states: Sequence[Any], is_reversed: bool) -> tuple[list[Any], Sequence[Any]]:
    """Call `step` at the positions of a block; return each output as (steps, batch, width), and the states after it."""
    positions = list(zip(*(tf.unstack(each, num=STEPS) for each in values), strict=True))
    found = []
    for position in reversed(positions) if is_reversed else positions:
        kept, states = step(position, states)
        found.append(kept)
    return [tf.stack(each) for each in zip(*(reversed(found) if is_reversed else found), strict=True)], states


def _cut(sequence: Any, block: Any) -> Any:
    """Return one block of a sequence in float32; TensorFlow copies nothing when it slices the first dimension."""
    return tf.cast(tf.slice(sequence, [block * STEPS, 0, 0], [STEPS, -1, -1]), tf.float32)


def _pad(sequence: Any, positions: Any, filler: float) -> Any:
    """Add positions at the end; without any, copy nothing."""
    paddings = [[0, positions], [0, 0], [0, 0]]
    return tf.cond(positions > 0, lambda: tf.pad(sequence, paddings, constant_values=tf.cast(filler, sequence.dtype)), lambda: sequence)


def _array(blocks: Any, shape: list[int | None], batch: Any, dtype: Any) -> Any:
    """Return what holds the outputs of all blocks, each (steps, batch, width)."""
    if is_converting():
        return tf.zeros(tf.stack([blocks, shape[0], batch, shape[2]]), dtype)
    return tf.TensorArray(dtype, blocks, element_shape=shape)


def _write(array: Any, block: Any, values: Any) -> Any:
    if isinstance(array, tf.TensorArray):
        return array.write(block, values)
    return tf.tensor_scatter_nd_update(array, tf.reshape(block, [1, 1]), tf.expand_dims(values, 0))


def _join(array: Any, width: int, sequence: Any) -> Any:
    """Return the outputs (length, batch, width), without the positions that were added."""
    blocks = array.stack() if isinstance(array, tf.TensorArray) else array
    length, batch = tf.unstack(tf.shape(sequence)[:2])
    joined = tf.reshape(blocks, [-1, batch, width])[:length]
    joined.set_shape([*sequence.shape[:2], width])
    return joined
