"""Counterexamples in which nothing is left out: words exchanged for synonyms, or opinions denied, as few as can be found."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from slmcli.explainers.base import Question
from slmcli.perturbations import PERTURBATIONS
from slmcli.perturbations.base import Perturbation, edit
from slmcli.perturbations.negation import denials
from slmcli.perturbations.synonyms import exchanges_of
from slmcli.tasks.base import TrainableTask

# our choice: as many as a text of three hundred words has; the rest of a longer one stays as it is
_MOST_ALONE = 300
# our choice: a text of which more was exchanged is hardly the same text
_MOST = 20
# perturbation to all exchanges that it can make in a text, [start, end) in characters with what takes its place
KINDS: Mapping[str, Callable[[str], Iterable[tuple[int, int, str]]]] = {"synonyms": exchanges_of, "negation": denials}


@dataclass(frozen=True)
class Exchange:
    """A part of one of the texts, and what takes its place.

    Attributes:
        field: Name of the text.
        start: Where the part begins, in characters.
        end: Where it ends, half-open.
        replacement: What takes its place.
    """

    field: str
    start: int
    end: int
    replacement: str


@dataclass(frozen=True)
class Exchanged:
    """Texts of which the model says something else.

    Attributes:
        exchanges: What was exchanged, in the order of the texts.
        texts: The texts by name.
        probabilities: (width,) float32, what the task says of them.
    """

    exchanges: list[Exchange]
    texts: dict[str, str]
    probabilities: np.ndarray


def find_exchanges(question: Question, task: TrainableTask, kind: str, *, is_chosen: bool) -> Exchanged | None:
    """Return the texts with the fewest exchanges of one kind after which the decision is another one; None when none was found.

    Each exchange is tried alone; then, at different places, those that move the number most are put together until the decision changes,
    and taken back one by one, the least decisive first, as long as it stays changed.
    Source of the idea: Alzantot et al. 2018, "Generating Natural Language Adversarial Examples", section 3. Differs: synonyms of a list.

    Args:
        question: What was explained; its output is a label.
        task: The model's task.
        kind: A name of `KINDS`.
        is_chosen: Whether the label is predicted for the texts as they are.
    """
    trial = _Trial(question, task, is_chosen)
    alone = list(_possible(question.texts, PERTURBATIONS.load(kind), kind, task.name))[:_MOST_ALONE]
    if not alone:
        return None
    flips, values = trial.look([[each] for each in alone])
    order = np.argsort(values, kind="stable")
    ranked = [alone[place] for place in order]
    if flips.any():
        return trial.describe([next(alone[place] for place in order if flips[place])])
    together = _at_different_places(ranked)[:_MOST]
    growing = [together[:size] for size in range(2, len(together) + 1)]
    flips, _ = trial.look(growing)
    return trial.describe(_take_back(trial, growing[int(flips.argmax())])) if flips.any() else None


def _possible(texts: Mapping[str, str], perturbation: Perturbation, kind: str, task: str) -> Iterator[Exchange]:
    if perturbation.tasks and task not in perturbation.tasks:
        return
    for name, text in texts.items():
        for start, end, replacement in KINDS[kind](text):
            yield Exchange(name, start, end, replacement)


def _at_different_places(ranked: Sequence[Exchange]) -> list[Exchange]:
    """Return the first of all that overlap each other."""
    kept: list[Exchange] = []
    for each in ranked:
        if not any(each.field == other.field and each.start <= other.end and other.start <= each.end for other in kept):
            kept.append(each)
    return kept


def _take_back(trial: "_Trial", chosen: list[Exchange]) -> list[Exchange]:
    while len(chosen) > 1:
        fewer = [chosen[:place] + chosen[place + 1 :] for place in range(len(chosen))]
        flips, values = trial.look(fewer)
        if not flips.any():
            break
        chosen = fewer[int(np.where(flips, values, np.inf).argmin())]
    return chosen


@dataclass(frozen=True)
class _Trial:
    """Texts, and the model that is asked about exchanges in them."""

    question: Question
    task: TrainableTask
    is_chosen: bool

    def look(self, trials: Sequence[Sequence[Exchange]]) -> tuple[np.ndarray, np.ndarray]:
        """Return (trials,) bool, whether the decision is another one, and (trials,) float64, lower the nearer it is to that."""
        if not trials:
            return np.zeros(0, bool), np.zeros(0)
        probabilities = self.question.probabilities([self._apply(each) for each in trials])
        values = self.question.output.values(probabilities)
        return self.question.output.is_chosen(self.task, probabilities) != self.is_chosen, values if self.is_chosen else -values

    def describe(self, exchanges: Sequence[Exchange]) -> Exchanged:
        """Return what was found."""
        texts = self._apply(exchanges)
        in_order = sorted(exchanges, key=lambda each: (list(self.question.texts).index(each.field), each.start))
        return Exchanged(in_order, texts, self.question.probabilities([texts])[0])

    def _apply(self, exchanges: Sequence[Exchange]) -> dict[str, str]:
        ordered = sorted(exchanges, key=lambda each: each.start)
        return {
            name: edit(text, [(each.start, each.end, each.replacement) for each in ordered if each.field == name])
            for name, text in self.question.texts.items()
        }
