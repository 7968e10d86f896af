import numpy as np
import pytest

from slmcli.explained_outputs import Output
from slmcli.explainers.base import Question
from slmcli.faithfulness import measure_deletion
from slmcli.whole_words import DividedText

LETTERS = "abcdefgh"


def question(text: str = " ".join(LETTERS)) -> Question:
    """A question about a text of single letters, whose value is the share of its first two letters that are there."""
    spans = tuple((place, place + 1) for place in range(0, len(text), 2))
    return Question(DividedText(text, spans), Output(0, "x"), lambda texts: np.array([[("a" in t) / 2 + ("b" in t) / 2] for t in texts]), 10, 0)


def test_the_curve_begins_with_the_text_and_ends_with_nothing() -> None:
    curve = measure_deletion(question(), np.arange(8.0))
    assert curve.removed == list(range(9))
    assert (curve.by_weight[0], curve.at_random[0], curve.by_weight[-1], curve.at_random[-1]) == (1.0, 1.0, 0.0, 0.0)


def test_right_weights_beat_random_words() -> None:
    curve = measure_deletion(question(), np.array([2.0, 1.0, *[0.0] * 6]))
    assert curve.by_weight[:4] == [1.0, 0.5, 0.0, 0.0]
    assert curve.area_between > 0.2


def test_weights_the_wrong_way_round_are_worse_than_random_words() -> None:
    assert measure_deletion(question(), np.array([-2.0, -1.0, *[0.0] * 6])).area_between < -0.2


def test_a_long_text_is_looked_at_in_twenty_steps() -> None:
    curve = measure_deletion(question("a " + "b " * 99), np.zeros(100))
    assert len(curve.removed) == 21
    assert curve.removed[-1] == 100


def test_a_single_word_has_no_order() -> None:
    assert measure_deletion(question("a"), np.ones(1)).area_between == pytest.approx(0.0)


def test_it_is_rounded_as_json() -> None:
    assert set(measure_deletion(question(), np.arange(8.0)).to_json()) == {"removed", "by_weight", "at_random", "area_between", "random_orders"}
