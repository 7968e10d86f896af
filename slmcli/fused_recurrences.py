"""A whole recurrence as one operation of a graph, for a format that has such an operation."""

from collections.abc import Sequence
from typing import Any, Literal  # Any: TensorFlow tensors and variables

import tensorflow as tf

OPERATION = "CudnnRNNV3"
# kind of recurrence to the mode of cuDNN that stands for it; cuDNN has no quasi-recurrent one
MODES = {"lstm": "lstm", "gru": "gru", "quasi": "rnn_tanh"}


def fused(inputs: Any, padding_mask: Any, kind: Literal["lstm", "gru", "quasi"], weights: Sequence[Any], *, hidden: int, is_reversed: bool) -> Any:
    """Return the outputs of a recurrence as the one operation that a converter puts its own in the place of.

    TensorFlow's only operation for a whole recurrence that is reversed within the length of each row is that of cuDNN. It is never
    computed here: a converter reads its weights, which lie one after the other in their own form, not in that of cuDNN.

    Args:
        inputs: (length, batch, features) float32.
        padding_mask: (length, batch) bool; padding stands at the end.
        kind: What it is.
        weights: Kernel (features, parts * hidden), recurrent kernel (hidden, parts * hidden), and bias, (parts * hidden,) or (2, parts * hidden);
            a quasi-recurrent one has no recurrent kernel.
        hidden: Width of the outputs.
        is_reversed: Go from the last position of each row to the first.

    Returns:
        (length, batch, hidden) float32.
    """
    with tf.init_scope():  # values, not variables: the converter needs them as constants
        packed = tf.concat([tf.reshape(weight, [-1]) for weight in weights], 0).numpy()
    zeros = tf.zeros([1, tf.shape(inputs)[1], hidden])
    lengths = tf.reduce_sum(tf.cast(padding_mask, tf.int32), 0)
    outputs = tf.raw_ops.CudnnRNNV3(
        input=inputs,
        input_h=zeros,
        input_c=zeros if kind == "lstm" else tf.constant([]),
        params=tf.constant(packed),
        sequence_lengths=lengths,
        rnn_mode=MODES[kind],
        is_training=False,
        seed=int(is_reversed),  # the only attribute that can say it
    ).output
    outputs.set_shape([*inputs.shape[:2], hidden])
    return outputs
