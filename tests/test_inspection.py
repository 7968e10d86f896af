"""What is odd about single examples: found where it is, and not where it is not."""

from typing import Any

import pytest

from slmcli.inspection import Inspection, Tally, split_row, text_of
from slmcli.reading import Example


def look(values: dict[str, Any], task: str = "topic") -> dict[str, Tally]:
    """Return what is found in one example."""
    found = Inspection(task)
    found.add(Example({"label": "good", **values} if task == "topic" else values, "soups.csv", 7))
    return found.tallies


@pytest.mark.parametrize(
    "text",
    ["caf\u00c3\u00a9", "it\u00e2\u20ac\u2122s", "that\x92s", "a\ufffdb", "锟斤拷", "烫烫烫烫", "\u00c2\u00a33"],
    ids=["UTF-8 as Latin-1", "UTF-8 as Windows-1252", "Windows-1252 as Latin-1", "replaced", "UTF-8 as GBK", "unset memory", "pound sign"],
)
def test_wrongly_decoded_texts_are_found(text: str) -> None:
    assert "mojibake" in look({"text": text})


@pytest.mark.parametrize("text", ["café", "São", "汤很烫烫烫", "100 £", "naïve", "😀", "Ärger", "ÃO"], ids=str)
def test_rightly_decoded_texts_are_not(text: str) -> None:
    assert look({"text": text}) == {}


@pytest.mark.parametrize("character", ["\x00", "\x1b", "\x7f", "\u200b", "\u00ad", "\ufeff", "\u202e"], ids=ascii)
def test_control_and_invisible_characters_are_found_and_written_out(character: str) -> None:
    found = look({"text": f"warm{character} soup"})["control_characters"]
    assert found.rows == [f"soups.csv:7: warm{ascii(character)[1:-1]} soup"]


@pytest.mark.parametrize("text", ["line\nline\ttab\r\n", "👩\u200d🍳", "می\u200cخواهم"], ids=["white space", "emoji", "Persian"])
def test_characters_that_belong_there_are_not(text: str) -> None:
    assert look({"text": text}) == {}


@pytest.mark.parametrize("text", ["a <b>bold</b> soup", "salt &amp; pepper", "&#32;", "<br />"])
def test_markup_is_found(text: str) -> None:
    assert "markup" in look({"text": text})


@pytest.mark.parametrize("text", ["<3 soup", "a < b", "R&D", "1 & 2;"])
def test_signs_that_are_no_markup_are_not(text: str) -> None:
    assert look({"text": text}) == {}


def test_a_word_of_two_alphabets_is_found() -> None:
    assert "mixed_scripts" in look({"text": "p\u0430ypal"})


def test_words_of_two_alphabets_side_by_side_are_not() -> None:
    assert look({"text": "суп soup"}) == {}


def test_an_excerpt_shows_the_place_that_is_odd() -> None:
    text = "soup " * 40 + "<b>bold</b>" + " soup" * 40
    place, excerpt = split_row(look({"text": text})["markup"].rows[0])
    assert place == "soups.csv:7"
    assert excerpt == "…" + ("soup " * 6 + "<b>bold</b>" + " soup" * 40)[:78] + "…"


def test_a_label_that_reads_like_a_text_and_is_longer_is_found() -> None:
    found = look({"text": "good", "label": "the soup was warm and the bread was fresh, we will come again"})["swapped_columns"]
    assert found.rows == ["soups.csv:7: good | the soup was warm and the bread was f…"]


@pytest.mark.parametrize("label", ["balance_not_updated_after_cheque_or_cash_deposit", "short label"], ids=["one long word", "short"])
def test_a_long_name_of_a_label_is_no_text(label: str) -> None:
    assert look({"text": "where is it?", "label": label}) == {}


def test_a_tag_that_cannot_follow_is_shown_with_its_word() -> None:
    found = look({"tokens": ["in", "Bern", "today"], "tags": ["O", "I-LOC", "O"]}, "ner")["invalid_transition"]
    assert found.rows == ["soups.csv:7: I-LOC after O, word 2, 'Bern': in Bern today"]


