"""What a task answers about answers that other programs give: tags, spans, texts that no model of this release gives yet."""

import abc
from collections.abc import Sequence
from typing import ClassVar, Generic, Literal, TypeVar

import numpy as np

from slmcli.reading import Example
from slmcli.tasks.base import JudgedTask

Answer = TypeVar("Answer", list[str], str)


class AnswerTask(JudgedTask, Generic[Answer]):
    """A task whose answers are scored by counts, a row for each example, that add up: the scores of any sample are those of its sums.

    So what is decided of an example, in the sense of `JudgedTask`, is how its answer compares with what is right.
    """

    output_loss = "counts"
    # baselines that it is compared with
    baselines: ClassVar[Literal["tags", "span", "translation", "dialogue"]]
    # names under which an object of a file of predictions may hold the answer, the most telling first; and its kind, as of a field
    answer_names: ClassVar[tuple[str, ...]]
    answer_kind: ClassVar[Literal["text", "words"]] = "text"
    # whether an answer can be right; it is better or worse otherwise
    is_right_or_wrong: ClassVar[bool] = True
    # what the scores of a label count
    unit_of_labels: ClassVar[str] = "examples"

    def parts(self, example: Example) -> dict[str, str]:
        """Return the parts of the examples, by name, that one belongs to and that are scored each by itself."""
        return {}

    def explain_unfit(self, answer: Answer, example: Example) -> str:
        """Say what is wrong with an answer that cannot belong to the example; nothing when it can."""
        return ""

    @abc.abstractmethod
    def count(self, answers: Sequence[Answer], examples: Sequence[Example]) -> np.ndarray:
        """Return how each answer compares with what is right, (examples, columns) float64."""

    @abc.abstractmethod
    def score_sums(self, sums: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return what `score_samples` returns, given sums (samples, columns) of what `count` returns."""

    @abc.abstractmethod
    def are_right(self, counts: np.ndarray) -> np.ndarray:
        """Say which answers are wholly right, (examples,) bool."""

    @abc.abstractmethod
    def right_answer(self, example: Example) -> str | list[str]:
        """Return what is right, as a person reads it."""

    @abc.abstractmethod
    def show(self, answer: Answer, example: Example) -> str | list[str]:
        """Return an answer as a person reads it."""

    def signatures(self, examples: Sequence[Example]) -> dict[str, str]:
        """Return how others can repeat the scores that have several definitions, by name."""
        return {}

    def references(self, examples: Sequence[Example]) -> np.ndarray:
        """Return zeros (examples,): counts are of what is right already."""
        return np.zeros(len(examples))

    def score(self, predictions: np.ndarray, references: np.ndarray) -> dict[str, float]:
        """Return the scores of all examples, given (examples, columns) counts."""
        return {name: float(value[0]) for name, value in self.score_sums(predictions.sum(axis=0, keepdims=True))[0].items()}

    def score_samples(
        self, predictions: np.ndarray, references: np.ndarray, counts: np.ndarray
    ) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Return the scores of samples, and those of each label, given (examples, columns) counts."""
        return self.score_sums(counts @ predictions)
