from collections.abc import Callable

import numpy as np

from slmcli.counterexamples import find_counterexample
from slmcli.explained_outputs import Output
from slmcli.explainers.base import Question
from slmcli.tasks.classification import Sentiment
from slmcli.whole_words import DividedText

TASK = Sentiment(["bad", "good"])


def question(text: str, probability: Callable[[str], float]) -> Question:
    """A question about the probability of `good` for a text of single letters."""
    spans = tuple((place, place + 1) for place in range(0, len(text), 2))

    def probabilities(texts: list[str]) -> np.ndarray:
        return np.array([[1 - probability(each), probability(each)] for each in texts], np.float32)

    return Question(DividedText(text, spans), Output(1, "good"), probabilities, 10, 0)  # type: ignore[arg-type]


def test_one_word_is_enough_where_it_decides() -> None:
    found = find_counterexample(question("a b c d", lambda text: 0.9 if "c" in text else 0.1), TASK, np.zeros(4), is_chosen=True)
    assert found is not None
    assert (found.words, found.text) == ([2], "a b d")


def test_words_that_are_not_needed_come_back() -> None:
    # the weights put b first, which does nothing
    asked = question("a b c d e f", lambda text: 0.9 if "a" in text or "c" in text else 0.1)
    found = find_counterexample(asked, TASK, np.array([2.0, 3.0, 1.0, 0.0, 0.0, 0.0]), is_chosen=True)
    assert found is not None
    assert found.words == [0, 2]
    assert found.probabilities.tolist() == [np.float32(0.9), np.float32(0.1)]


def test_a_label_that_is_not_predicted_is_freed_of_what_speaks_against_it() -> None:
    found = find_counterexample(question("a b c d", lambda text: 0.1 if "d" in text else 0.9), TASK, np.array([0, 0, 0, -1.0]), is_chosen=False)
    assert found is not None
    assert found.words == [3]


def test_none_is_found_where_nothing_changes_the_answer() -> None:
    assert find_counterexample(question("a b c d", lambda _: 0.9), TASK, np.zeros(4), is_chosen=True) is None


def test_more_than_half_of_the_words_are_no_small_change() -> None:
    asked = question("a b c d", lambda text: 0.9 if set("abc") & set(text) else 0.1)
    assert find_counterexample(asked, TASK, np.array([3.0, 2.0, 1.0, 0.0]), is_chosen=True) is None


def test_the_empty_text_is_none() -> None:
    assert find_counterexample(question("a", lambda text: 0.9 if text else 0.1), TASK, np.ones(1), is_chosen=True) is None
