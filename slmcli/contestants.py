"""What each of those that are compared says of the same examples, and what it costs to ask."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from slmcli.config import CompareSettings
from slmcli.cost import measure_cost
from slmcli.entrants import Entrant
from slmcli.foreign_predictions import Answers, certainty, read_predictions
from slmcli.predictor import Predictor
from slmcli.reading import Example
from slmcli.tasks.base import JudgedTask, TrainableTask


@dataclass(frozen=True)
class Contestant:
    """An entrant and what it says of the examples.

    Attributes:
        entrant: The entrant.
        answers: What it says, labels in the order of the first model's.
        scores: Score name to value.
        cost: As `measure_cost` returns it; None for a file, or when it was not asked for.
        is_matched: Whether its lines were put into the order of the examples by their texts.
    """

    entrant: Entrant
    answers: Answers
    scores: dict[str, float]
    cost: dict[str, float] | None
    is_matched: bool


@dataclass(frozen=True)
class Group:
    """One side of a comparison: one contestant, or several runs that differ in their seed alone.

    Attributes:
        letter: How it is called for short.
        members: The contestants.
    """

    letter: str
    members: list[Contestant] = field(default_factory=list)

    @property
    def name(self) -> str:
        """How it was named; for several the first, and how many there are."""
        first = str(self.members[0].entrant.path)
        return first if len(self.members) == 1 else f"{first} and {len(self.members) - 1} more, mean of {len(self.members)} seeds"

    @property
    def decisions(self) -> list[np.ndarray]:
        """What each member decides."""
        return [member.answers.decisions for member in self.members]


def ask(entrant: Entrant, task: JudgedTask, examples: Sequence[Example], settings: CompareSettings) -> Contestant:
    """Let a model or a file say what it predicts of each example.

    Args:
        entrant: The model or the file.
        task: The task, whose labels give the order of the answers'.
        examples: The examples.
        settings: Batch size, threads, seed, and whether the cost is measured.

    Raises:
        DataError: A file's predictions are not about these examples, or cannot be meant.
    """
    references = task.references(examples)
    cost = None
    if entrant.bundle is None:
        answers, is_matched = read_predictions(entrant.path, task, examples)
    else:
        predictor, is_matched = Predictor(entrant.bundle, threads=settings.threads), False
        texts = [example.values for example in examples]
        answers = _answers(entrant.bundle.task, task, predictor.probabilities(texts, batch_size=settings.batch_size))
        if settings.cost:
            cost = measure_cost(entrant.bundle, texts, threads=settings.threads, seed=settings.seed)
    return Contestant(entrant, answers, _scores(task, answers, references), cost, is_matched)


def _answers(own: TrainableTask, task: JudgedTask, outputs: np.ndarray) -> Answers:
    """Return a model's answers, given what it says (examples, width), with labels in the order of `task`."""
    decisions = own.decide(outputs)
    if not own.labels:
        return Answers(decisions, None, None)
    order = [own.label_ids[label] for label in task.labels]
    probabilities = outputs[:, order]
    if decisions.ndim == 2:
        decisions = decisions[:, order]
        return Answers(decisions, probabilities, certainty(decisions, probabilities))
    decisions = np.argsort(order)[decisions]
    return Answers(decisions, probabilities, probabilities[np.arange(len(decisions)), decisions])


def _scores(task: JudgedTask, answers: Answers, references: np.ndarray) -> dict[str, float]:
    """Return all scores of what was decided, and those of probabilities where these are known."""
    scores = {}
    if isinstance(task, TrainableTask) and answers.probabilities is not None:
        scores = task.score_probabilities(answers.probabilities, references)
    return {**scores, **task.score(answers.decisions, references)}
