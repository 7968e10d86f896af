"""The page of an explanation: everything it says, nothing from elsewhere, and no text that becomes markup."""

from typing import Any

import pytest
from report.parsed_page import Page

from slmcli.report.explanation_page import render_explanation

WORDS = [
    {"word": "<script>", "start": 0, "end": 8, "weight": 0.4},
    {"word": "汤", "start": 9, "end": 10, "weight": -0.3},
    {"word": "👍🏽", "start": 11, "end": 13, "weight": 0.0},
]
CURVE = {"removed": [0, 1, 2, 3], "by_weight": [0.9, 0.4, 0.5, 0.6], "at_random": [0.9, 0.8, 0.7, 0.6], "area_between": 0.2, "random_orders": 5}
TEXT: dict[str, Any] = {
    "text": "<script> 汤 👍🏽",
    "prediction": {"label": "good"},
    "explained": "good",
    "kind": "probability",
    "value": 0.9,
    "value_of_empty_text": 0.6,
    "is_predicted": True,
    "words": WORDS,
    "method": {"predictions": 4},
    "faithfulness": CURVE,
    "searched": True,
    "counterexample": None,
    "exchanged": {},
    "notes": ["A note with --max-words."],
}
HEAD: dict[str, Any] = {
    "format_version": 1,
    "model": "m",
    "task": "sentiment",
    "format": "keras",
    "method": "lime",
    "source": "s, section 1",
    "seed": 0,
}


def page(*texts: dict[str, Any]) -> Page:
    return Page(render_explanation({**HEAD, "texts": list(texts)}, top=5))


def test_a_text_is_shown_and_never_becomes_markup() -> None:
    found = page(TEXT)
    assert "script" not in found.tags
    assert "<script>++ 汤−− 👍🏽" in found.text


def test_two_texts_are_shown_one_below_the_other() -> None:
    words = [{**WORDS[0], "field": "text"}, {**WORDS[0], "word": "very", "start": 4, "end": 8, "field": "text_pair", "weight": -0.4}]
    found = page({**TEXT, "words": words, "text_pair": "not very<b>"})
    assert "<script>++ 汤 👍🏽" in found.text
    assert "not very−−<b>" in found.text
    assert "very · text_pair" in " ".join(found.text.split())


def test_nothing_comes_from_elsewhere() -> None:
    assert not [value for name, value in page(TEXT).attributes if name in ("src", "href", "action") or "http" in (value or "")]


def test_signs_are_on_the_words_and_in_the_legend() -> None:
    classes = [value for name, value in page(TEXT).attributes if name == "class"]
    assert [name for name in classes if name and name.startswith("word")] == [
        "word for strong",
        "word against strong",
        "word for strong",
        "word for",
        "word against",
        "word against strong",
    ]


def test_headings_go_down_one_by_one() -> None:
    assert [tag for tag in page(TEXT).tags if tag in ("h1", "h2", "h3")] == ["h1", "h2", "h2"]
    assert [tag for tag in page(TEXT, TEXT).tags if tag in ("h1", "h2", "h3")] == ["h1", *["h2", "h3", "h3"] * 2]


def test_what_is_to_be_known_is_said() -> None:
    text = page(TEXT).text
    assert "good 90.0% (of an empty text 0.6" not in text
    assert "good 90.0% (of an empty text 60.0%)" in text
    assert "A note with --max-words." in text
    assert "the weights know more than chance" in text


@pytest.mark.parametrize(
    "changes", [{"words": [], "faithfulness": None, "text": ""}, {"faithfulness": {**CURVE, "by_weight": [0.9] * 4, "at_random": [0.9] * 4}}]
)
def test_a_text_without_words_or_without_change_has_a_page(changes: dict[str, Any]) -> None:
    assert "slm explanation" in page({**TEXT, **changes}).text


def test_numbers_beyond_0_and_1_have_an_axis_of_their_own() -> None:
    curve = {**CURVE, "by_weight": [4.0, 2.5, 1.0, 1.5], "at_random": [4.0, 3.0, 2.0, 1.5]}
    assert "41" in page({**TEXT, "kind": "score", "faithfulness": curve}).text


def test_a_corpus_has_a_table_for_each_label() -> None:
    row = {"word": "汤<b>", "weight": 0.2, "count": 1234, "texts": 7}
    result = {**HEAD, "split": "test", "texts": 9, "explained": 8, "kind": "probability", "mean_area_between": 0.1}
    found = Page(render_explanation({**result, "labels": {"good": {"texts": 8, "for": [row], "against": []}}}, top=5))
    assert "汤<b>" in found.text
    assert "1,234" in found.text
    assert "b" not in found.tags
