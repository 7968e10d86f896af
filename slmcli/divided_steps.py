"""A training step divided among the threads of a processor: each takes some rows from the first operation to the last."""

import types
from collections.abc import Callable, Sequence
from typing import Any  # Any: Keras models and tensors

import tensorflow as tf

from slmcli.tracing import part_of_step


def divide_steps(model: Any, parts: int) -> None:
    """Let a compiled Keras model that says what its predictions cost compute its gradients part by part; call it before the first `fit`.

    The operations of a small model are too short for several threads: they wait for each other longer than they work. As parts, which
    need nothing of each other, each thread does its own. The gradient is that of the whole step, but for rounding, and for what layers
    draw at random, which they draw for each part anew.

    Args:
        model: From inputs to costs (rows, length), trained by their weighted mean (`MeanCost`).
        parts: At most as many as there are rows.
    """

    def train_step(self: Any, batch: tuple[Any, Any, Any]) -> dict[str, Any]:
        total = tf.reduce_sum(batch[2])
        found = [_gradients(self, part, total, number) for number, part in enumerate(_divide(batch, parts))]
        losses, changes = zip(*found, strict=True)
        self.optimizer.apply_gradients(zip(map(_add, zip(*changes, strict=True)), self.trainable_weights, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(tf.add_n(losses), sample_weight=tf.shape(batch[1])[0])
        return self.get_metrics_result()

    def test_step(self: Any, batch: tuple[Any, Any, Any]) -> dict[str, Any]:
        inputs, targets, weights = batch
        loss = self.compute_loss(inputs, targets, call(inputs), weights, training=False)
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss, sample_weight=tf.shape(targets)[0])
        return self.get_metrics_result()

    call = divided_call(model, parts)
    model.train_step, model.test_step = types.MethodType(train_step, model), types.MethodType(test_step, model)


def divided_call(model: Any, parts: int) -> Callable[[Any], Any]:
    """Return a function of inputs that says what predictions cost (rows, length), outside training, computed part by part."""

    def call(part: Any, number: int) -> Any:
        with part_of_step(number):
            return model(part, training=False)

    if parts == 1:
        return lambda inputs: model(inputs, training=False)
    return lambda inputs: tf.concat([call(part, number) for number, part in enumerate(_divide(inputs, parts))], 0)


def part_sizes(rows: int, parts: int) -> list[int]:
    """Return how many rows each part has; they differ by one at most."""
    return [rows // parts + (number < rows % parts) for number in range(parts)]


def _divide(batch: Any, parts: int) -> list[Any]:
    """Return batches of a part of the rows each."""
    tensors = tf.nest.flatten(batch)
    sizes = part_sizes(tensors[0].shape[0], parts)
    divided = [tf.split(tensor, sizes) for tensor in tensors]
    return [tf.nest.pack_sequence_as(batch, part) for part in zip(*divided, strict=True)]


def _gradients(model: Any, part: tuple[Any, Any, Any], total: Any, number: int) -> tuple[Any, Any]:
    """Return the share of a part in the mean cost of a step whose weights add up to `total`, and its gradients."""
    inputs, _, weights = part
    with tf.GradientTape() as tape, part_of_step(number):
        costs = tf.cast(model(inputs, training=True), tf.float32)
        loss = tf.math.divide_no_nan(tf.reduce_sum(costs * weights), total)
        scaled = model.optimizer.scale_loss(loss)
    return loss, tape.gradient(scaled, model.trainable_weights)


def _add(gradients: Sequence[Any]) -> Any:
    """Add up the gradients of one weight: sparse ones as rows one behind the other."""
    if not isinstance(gradients[0], tf.IndexedSlices):
        return tf.add_n(gradients)
    rows = [tf.concat([getattr(gradient, name) for gradient in gradients], 0) for name in ("values", "indices")]
    return tf.IndexedSlices(*rows, gradients[0].dense_shape)
