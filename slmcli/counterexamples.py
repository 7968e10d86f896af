"""The smallest change that makes a model decide otherwise: words left out, as few as can be found."""

from dataclasses import dataclass

import numpy as np

from slmcli.explainers.base import Question
from slmcli.predictor import Input
from slmcli.tasks.base import TrainableTask

# our choice: a text without half of its words, or so many, is hardly the same text
_MOST_WORDS = 50
# our choice: all words of most texts; of a longer one those with the largest weights
_MOST_ALONE = 300


@dataclass(frozen=True)
class Counterexample:
    """A text of fewer words of which the model says something else.

    Attributes:
        words: Places of the words that are left out, rising.
        text: The text, or the texts by name, without them.
        probabilities: (width,) float32, what the task says of it.
    """

    words: list[int]
    text: Input
    probabilities: np.ndarray


def find_counterexample(question: Question, task: TrainableTask, weights: np.ndarray, *, is_chosen: bool) -> Counterexample | None:
    """Return the text with the fewest words left out for which the label is no longer predicted, or is at last; None when none was found.

    Each word is tried alone, in a long text the 300 that speak loudest; then words go by their weights until the decision changes, and
    come back one by one, the least decisive first, as long as it stays changed. So no word could stay; a smaller set of other words may
    exist. The empty text is none.

    Args:
        question: What was explained; its output is a label.
        task: The model's task.
        weights: (words,) float64, how much each word speaks for the label.
        is_chosen: Whether the label is predicted for the whole text.
    """
    size = question.size
    order = np.argsort(-weights if is_chosen else weights, kind="stable")
    most = min(max(1, size // 2), size - 1, _MOST_WORDS)
    if most < 1:
        return None
    ranks = np.argsort(order)
    alone = np.ones((min(size, _MOST_ALONE), size), bool)
    alone[np.arange(len(alone)), order[: len(alone)]] = False
    together = ranks[None, :] >= np.arange(2, most + 1)[:, None]  # (most - 1, words): without the first 2, 3, …
    trials = np.concatenate([alone, together])
    flips, _ = _look(question, task, trials, is_chosen)
    if not flips.any():
        return None
    first = int(np.flatnonzero(flips)[0])
    is_kept = trials[first]
    return _describe(question, is_kept if first < len(alone) else _bring_back(question, task, is_kept, is_chosen))


def _bring_back(question: Question, task: TrainableTask, is_kept: np.ndarray, is_chosen: bool) -> np.ndarray:
    """Return (words,) bool with as many words as can be while the decision stays changed."""
    while (~is_kept).sum() > 1:
        trials = np.repeat(is_kept[None], (~is_kept).sum(), axis=0)
        trials[np.arange(len(trials)), np.flatnonzero(~is_kept)] = True
        flips, values = _look(question, task, trials, is_chosen)
        if not flips.any():
            break
        # the one that leaves the label least probable, or most probable where it was to be predicted
        is_kept = trials[np.where(flips, values if is_chosen else -values, np.inf).argmin()]
    return is_kept


def _look(question: Question, task: TrainableTask, is_kept: np.ndarray, is_chosen: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return (texts,) bool, whether the decision is another one than that of the whole text, and (texts,) float64, the number."""
    probabilities = question.read(is_kept)
    return question.output.is_chosen(task, probabilities) != is_chosen, question.output.values(probabilities)


def _describe(question: Question, is_kept: np.ndarray) -> Counterexample:
    text = question.text.keep(is_kept.tolist())
    return Counterexample(np.flatnonzero(~is_kept).tolist(), text, question.probabilities([text])[0])
