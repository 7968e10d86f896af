"""One label for one text: sentiment, topic, and whatever else has named classes."""

from collections.abc import Mapping, Sequence
from typing import Any  # Any: tensors and models; TensorFlow is not imported here

import numpy as np

from slmcli.config import EncodingSettings, HeadSettings
from slmcli.fields import LABEL, TEXT
from slmcli.reading import Example
from slmcli.tasks.base import TrainableTask, integers, truncate


class Classification(TrainableTask):
    """Choose one of several labels."""

    fields = (TEXT, LABEL)
    takes_ngrams = True

    def texts(self, example: Example) -> list[str]:
        """Return the one text."""
        return [example.text]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return `token_ids`, and `label` as one id when the example has a label."""
        features = {"token_ids": truncate(streams[0], encoding)}
        return features if example.label is None else {**features, "label": integers([self.label_ids[example.label]])}

    def labels_of(self, example: Example) -> list[str]:
        """Return the one label."""
        return [] if example.label is None else [example.label]

    def parse(self, serialized: Any) -> dict[str, Any]:
        """Return the input features (length,) int32 and `label` () int32 of one serialized example."""
        import tensorflow as tf

        described = dict.fromkeys(self.input_features, tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64))
        features = tf.io.parse_single_example(serialized, {**described, "label": tf.io.FixedLenFeature([], tf.int64)})
        return {name: tf.cast(value, tf.int32) for name, value in features.items()}

    def make_batch(self, features: Mapping[str, Any], label_weights: Any) -> tuple[Any, Any, Any]:
        """Return the inputs, one-hot targets (batch, classes) float32, sample_weight (batch,) float32."""
        import tensorflow as tf

        targets = tf.one_hot(features["label"], len(self.labels))
        return self.inputs(features), targets, tf.gather(label_weights, features["label"])

    def build_model(self, backbone: Any, head: HeadSettings, *, length: int | None) -> Any:
        """Return a model from token_ids (batch, length) int32 to logits (batch, classes) float32.

        Args:
            backbone: Model from [token_ids, padding_mask] to (batch, length, hidden).
            head: `pool`: masked pooling over all positions, any length. `flatten`: max pooling in windows, flattened, as in
                the usual Conv1D tutorial; needs one fixed `length`.
            length: The fixed length in tokens, or None for any.
        """
        import keras

        from slmcli.layers import PaddingMask, masked_pooling

        token_ids = keras.Input((length,), dtype="int32", name="token_ids")
        padding_mask = PaddingMask(name="padding_mask")(token_ids)  # (batch, length) bool
        hidden = backbone([token_ids, padding_mask])  # (batch, length, hidden)
        if head.head == "flatten":
            windows = keras.layers.MaxPooling1D(head.pool_size, padding="same", name="max_pooling")(hidden)
            pooled = keras.layers.Flatten(name="flatten")(windows)  # (batch, length / pool_size * hidden)
        else:
            pooled = masked_pooling(hidden, padding_mask, kind=head.pooling or "max_mean")  # (batch, hidden) or twice as wide
        if head.dense:
            pooled = keras.layers.Dense(head.dense, activation="relu", name="dense")(pooled)
        pooled = keras.layers.Dropout(head.dropout, name="dropout")(pooled)
        logits = keras.layers.Dense(len(self.labels), dtype="float32", name="logits")(pooled)  # (batch, classes)
        return keras.Model(token_ids, logits, name=self.name)

    def compile_arguments(self, *, label_smoothing: float) -> dict[str, Any]:
        """Return cross-entropy on logits, and accuracy weighted as the loss is."""
        import keras

        return {
            "loss": keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=label_smoothing),
            "weighted_metrics": [keras.metrics.CategoricalAccuracy(name="accuracy")],
        }

    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Return `label`, its probability `score`, and the probabilities of all labels as `scores`.

        Args:
            outputs: (classes,) probabilities.
        """
        best = int(outputs.argmax())
        scores = {label: round(float(score), 6) for label, score in zip(self.labels, outputs, strict=True)}
        return {"label": self.labels[best], "score": scores[self.labels[best]], "scores": scores}


class Sentiment(Classification):
    """What a text feels about its subject."""

    name = "sentiment"
    description = "what a text feels about its subject: positive, negative, or any labels of your own"


class Topic(Classification):
    """What a text is about."""

    name = "topic"
    description = "what a text is about: news sections, intents, spam, or any labels of your own"
