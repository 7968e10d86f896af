"""Cleaning: markup, Unicode form, case and spaces, each on request."""

import pytest

from slmcli.cleaning import clean
from slmcli.config import CleaningSettings

PLAIN = CleaningSettings(cleaning=["whitespace"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one<br/>two", "one two"),
        ("<p class='x'>warm</p> bread", "warm bread"),
        ("a <!-- note --> b", "a b"),
        ("5 &lt; 6 &amp; 7", "5 < 6 & 7"),
        ("caf&eacute; &#x4f60;&#22909;", "café 你好"),
    ],
    ids=["line break", "attribute", "comment", "entity", "numeric entity"],
)
def test_markup_is_removed_and_entities_are_resolved(text: str, expected: str) -> None:
    assert clean(text, CleaningSettings()) == expected


@pytest.mark.parametrize("text", ["a < b and c > d", "i <3 soup", "x<5 y>2", "<>", "2 << 3"])
def test_signs_that_are_no_markup_stay(text: str) -> None:
    assert clean(text, CleaningSettings()) == text


def test_markup_stays_when_it_is_not_to_be_removed() -> None:
    assert clean("<b>warm</b> &amp; dry", CleaningSettings(cleaning=["nfkc", "lowercase", "whitespace"])) == "<b>warm</b> &amp; dry"


@pytest.mark.parametrize(
    ("form", "expected"),
    [("nfkc", "fine abc é"), ("nfc", "ﬁne ａｂｃ é"), ("none", "ﬁne ａｂｃ e\u0301")],
)
def test_the_unicode_form_decides_what_is_one_letter(form: str, expected: str) -> None:
    assert clean("ﬁne ａｂｃ e\u0301", CleaningSettings(cleaning=[form])) == expected


def test_an_entity_is_resolved_before_the_unicode_form_is_applied() -> None:
    assert clean("&#xFF21;", CleaningSettings()) == "a"


def test_upper_case_is_folded() -> None:
    assert clean("GROẞE Öfen", CleaningSettings()) == "große öfen"


def test_upper_case_stays_when_it_is_not_to_be_folded() -> None:
    assert clean("NASA in May", CleaningSettings(cleaning=["nfkc", "whitespace"])) == "NASA in May"


@pytest.mark.parametrize("space", ["  ", "\t", "\r\n", "\u00a0", "\u3000", "\u2028"], ids=["two", "tab", "line end", "hard", "wide", "separator"])
def test_any_run_of_spaces_becomes_one(space: str) -> None:
    assert clean(f"{space}red{space}boat{space}", PLAIN) == "red boat"


@pytest.mark.parametrize("text", ["", " ", "\n\t", "<br>", "&nbsp;"], ids=["empty", "space", "lines", "markup", "entity"])
def test_a_text_without_content_becomes_empty(text: str) -> None:
    assert clean(text, CleaningSettings()) == ""


@pytest.mark.parametrize("text", ["\ud800", "\udfff", "\udc00\ud800"], ids=["first half", "second half", "wrong order"])
def test_lone_surrogates_become_replacement_characters(text: str) -> None:
    assert clean(text, PLAIN) == "\ufffd" * len(text)


def test_the_two_halves_of_one_character_are_joined() -> None:
    assert clean("\ud83d\ude00", PLAIN) == "😀"


@pytest.mark.parametrize(
    "text", ["a\ud800b", "&#xD800;", "&#0;", "&#x110000;", "\x00", "\ufffe"], ids=["half", "entity half", "null", "beyond", "zero", "noncharacter"]
)
def test_a_cleaned_text_can_be_written_as_utf_8(text: str) -> None:
    assert clean(text, CleaningSettings()).encode("utf-8")


@pytest.mark.parametrize("text", ["İstanbul", "ὈΔΥΣΣΕΎΣ", "ﷺ", "👨‍👩‍👧", "שָׁלוֹם", "한국어"])
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text, CleaningSettings())
    assert clean(once, CleaningSettings()) == once
