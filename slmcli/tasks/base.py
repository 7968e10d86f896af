"""What every task answers: its fields, its texts, its features; and, when a model can be trained for it, batches and a head."""

import abc
import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Literal, Self  # Any: tensors, models and JSON documents; TensorFlow is not imported here

import numpy as np

from slmcli.config import EncodingSettings
from slmcli.fields import Field
from slmcli.reading import Example
from slmcli.tokenizers.base import Tokenizer
from slmcli.training_config import HeadSettings

# Source: Lin et al. 2017, section 4.1: the best of those tried there.
FOCAL_GAMMA = 2.0
_CLEANED = ["markup", "nfkc", "lowercase", "whitespace"]


class Task(abc.ABC):
    """What a model is trained to do. Methods answer questions; none trains, saves or prints.

    Importing a task never imports TensorFlow: heads are built inside `build_model`.

    Attributes:
        labels: Label names in the order of their ids.
        learned: What is learned beside the weights: scale of the targets, thresholds. A JSON document; a bundle keeps it.
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
    # names of the scores that a model for it has after each training
    score_names: ClassVar[tuple[str, ...]] = ()
    # names of those that only `judge` computes, since they need many examples or time
    more_score_names: ClassVar[tuple[str, ...]] = ()
    # cleaning steps unless others are asked for; what a model must reproduce or point at is left as it is
    cleaning: ClassVar[list[str]] = _CLEANED
    # features that a model for it reads, each (length,) ids; 0 is padding. An instance may have more than its class
    input_features: tuple[str, ...] = ("token_ids",)

    def __init__(self, labels: Sequence[str], learned: Mapping[str, Any] | None = None) -> None:
        self.labels = list(labels)
        self.learned: dict[str, Any] = dict(learned or {})
        self.label_ids = {label: position for position, label in enumerate(self.labels)}

    @classmethod
    def judged_names(cls) -> tuple[str, ...]:
        """Return the names of all scores that a judgement may have, in order."""
        return (*cls.score_names, *cls.more_score_names)

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

    def with_learned(self, more: Mapping[str, Any]) -> Self:
        """Return the same task that has learned more."""
        other = copy.copy(self)
        other.learned = {**self.learned, **more}
        return other

    def with_inputs(self, features: Sequence[str]) -> Self:
        """Return the same task whose model reads other features."""
        other = copy.copy(self)
        other.input_features = tuple(features)
        return other

    def identity(self, example: Example) -> str:
        """Return the text by which a repeated example is recognised."""
        return "\n".join(self.texts(example))

    def labels_of(self, example: Example) -> list[str]:
        """Return the labels of an example; none when it has none, or when the task has no labels."""
        return []

    def has_target(self, example: Example) -> bool:
        """Say whether an example has what a model shall predict."""
        return all(example.values.get(field.name) is not None for field in self.fields if field.is_target)


class JudgedTask(Task):
    """A task whose answers can be scored, a model's or any other program's."""

    # the main score, by which models are compared, and the one shown beside it
    headline: ClassVar[tuple[str, str]]
    # what is decided of an example: one label, of any number of labels whether each fits, a number, or counts that add up to scores
    output_loss: ClassVar[Literal["softmax", "sigmoid", "square", "counts"]]

    @property
    def scored_labels(self) -> list[str]:
        """Names of what has scores of its own, in the order of `score_samples`."""
        return self.labels

    def scored_labels_of(self, example: Example) -> list[str]:
        """Return which of these an example has, each as often as it has it."""
        return self.labels_of(example)

    def input_text(self, example: Example) -> str:
        """Return all that an answer is given to, as one text."""
        return "\n".join(self.texts(example))

    @abc.abstractmethod
    def references(self, examples: Sequence[Example]) -> np.ndarray:
        """Return what is right for each example, in the form of what is decided."""

    @abc.abstractmethod
    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return the scores of what is decided, or a baseline."""

    @abc.abstractmethod
    def score_samples(
        self, predictions: np.ndarray, references: np.ndarray, counts: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the scores of samples of examples, many at once.

        Args:
            predictions: What is decided of each example.
            references: As `references` returns them.
            counts: (samples, examples) how often each example occurs in each sample.

        Returns:
            Each score of `score`, (samples,); and `precision`, `recall` and `f1` of each label, (samples, labels), none for numbers.
        """


class TrainableTask(JudgedTask):
    """A task for which this release can train a model by examples."""

    # baselines that it is compared with: of one label, of any number of labels, of a number
    baselines: ClassVar[Literal["label", "labels", "number"]]
    # what one value of `probabilities` is
    output_name: ClassVar[str] = "probability"
    # what the outputs of a model are: logits of labels of which one is right, of labels each by itself, or numbers
    output_loss: ClassVar[Literal["softmax", "sigmoid", "square"]]
    # settings that mean something to it, of those that do not to every task
    own_settings: ClassVar[frozenset[str]] = frozenset()

    def learn_targets(self, examples: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Any]:
        """Return what must be learned of the features of the training examples before a model is trained.

        Raises:
            DataError: There is nothing to learn from.
        """
        return {}

    def learn_decisions(self, probabilities: np.ndarray, references: np.ndarray, *, tunes_threshold: bool) -> dict[str, Any]:
        """Return what is learned from a trained model's outputs for the validation examples.

        Args:
            probabilities: (examples, width).
            references: As `references` returns them.
            tunes_threshold: Whether a threshold was asked for.
        """
        return {}

    @property
    def width(self) -> int:
        """Values that the model says of an example."""
        return len(self.labels)

    def inputs(self, features: Mapping[str, Any]) -> Any:
        """Return what the model is called with: its one input feature alone, several as a dict from name to tensor."""
        named = {name: features[name] for name in self.input_features}
        return named if len(named) > 1 else named[self.input_features[0]]

    @abc.abstractmethod
    def parse_batch(self, serialized: Any) -> dict[str, Any]:
        """Turn serialized `tf.train.Example`s (batch,) into features, each a tensor, or a ragged one (batch, values) (graph code)."""

    def stack_targets(self, features: Mapping[str, Any]) -> dict[str, Any]:
        """Return the features of a batch with those of the target in one fixed shape an example (graph code)."""
        return dict(features)

    def parse(self, serialized: Any) -> dict[str, Any]:
        """Turn one serialized `tf.train.Example` into features as `parse_batch` and `stack_targets` make them (graph code)."""
        import tensorflow as tf

        features = self.stack_targets(self.parse_batch(serialized[None]))
        return {name: value.values if isinstance(value, tf.RaggedTensor) else value[0] for name, value in features.items()}

    @abc.abstractmethod
    def make_batch(self, features: Mapping[str, Any], label_weights: Any) -> tuple[Any, Any, Any]:
        """Turn padded features into (inputs, targets, sample_weight) (graph code)."""

    @abc.abstractmethod
    def build_model(self, backbone: Any, head: HeadSettings, *, length: int | None, is_non_negative: bool = False) -> Any:
        """Put the head on a backbone and return a `keras.Model` from its input features, each (batch, length) int32, to its outputs.

        An input layer has the name of its feature; with several, the model takes a dict from name to tensor.
        """

    @abc.abstractmethod
    def compile_arguments(self, *, label_smoothing: float, loss: str) -> dict[str, Any]:
        """Return loss and metrics for `keras.Model.compile`."""

    @abc.abstractmethod
    def probabilities(self, outputs: np.ndarray) -> np.ndarray:
        """Turn the model's outputs (examples, width) float32 into what is said of each example, of the same shape."""

    @abc.abstractmethod
    def references_of(self, targets: np.ndarray) -> np.ndarray:
        """Return what is right, in the form of `decide`, given the targets that `make_batch` makes."""

    @abc.abstractmethod
    def decide(self, probabilities: np.ndarray) -> np.ndarray:
        """Return what is predicted for each example, given (examples, width)."""

    @abc.abstractmethod
    def decode(self, outputs: np.ndarray) -> dict[str, Any]:
        """Turn the probabilities (width,) of one example into what the user reads."""

    def score_probabilities(self, probabilities: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return all scores, in the order of `score_names`: also those that need more than decisions."""
        return self.score(self.decide(probabilities), references)

    def agreement(self, first: np.ndarray, second: np.ndarray) -> float | None:
        """Return the share of examples for which two models' probabilities lead to one decision; None when decisions are no labels."""
        same = self.decide(first) == self.decide(second)
        return float(same.reshape(len(same), -1).all(axis=1).mean())

    @abc.abstractmethod
    def judge(self, probabilities: np.ndarray, references: np.ndarray, *, seed: int) -> dict[str, Any]:
        """Return `scores`, those of `judged_names` that are defined for these examples, `intervals`, name to `Interval`, and more for the report.

        More is `per_label`, `confusion`, `calibration`, where a task has these.
        """


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