def test_tags_that_follow_each_other_are_no_finding() -> None:
    assert look({"tokens": ["in", "New", "York"], "tags": ["O", "B-LOC", "I-LOC"]}, "ner") == {}


def test_words_without_a_tag_each_are_found() -> None:
    found = look({"tokens": ["in", "Bern"], "tags": ["O"]}, "ner")["tags_differ_in_number"]
    assert found.rows == ["soups.csv:7: 2 words, 1 tags: in Bern"]


def test_an_answer_that_stands_elsewhere_is_shown_with_what_stands_there() -> None:
    values = {"context": "The soup is warm.", "question": "How?", "answers": {"text": ["warm"], "answer_start": [4]}}
    assert look(values, "qa")["answer_not_found"].rows == ["soups.csv:7: answer 'warm', but 'soup' stands at 4"]


def test_an_answer_that_stands_where_it_says_is_no_finding() -> None:
    assert look({"context": "The soup is warm.", "question": "How?", "answers": {"text": ["warm"], "answer_start": [12]}}, "qa") == {}


@pytest.mark.parametrize(
    ("texts", "starts", "found"),
    [
        (["warm", "cold"], [12, 0], "alternative_not_found"),
        (["cold", "warm"], [0, 12], "alternative_not_found"),
        (["cold", "old"], [0, 0], "answer_not_found"),
        (["", "cold"], [0, 0], "answer_not_found"),
        (["warm", "cold"], [12, -4], "alternative_not_found"),
    ],
    ids=["second wrong", "first wrong", "both wrong", "empty and wrong", "negative start"],
)
def test_a_wrong_answer_beside_a_right_one_loses_nothing(texts: list[str], starts: list[int], found: str) -> None:
    assert list(look({"context": "The soup is warm.", "question": "How?", "answers": {"text": texts, "answer_start": starts}}, "qa")) == [found]


def test_lines_of_very_different_length_are_shown_side_by_side() -> None:
    found = look({"source": "a very long line about a very warm soup", "target": "@@"}, "translation")["length_ratio"]
    assert found.rows == ["soups.csv:7: a very long line about a very warm so… | @@"]


def test_a_line_equal_to_its_translation_is_found() -> None:
    assert "identical_pair" in look({"source": "warm soup", "target": "warm soup"}, "translation")


def test_every_text_of_an_example_is_looked_at() -> None:
    assert "markup" in look({"source": "warm soup", "target": "<b>warme</b> Suppe"}, "translation")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"text": "a", "text_pair": "b"}, "a\nb"),
        ({"context": "a", "question": "b"}, "b\na"),
        ({"context": ["a", "b"], "response": "c"}, "a\nb\nc"),
        ({"tokens": ["a", "b"]}, "a b"),
        ({"text": ""}, ""),
    ],
    ids=["pair", "question", "dialogue", "words", "nothing"],
)
def test_the_text_of_an_example_is_all_its_texts(values: dict[str, Any], text: str) -> None:
    assert text_of(Example(values, "soups.csv", 1)) == text


def test_merged_inspections_are_as_one() -> None:
    together, first, second = Inspection("topic"), Inspection("topic"), Inspection("topic")
    examples = [Example({"text": "warm <b>", "label": "a"}, "soups.csv", 1), Example({"text": "", "label": None}, "soups.csv", 2)]
    for each, alone in zip(examples, (first, second), strict=True):
        together.add(each, is_usable=bool(each.label))
        alone.add(each, is_usable=bool(each.label))
    first.merge(second)
    assert vars(first) == vars(together)


@pytest.mark.parametrize(
    ("row", "parts"),
    [("a/b.csv:3: soup: warm", ("a/b.csv:3", "soup: warm")), ("b.csv:3: ", ("b.csv:3", "")), ("soup", ("", "soup"))],
    ids=["excerpt", "empty", "no place"],
)
def test_a_row_is_split_into_place_and_excerpt(row: str, parts: tuple[str, str]) -> None:
    assert split_row(row) == parts
