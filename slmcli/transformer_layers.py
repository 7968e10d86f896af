"""What stands between the products of a transformer, with gradients written out: TensorFlow's own take two to three times the operations."""

import math
from collections.abc import Callable
from typing import Any  # Any: Keras and TensorFlow tensors

import keras
import tensorflow as tf

Gradient = Callable[[Any], Any]


@keras.saving.register_keras_serializable("slmcli")
class LayerNormalization(keras.layers.LayerNormalization):
    """Layer normalisation over the last axis, computed in float32.

    Its name is that of Keras's, by which files of weights know it.

    Source: Ba, Kiros & Hinton 2016, section 3, equation 4. Input and output shape: (…, width).
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the normalised vectors."""
        if not training:
            return super().call(inputs)
        normalized = normalize(tf.cast(inputs, tf.float32), tf.convert_to_tensor(self.gamma), tf.convert_to_tensor(self.beta), self.epsilon)
        return tf.cast(normalized, self.compute_dtype)


@keras.saving.register_keras_serializable("slmcli")
class Gelu(keras.layers.Layer):
    """The Gaussian error linear unit, computed in float32.

    Source: Hendrycks & Gimpel 2016, section 2, by the error function. Input and output shape: any.
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Return the activations."""
        if not training:
            return keras.activations.gelu(inputs, approximate=False)
        return tf.cast(gelu(tf.cast(inputs, tf.float32)), self.compute_dtype)

    def compute_output_spec(self, inputs: Any, training: bool = False) -> Any:
        """Return the shape and dtype of the activations."""
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)


def normalize(inputs: Any, gamma: Any, beta: Any, epsilon: float) -> Any:
    """Return (…, width) float32: each vector less its mean, divided by its standard deviation, times `gamma`, plus `beta`, (width,) each."""

    @tf.custom_gradient
    def normalized(inputs: Any, gamma: Any, beta: Any) -> tuple[Any, Gradient]:
        centred = inputs - tf.reduce_mean(inputs, -1, keepdims=True)
        inverse = tf.math.rsqrt(tf.reduce_mean(tf.square(centred), -1, keepdims=True) + epsilon)
        scaled = centred * inverse

        def gradient(above: Any) -> tuple[Any, Any, Any]:
            weighted = above * scaled
            before = list(range(len(above.shape) - 1))
            of_scaled = above * gamma
            means = tf.reduce_mean(of_scaled, -1, keepdims=True), tf.reduce_mean(weighted * gamma, -1, keepdims=True)
            return inverse * (of_scaled - means[0] - scaled * means[1]), tf.reduce_sum(weighted, before), tf.reduce_sum(above, before)

        return scaled * gamma + beta, gradient

    return normalized(inputs, gamma, beta)


@tf.custom_gradient
def gelu(inputs: Any) -> tuple[Any, Gradient]:
    """Return float32 inputs times the share of a normal distribution that is below them."""
    share = 0.5 + 0.5 * tf.math.erf(inputs * math.sqrt(0.5))

    def gradient(above: Any) -> Any:
        density = tf.exp(tf.square(inputs) * -0.5) * (1.0 / math.sqrt(2.0 * math.pi))
        return above * (share + inputs * density)

    return inputs * share, gradient
