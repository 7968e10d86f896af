"""XLA for a training: forward and backward pass as one compiled program, the update outside it."""

import types
from typing import Any  # Any: Keras models and tensors

import tensorflow as tf

from slmcli.tracing import compilation


def compile_gradients(model: Any) -> None:
    """Let a compiled Keras model compute its gradients with XLA from now on; call it before the first `fit`.

    The update stays outside: the rows of a sparse gradient are counted at run time, and XLA knows fixed shapes only. Every
    shape of a batch is compiled once. Metrics stay outside too.
    """

    @tf.function(jit_compile=True, reduce_retracing=True, autograph=False)
    def gradients(inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any, Any]:
        with tf.GradientTape() as tape, compilation():
            outputs = model(inputs, training=True)
            loss = model.compute_loss(x=inputs, y=targets, y_pred=outputs, sample_weight=weights, training=True)
            scaled = model.optimizer.scale_loss(loss)
        return outputs, loss, tape.gradient(scaled, model.trainable_weights)

    def train_step(self: Any, batch: tuple[Any, Any, Any]) -> dict[str, Any]:
        inputs, targets, weights = batch
        outputs, loss, changes = gradients(inputs, targets, weights)
        self.optimizer.apply_gradients(zip(changes, self.trainable_weights, strict=True))
        for metric in self.metrics:
            if metric.name == "loss":
                # Keras has divided the loss by the number of devices, so that their gradients can be added up
                metric.update_state(loss * tf.distribute.get_strategy().num_replicas_in_sync, sample_weight=tf.shape(targets)[0])
        return self.compute_metrics(inputs, targets, outputs, weights)

    model.train_step = types.MethodType(train_step, model)
