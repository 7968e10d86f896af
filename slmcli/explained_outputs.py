"""The one number of a model's output that an explanation is about."""

from dataclasses import dataclass

import numpy as np

from slmcli.errors import ConfigError
from slmcli.registry import hint
from slmcli.tasks.base import Task, TrainableTask
from slmcli.tasks.classification import Classification
from slmcli.tasks.multilabel import Multilabel
from slmcli.tasks.numbers import Score


@dataclass(frozen=True)
class Output:
    """What is explained.

    Attributes:
        column: Its place in what the task says of a text.
        label: Name of the label; None for a number.
        scale: What the model's number is multiplied by.
        offset: What is added then.
    """

    column: int
    label: str | None
    scale: float = 1.0
    offset: float = 0.0

    @property
    def name(self) -> str:
        """The label, or what a number is called."""
        return self.label if self.label is not None else "score"

    @property
    def kind(self) -> str:
        """What its values are."""
        return "probability" if self.label is not None else "score"

    def values(self, probabilities: np.ndarray) -> np.ndarray:
        """Return (texts,) float64, in the unit of the training data, of what the task says, (texts, width)."""
        return probabilities[:, self.column].astype(np.float64) * self.scale + self.offset

    def is_chosen(self, task: TrainableTask, probabilities: np.ndarray) -> np.ndarray:
        """Return (texts,) bool, whether the label is predicted; never for a number."""
        if self.label is None:
            return np.zeros(len(probabilities), bool)
        decided = task.decide(probabilities)
        return decided[:, self.column] if decided.ndim > 1 else decided == self.column


def check_explainable(task: Task, where: str) -> None:
    """Refuse tasks of which no single number says what a model thinks of its texts.

    Raises:
        ConfigError: The task is such a one.
    """
    if is_explainable(task):
        return
    raise ConfigError(
        f"{where} was trained for task {task.name}, which says more than one thing of a text; `slm explain` explains one number. "
        "Give a model for sentiment, topic, multilabel, score, pair or similarity."
    )


def is_explainable(task: Task) -> bool:
    """Say whether a number says what a model for the task thinks."""
    return isinstance(task, (Classification, Multilabel, Score))


def choose_output(task: TrainableTask, label: str | None, probabilities: np.ndarray) -> Output:
    """Return what to explain of a text: the label asked for, else the predicted or most probable one; the number of a task of numbers.

    Args:
        task: The task.
        label: The label asked for.
        probabilities: (width,) what the task says of the text.

    Raises:
        ConfigError: There is no such label.
    """
    if isinstance(task, Score):
        if label is not None:
            raise ConfigError(f"task {task.name} has no labels, so that there is none called {label!r}. Leave --label out.")
        return Output(0, None, task.learned.get("scale", 1.0), task.learned.get("mean", 0.0))
    if label is None:
        column = int(task.decide(probabilities[None])[0]) if isinstance(task, Classification) else int(probabilities.argmax())
        return Output(column, task.labels[column])
    if label not in task.label_ids:
        known = ", ".join(task.labels[:20]) + (f" and {len(task.labels) - 20} more" if len(task.labels) > 20 else "")
        raise ConfigError(f"--label {label}: the model has no such label. It has: {known}.{hint(label, task.labels)}")
    return Output(task.label_ids[label], label)
