"""What tasks about one text, or about two that one backbone reads, have in common: their features, and a head on the backbone."""

import abc
from collections.abc import Sequence
from typing import Any  # Any: tensors and models; TensorFlow is not imported here

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.reading import Example
from slmcli.tasks.base import TrainableTask, truncate
from slmcli.training_config import HeadSettings


class TextTask(TrainableTask):
    """A trainable task about one text, or about two that one backbone reads: each becomes a feature of its own."""

    def texts(self, example: Example) -> list[str]:
        """Return each text."""
        return [example.values.get(field.name) or "" for field in self.fields if field.kind == "text" and not field.is_target]

    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return the token ids of each text, cut by itself, and the target when the example has one."""
        cut = (truncate(stream, encoding) for stream in streams)
        return {**dict(zip(self.token_features, cut, strict=True)), **(self.target(example) if self.has_target(example) else {})}

    @abc.abstractmethod
    def target(self, example: Example) -> dict[str, np.ndarray]:
        """Return the features of an example's target."""

    @abc.abstractmethod
    def describe_target(self) -> dict[str, Any]:
        """Return how `tf.io.parse_example` finds the features of the target."""

    def parse_batch(self, serialized: Any) -> dict[str, Any]:
        """Return the input features, ragged (batch, length) int32, and the targets of serialized examples (batch,)."""
        import tensorflow as tf

        described = dict.fromkeys(self.input_features, tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64))
        features = tf.io.parse_example(serialized, {**described, **self.describe_target()})
        return {name: tf.cast(value, tf.int32) if value.dtype == tf.int64 else value for name, value in features.items()}

    def build_model(self, backbone: Any, head: HeadSettings, *, length: int | None, is_non_negative: bool = False) -> Any:
        """Return a model from the token ids of each text, (batch, length) int32, to outputs (batch, width) float32.

        Two texts are read by one backbone and pooled to u and v; u, v, |u - v| and u * v go into the head.
        Source: Conneau et al. 2017, section 3.3.

        Args:
            backbone: Model from [token_ids, padding_mask] to (batch, length, hidden), or (batch, hidden) that it has pooled.
            head: `pool`: masked pooling over all positions, any length. `flatten`: max pooling in windows, flattened, as in
                the usual Conv1D tutorial; needs one fixed `length`.
            length: The fixed length in tokens, or None for any.
            is_non_negative: Whether no output of the backbone is below zero.
        """
        import keras

        inputs = {name: keras.Input((length,), dtype="int32", name=name) for name in self.token_features}
        texts = list(inputs.values())
        if len(texts) == 1:
            pooled = _pool(backbone, texts[0], head, is_non_negative=is_non_negative)
        else:
            text = keras.Input((length,), dtype="int32", name="token_ids")
            encoder = keras.Model(text, _pool(backbone, text, head, is_non_negative=is_non_negative), name="encoder")
            first, second = map(encoder, texts)
            parts = [first, second, keras.ops.abs(first - second), first * second]
            pooled = keras.layers.Concatenate(name="comparison")(parts)  # (batch, 4 * hidden)
        if head.dense:
            pooled = keras.layers.Dense(head.dense, activation="relu", name="dense")(pooled)
        pooled = keras.layers.Dropout(head.dropout, name="dropout")(pooled)
        outputs = keras.layers.Dense(self.width, dtype="float32", name="logits")(pooled)  # (batch, width)
        return keras.Model(inputs if len(texts) > 1 else texts[0], outputs, name=self.name)


def _pool(backbone: Any, token_ids: Any, head: HeadSettings, *, is_non_negative: bool) -> Any:
    """Return one vector (batch, hidden) for a text; wider with several poolings, or when flattened."""
    import keras

    from slmcli.layers import PaddingMask, masked_pooling

    padding_mask = PaddingMask(name="padding_mask")(token_ids)  # (batch, length) bool
    hidden = backbone([token_ids, padding_mask])  # (batch, length, hidden), or (batch, hidden) pooled already
    if len(hidden.shape) == 2:
        return hidden
    if head.head == "flatten":
        windows = keras.layers.MaxPooling1D(head.pool_size, padding="same", name="max_pooling")(hidden)
        return keras.layers.Flatten(name="flatten")(windows)  # (batch, length / pool_size * hidden)
    return masked_pooling(hidden, padding_mask, kind=head.pooling or "max_mean", is_non_negative=is_non_negative)
