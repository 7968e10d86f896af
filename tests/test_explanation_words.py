from typing import Any

import pytest

from slmcli import explanation_words as words
from slmcli.explanation_words import Strength

TEXT: dict[str, Any] = {
    "prediction": {"label": "good", "score": 0.9},
    "explained": "good",
    "kind": "probability",
    "value": 0.9,
    "value_of_empty_text": 0.5,
    "is_predicted": True,
    "searched": True,
    "counterexample": None,
    "exchanged": {},
    "faithfulness": {"area_between": 0.25},
}


def weighed(*weights: float) -> list[dict[str, Any]]:
    return [{"word": f"w{place}", "weight": weight} for place, weight in enumerate(weights)]


def test_words_are_marked_by_their_share_of_the_largest_weight() -> None:
    expected = [Strength.STRONGLY_AGAINST, Strength.FOR, Strength.NEITHER, Strength.AGAINST, Strength.STRONGLY_FOR]
    assert words.strengths(weighed(-0.8, 0.2, 0.05, -0.1, 0.4)) == expected


def test_words_without_weight_are_not_marked() -> None:
    assert words.strengths(weighed(0.0, 0.0)) == [Strength.NEITHER] * 2
    assert words.strongest(weighed(0.0, 0.0), 3) == []


def test_signs_say_what_colours_do() -> None:
    assert len({strength.sign for strength in Strength}) == len(Strength)


def test_the_strongest_words_stand_first_whatever_their_sign() -> None:
    assert [word["weight"] for word in words.strongest(weighed(0.1, -0.8, 0.3), 2)] == [-0.8, 0.3]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "good 90.0% (of an empty text 50.0%)"),
        ({"is_predicted": False, "prediction": {"label": "bad"}}, "good 90.0% (of an empty text 50.0%); predicted: bad"),
        ({"is_predicted": False, "prediction": {"labels": []}}, "good 90.0% (of an empty text 50.0%); predicted: no label"),
        ({"kind": "score", "value": 3.25, "value_of_empty_text": 2}, "score 3.25 (of an empty text 2)"),
    ],
)
def test_what_is_said_of_a_text(changes: dict[str, Any], expected: str) -> None:
    assert words.prediction_sentence({**TEXT, **changes}) == expected


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"completeness_error": 0.002, "steps": 64}, "m: the weights add up within 0.20% of what they explain, after 64 steps."),
        ({"predictions": 1000, "fit": 0.5}, "m: a linear model of 1,000 texts without some words; R² 0.50."),
        ({"predictions": 9}, "m: 9 texts without some words were looked at."),
        ({"about": "where the model looked."}, "m: where the model looked."),
        ({}, ""),
    ],
)
def test_what_a_method_says_of_itself(facts: dict[str, Any], expected: str) -> None:
    assert words.method_sentence({"method": facts}, "m") == expected


@pytest.mark.parametrize(
    ("area", "kind", "expected"),
    [
        (0.25, "probability", "take 25.0 points more than in random order: the weights know more than chance."),
        (-0.1, "probability", "take 10.0 points less than in random order: do not trust these weights."),
        (0.5, "score", "take 0.5 of the score more than in random order: the weights know more than chance."),
    ],
)
def test_what_the_deletion_curve_says(area: float, kind: str, expected: str) -> None:
    assert words.deletion_sentence({"faithfulness": {"area_between": area}, "kind": kind}) == f"Left out by weight, words {expected}"


def test_what_was_not_measured_is_not_said() -> None:
    assert words.deletion_sentence({**TEXT, "faithfulness": None}) == ""
    assert words.mean_deletion_sentence({"mean_area_between": None, "kind": "score"}) == ""
    assert words.flip_sentence({**TEXT, "searched": False}) == ""


def test_what_changes_the_answer() -> None:
    found = {"removed": ["not", "a\nb"], "prediction": {"label": "bad"}, "value": 0.25}
    assert words.flip_sentence({**TEXT, "counterexample": found}) == "Without “not”, “a b” the answer is bad (good 25.0%)."
    assert words.flip_sentence(TEXT).startswith("No counterexample: leaving out up to half of the words")
