"""What every task answers, and how a text is cut to length."""

import abc
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar  # Any: tensors, models and JSON documents; TensorFlow is not imported here

import numpy as np

from slmcli.config import EncodingSettings, HeadSettings
from slmcli.tokenizers.base import Tokenizer


class Task(abc.ABC):
    """What a model is trained to do. Methods answer questions; none trains, saves or prints.

    Importing a task never imports TensorFlow: heads are built inside `build_model`.
    """

    name: ClassVar[str]
    description: ClassVar[str]

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)

    @abc.abstractmethod
    def encode(self, text: str, label: str | None, tokenizer: Tokenizer, encoding: EncodingSettings) -> dict[str, list[int]]:
        """Turn a text, and its label when it has one, into features."""

    @abc.abstractmethod
    def parse(self, serialized: Any) -> dict[str, Any]:
        """Turn one serialized `tf.train.Example` into features (graph code)."""

    @abc.abstractmethod
    def make_batch(self, features: Mapping[str, Any], label_weights: Any) -> tuple[Any, Any, Any]:
        """Turn padded features into (inputs, targets, sample_weight) (graph code)."""

    @abc.abstractmethod
    def build_model(self, backbone: Any, head: HeadSettings, *, length: int | None) -> Any:
        """Put the head on a backbone and return a `keras.Model` from token_ids (batch, length) int32 to its outputs."""

    @abc.abstractmethod
    def compile_arguments(self, *, label_smoothing: float) -> dict[str, Any]:
        """Return loss and metrics for `keras.Model.compile`."""

    @abc.abstractmethod
    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Turn the model's outputs for one example into what the user reads."""


def truncate(token_ids: list[int], encoding: EncodingSettings) -> list[int]:
    """Cut token ids to `encoding.max_length`, keeping the part that `encoding.truncation` names."""
    length = encoding.max_length
    if len(token_ids) <= length:
        return token_ids
    if encoding.truncation == "head":
        return token_ids[:length]
    # our choice: a review's verdict stands at its end, its subject at its start
    head = 0 if encoding.truncation == "tail" else length // 4
    return token_ids[:head] + token_ids[len(token_ids) - (length - head) :]
