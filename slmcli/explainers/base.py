"""What every explainer does: give each word of a text a signed weight for one number that a model says."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar  # Any: JSON documents

import numpy as np

from slmcli.bundle import Bundle
from slmcli.errors import ConfigError
from slmcli.explained_outputs import Output
from slmcli.predictor import Input
from slmcli.whole_words import DividedText, DividedTexts


@dataclass(frozen=True)
class Question:
    """What is to be explained: one number that a model says of one text, or of texts that it reads together.

    Attributes:
        text: The text, or the texts, and their words.
        output: Which number.
        probabilities: Returns what the task says of texts, (texts, width) float32.
        samples: Texts with words left out that a method which draws such texts may ask about.
        seed: Seed of what is drawn.
    """

    text: DividedText | DividedTexts
    output: Output
    probabilities: Callable[[Sequence[Input]], np.ndarray]
    samples: int
    seed: int

    @property
    def size(self) -> int:
        """Number of words."""
        return len(self.text.words)

    @property
    def texts(self) -> dict[str, str]:
        """The texts by name: `text` where there is one alone."""
        return {"text": self.text.text} if isinstance(self.text, DividedText) else {name: part.text for name, part in self.text.parts.items()}

    @property
    def only_text(self) -> DividedText:
        """The text, where there is one alone."""
        if not isinstance(self.text, DividedText):
            raise TypeError(f"texts {', '.join(self.text.parts)} where one was expected")
        return self.text

    def values(self, is_kept: np.ndarray) -> np.ndarray:
        """Return (texts,) float64, the number for the text with some of its words.

        Args:
            is_kept: (texts, words) bool.
        """
        return self.output.values(self.read(is_kept))

    def read(self, is_kept: np.ndarray) -> np.ndarray:
        """Return what the task says of the text with some of its words, (texts, width) float32."""
        return self.probabilities([self.text.keep(row) for row in is_kept.tolist()])


@dataclass(frozen=True)
class Attribution:
    """What an explainer found.

    Attributes:
        weights: (words,) float64, how much each word speaks for the number, in its unit; below 0: against it.
        facts: What the method says of itself: how well it fits, how complete it is. A JSON document.
        notes: What a reader must know, in sentences.
    """

    weights: np.ndarray
    facts: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Explainer(abc.ABC):
    """A method. It is made for one bundle, and refuses one that it cannot explain before anything is loaded."""

    name: ClassVar[str]
    # where it was published
    source: ClassVar[str]
    # it asks the model about texts without some of the words, so that its cost grows with their number
    leaves_words_out: ClassVar[bool] = True

    def __init__(self, bundle: Bundle, *, threads: int = 0) -> None:
        self.bundle = bundle
        self.threads = threads

    @abc.abstractmethod
    def explain(self, question: Question) -> Attribution:
        """Return the weights of a question's words, at least one."""


def check_reads_one_text(bundle: Bundle, method: str) -> None:
    """Refuse a bundle whose model reads several texts together.

    Raises:
        ConfigError: It does.
    """
    names = [field.name for field in bundle.task.fields if not field.is_target]
    if len(names) > 1:
        raise ConfigError(
            f"{bundle.path} was trained for task {bundle.task.name}, which reads {len(names)} texts together, and --method {method} follows the "
            "tokens of one. Pass --method occlusion, lime or shap."
        )


def check_has_layers(bundle: Bundle, method: str, needed: str) -> None:
    """Refuse a bundle whose model file holds no layers.

    Raises:
        ConfigError: It is in another format than Keras's own.
    """
    if bundle.manifest["format"] != "keras":
        raise ConfigError(
            f"{bundle.path} is in format {bundle.manifest['format']}, which has no {needed}, and --method {method} needs them. Explain the "
            "run that it was exported from, or pass --method occlusion, lime or shap."
        )
