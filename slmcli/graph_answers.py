"""What a task says of a model's outputs, inside a TensorFlow graph: the same as `probabilities` and `decode` of the task."""

from typing import Any  # Any: tensors

import numpy as np
import tensorflow as tf

from slmcli.tasks.base import TrainableTask
from slmcli.thresholds import DEFAULT


def probabilities(task: TrainableTask, outputs: Any) -> Any:
    """Return (batch, width) float32, what `task.probabilities` makes of outputs (batch, width) float32."""
    if task.output_loss == "softmax":
        return tf.nn.softmax(outputs)
    return 0.5 + 0.5 * tf.tanh(0.5 * outputs) if task.output_loss == "sigmoid" else outputs


def answers(task: TrainableTask, said: Any) -> dict[str, Any]:
    """Return what `task.decode` reads out of (batch, width) float32 probabilities.

    Returns:
        For one label: `label` (batch,) string, `score` (batch,) float32, its probability, and `scores` (batch, labels) float32, of all
        labels in their order. For any number of labels: `labels` (batch, most) string, those that fit and behind them empty ones, and
        `scores`. For a number: `score` (batch,) float32, and `label` (batch,) int64, the nearest of few whole numbers.
    """
    if task.output_loss == "softmax":
        return _one_label(task, said)
    return _labels(task, said) if task.output_loss == "sigmoid" else _number(task, said)


def _one_label(task: TrainableTask, said: Any) -> dict[str, Any]:
    threshold = task.learned.get("threshold")
    chosen = tf.argmax(said, 1) if threshold is None else tf.cast(said[:, 1] >= np.float32(threshold), tf.int64)
    return {"label": tf.gather(tf.constant(task.labels), chosen), "score": tf.gather(said, chosen, batch_dims=1), "scores": said}


def _labels(task: TrainableTask, said: Any) -> dict[str, Any]:
    thresholds = np.broadcast_to(np.array(task.learned.get("thresholds", DEFAULT), np.float64), (task.width,))
    fits = tf.cast(said, tf.float64) >= tf.constant(thresholds)
    names = tf.broadcast_to(tf.constant(task.labels), tf.shape(fits))
    return {"labels": tf.ragged.boolean_mask(names, fits).to_tensor(""), "scores": said}


def _number(task: TrainableTask, said: Any) -> dict[str, Any]:
    mean, scale = task.learned.get("mean", 0.0), task.learned.get("scale", 1.0)
    numbers = tf.cast(said[:, 0], tf.float64) * scale + mean
    steps = task.learned.get("steps")
    if not steps:
        return {"score": tf.cast(numbers, tf.float32)}
    numbers = tf.clip_by_value(numbers, np.float64(steps[0]), np.float64(steps[-1]))
    nearest = tf.argmin(tf.abs(numbers[:, None] - tf.constant(steps, tf.float64)), 1)
    return {"label": tf.gather(tf.constant(steps, tf.int64), nearest), "score": tf.cast(numbers, tf.float32)}
