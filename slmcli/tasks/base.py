"""What every task answers: its fields, its texts, its features; and, when a model can be trained for it, batches and a head."""

import abc
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar  # Any: tensors, models and JSON documents; TensorFlow is not imported here

import numpy as np

from slmcli.config import EncodingSettings, HeadSettings
from slmcli.fields import Field
from slmcli.reading import Example
from slmcli.tokenizers.base import Tokenizer

_CLEANED = ["markup", "nfkc", "lowercase", "whitespace"]


class Task(abc.ABC):
    """What a model is trained to do. Methods answer questions; none trains, saves or prints.

    Importing a task never imports TensorFlow: heads are built inside `build_model`.
    """

    name: ClassVar[str]
    description: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    # features that hold token ids; the first decides the length of an example
    token_features: ClassVar[tuple[str, ...]] = ("token_ids",)
    # features need the place of each token in the text, so that they cannot be made from token ids alone
    needs_offsets: ClassVar[bool] = False
    # examples are cut to `max_length`
    is_cut: ClassVar[bool] = True
    # its one text can have a stream of n-grams beside `token_ids`
    takes_ngrams: ClassVar[bool] = False
    # the tokenizer that `auto` means for text without Han characters, and for text with many
    tokenizers: ClassVar[tuple[str, str]] = ("word", "word")
    # cleaning steps unless others are asked for; what a model must reproduce or point at is left as it is
    cleaning: ClassVar[list[str]] = _CLEANED

    def __init__(self, labels: Sequence[str]) -> None:
        self.labels = list(labels)
        self.label_ids = {label: position for position, label in enumerate(self.labels)}

    @abc.abstractmethod
    def texts(self, example: Example) -> list[str]:
        """Return the texts of an example that become tokens, in the order in which `assemble` takes them."""

    @abc.abstractmethod
    def assemble(self, example: Example, streams: Sequence[np.ndarray], encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Return the features of an example.

        Args:
            example: The example; without its target, features of the target are left out.
            streams: For each of its texts, token ids (length,) int32.
            encoding: How they are cut to length.

        Returns:
            Feature name to (values,) int32 or float32.
        """

    def encode(self, example: Example, tokenizer: Tokenizer, encoding: EncodingSettings) -> dict[str, np.ndarray]:
        """Turn an example into features: the one way from text to ids, in training and at inference."""
        streams = [np.asarray(token_ids, np.int32) for token_ids in tokenizer.encode_batch(self.texts(example))]
        return self.assemble(example, streams, encoding)

    def cut_length(self, example: Example, lengths: Sequence[int]) -> int:
        """Return the tokens of an example that `max_length` is compared with: those of its longest text, as each is cut by itself.

        Args:
            example: The example.
            lengths: Tokens of each of its texts.
        """
        return max(lengths, default=0)

    def identity(self, example: Example) -> str:
        """Return the text by which a repeated example is recognised."""
        return "\n".join(self.texts(example))

    def labels_of(self, example: Example) -> list[str]:
        """Return the labels of an example; none when it has none, or when the task has no labels."""
        return []

    def has_target(self, example: Example) -> bool:
        """Say whether an example has what a model shall predict."""
        return all(example.values.get(field.name) is not None for field in self.fields if field.is_target)


class TrainableTask(Task):
    """A task for which this release can train a model."""

    # features that the model reads, each (length,) ids; 0 is padding. An instance may have more than its class
    input_features: tuple[str, ...] = ("token_ids",)

    def inputs(self, features: Mapping[str, Any]) -> Any:
        """Return what the model is called with: its one input feature alone, several as a dict from name to tensor."""
        named = {name: features[name] for name in self.input_features}
        return named if len(named) > 1 else named[self.input_features[0]]

    @abc.abstractmethod
    def parse(self, serialized: Any) -> dict[str, Any]:
        """Turn one serialized `tf.train.Example` into features (graph code)."""

    @abc.abstractmethod
    def make_batch(self, features: Mapping[str, Any], label_weights: Any) -> tuple[Any, Any, Any]:
        """Turn padded features into (inputs, targets, sample_weight) (graph code)."""

    @abc.abstractmethod
    def build_model(self, backbone: Any, head: HeadSettings, *, length: int | None) -> Any:
        """Put the head on a backbone and return a `keras.Model` from its input features, each (batch, length) int32, to its outputs.

        An input layer has the name of its feature; with several, the model takes a dict from name to tensor.
        """

    @abc.abstractmethod
    def compile_arguments(self, *, label_smoothing: float) -> dict[str, Any]:
        """Return loss and metrics for `keras.Model.compile`."""

    @abc.abstractmethod
    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Turn the model's outputs for one example into what the user reads."""


def truncate(token_ids: np.ndarray, encoding: EncodingSettings) -> np.ndarray:
    """Cut token ids (length,) to `encoding.max_length`, keeping the part that `encoding.truncation` names."""
    length = encoding.max_length
    if len(token_ids) <= length:
        return token_ids
    if encoding.truncation == "head":
        return token_ids[:length]
    # our choice: a review's verdict stands at its end, its subject at its start
    head = 0 if encoding.truncation == "tail" else length // 4
    return np.concatenate([token_ids[:head], token_ids[len(token_ids) - (length - head) :]])


def integers(values: Iterable[int]) -> np.ndarray:
    """Return (values,) int32."""
    return np.fromiter(values, np.int32)
