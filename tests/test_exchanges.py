"""Counterexamples by exchange: synonyms that change the answer, and opinions that are denied, no more of them than needed."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from slmcli.exchanges import Exchanged, find_exchanges
from slmcli.explained_outputs import Output
from slmcli.explainers.base import Question
from slmcli.tasks.classification import Pair, Sentiment, Topic
from slmcli.whole_words import DividedText, DividedTexts

TASK = Sentiment(["bad", "good"])


def question(text: str | Mapping[str, str], probability: Callable[[str], float]) -> Question:
    """A question about the probability of `good`."""

    def probabilities(texts: list[dict[str, str]]) -> np.ndarray:
        found = [probability(" | ".join(each.values())) for each in texts]
        return np.array([[1 - value, value] for value in found], np.float32)

    parts: Any = DividedText(text, ()) if isinstance(text, str) else DividedTexts({name: DividedText(each, ()) for name, each in text.items()})
    return Question(parts, Output(1, "good"), probabilities, 10, 0)  # type: ignore[arg-type]


def parts(found: Exchanged | None) -> list[tuple[str, int, int, str]]:
    assert found is not None
    return [(each.field, each.start, each.end, each.replacement) for each in found.exchanges]


def test_one_synonym_is_enough_where_it_decides() -> None:
    found = find_exchanges(question("A big film!", lambda text: 0.9 if "film" in text else 0.1), TASK, "synonyms", is_chosen=True)
    assert parts(found) == [("text", 6, 10, "movie")]
    assert found is not None
    assert found.texts == {"text": "A big movie!"}


def test_exchanges_that_are_not_needed_are_taken_back() -> None:
    def probability(text: str) -> float:
        # quick moves the number most, and decides nothing
        return 0.1 if "movie" in text and "large" in text else 0.6 if "fast" in text else 0.9

    found = find_exchanges(question("a big quick film", probability), TASK, "synonyms", is_chosen=True)
    assert [replacement for *_, replacement in parts(found)] == ["large", "movie"]


def test_praise_is_denied() -> None:
    found = find_exchanges(
        question("汤很好喝。 The host was kind, it is good", lambda text: 0.1 if "is not good" in text else 0.9), TASK, "negation", is_chosen=True
    )
    assert found is not None
    assert found.texts["text"].endswith("it is not good")


def test_chinese_praise_is_denied() -> None:
    found = find_exchanges(question("汤很好喝", lambda text: 0.1 if "不" in text else 0.9), TASK, "negation", is_chosen=True)
    assert found is not None
    assert found.texts == {"text": "汤不好喝"}


def test_a_label_that_is_not_predicted_is_reached() -> None:
    found = find_exchanges(question("a film", lambda text: 0.9 if "movie" in text else 0.1), TASK, "synonyms", is_chosen=False)
    assert parts(found) == [("text", 2, 6, "movie")]


def test_either_of_two_texts_may_change() -> None:
    both = {"text": "a film", "text_pair": "a big film"}
    found = find_exchanges(question(both, lambda text: 0.1 if "big movie" in text else 0.9), Pair(["bad", "good"]), "synonyms", is_chosen=True)
    assert parts(found) == [("text_pair", 6, 10, "movie")]
    assert found is not None
    assert found.texts == {"text": "a film", "text_pair": "a big movie"}


@pytest.mark.parametrize("text", ["", "zxqv 😀\r\n", "a film"], ids=["empty", "nothing to exchange", "nothing changes"])
def test_none_is_found_where_nothing_changes_the_answer(text: str) -> None:
    assert find_exchanges(question(text, lambda _: 0.9), TASK, "synonyms", is_chosen=True) is None


def test_only_feelings_are_denied() -> None:
    assert (
        find_exchanges(question("it is good", lambda text: 0.1 if "not" in text else 0.9), Topic(["bad", "good"]), "negation", is_chosen=True) is None
    )
