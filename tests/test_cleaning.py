"""Cleaning as a whole: the default steps, the order of steps, odd texts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.cleaning import clean, normal_form, resolve
from slmcli.cleaning_steps import CLEANING_STEPS
from slmcli.config import CleaningSettings


def cleaned(text: str, *steps: str) -> str:
    return clean(text, CleaningSettings(cleaning=list(steps)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p class='x'>Warm</p>\r\n bread", "warm bread"),
        ("  GROẞE&nbsp;Öfen ", "große öfen"),
        ("&#xFF21;", "a"),
        ("＜b＞ 面包，<br />汤。", "<b> 面包, 汤。"),
    ],
    ids=["markup", "spaces", "entity before the Unicode form", "chinese"],
)
def test_the_default_steps(text: str, expected: str) -> None:
    assert clean(text, CleaningSettings()) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\t", "<br>", "&nbsp;"], ids=["empty", "space", "lines", "markup", "entity"])
def test_a_text_without_content_becomes_empty(text: str) -> None:
    assert clean(text, CleaningSettings()) == ""


def test_without_steps_the_text_stays() -> None:
    assert cleaned(" <b>Ａ</b> ") == " <b>Ａ</b> "


@pytest.mark.parametrize(
    ("text", "steps", "expected"),
    [
        ("＜b＞x", ["markup", "nfkc"], "<b>x"),
        ("＜b＞x", ["nfkc", "markup"], " x"),
        ("a@b.example", ["emails", "punctuation"], "_email_"),
        ("a@b.example", ["punctuation", "emails"], "a b example"),
        ("OOooo", ["lowercase", "repeats"], "ooo"),
        ("OOooo", ["repeats", "lowercase"], "ooooo"),
        ("would've gone", ["stopwords:en", "punctuation"], " "),
        ("would've gone", ["punctuation", "stopwords:en"], "wouldve "),
        ("頭髮的", ["simplified", "stopwords:zh"], "头发 "),
        ("這個頭髮", ["stopwords:zh", "simplified"], "这个头发"),
    ],
)
def test_steps_work_in_the_order_they_are_given(text: str, steps: list[str], expected: str) -> None:
    assert cleaned(text, *steps) == expected


@pytest.mark.parametrize(
    "text", ["a\ud800b", "&#xD800;", "&#0;", "&#x110000;", "\x00", "\ufffe"], ids=["half", "entity half", "null", "beyond", "zero", "noncharacter"]
)
def test_a_cleaned_text_can_be_written_as_utf_8(text: str) -> None:
    assert clean(text, CleaningSettings()).encode("utf-8")


@pytest.mark.parametrize("text", ["İstanbul", "ὈΔΥΣΣΕΎΣ", "ﷺ", "👨‍👩‍👧", "שָׁלוֹם", "한국어", "\ufeffsoup", "\x1fsoup\x85"])
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    once = clean(text, CleaningSettings())
    assert clean(once, CleaningSettings()) == once


@settings(max_examples=500, deadline=None, derandomize=True)
@given(text=st.text(st.characters(max_codepoint=0x2FF, exclude_characters="<&")))
def test_cleaning_latin_text_without_markup_twice_is_cleaning_once(text: str) -> None:
    once = clean(text, CleaningSettings())
    assert clean(once, CleaningSettings()) == once


def test_an_escaped_tag_is_text_the_first_time_and_markup_the_second() -> None:
    assert clean("&lt;b&gt;", CleaningSettings()) == "<b>"


@pytest.mark.parametrize("text", ["Warm  Bread", "<b>warm</b> bread", "ｗａｒｍ bread\n"])
def test_the_normal_form_is_the_same_for_texts_that_differ_in_form_only(text: str) -> None:
    assert normal_form(text) == "warm bread"


def test_steps_without_lists_are_resolved_already() -> None:
    assert resolve(CleaningSettings()) == CleaningSettings()


@pytest.mark.parametrize("step", [step for step in CLEANING_STEPS if step != "stopwords"])
@pytest.mark.parametrize(
    "text",
    ["<" * 50_000, "&" * 50_000, "a." * 50_000, "1." * 50_000 + "x", "www." * 20_000, "a@" * 50_000, "http://a" + "." * 50_000, "ay" * 50_000],
    ids=["tag", "entity", "dots", "number", "address", "mail", "end of address", "word"],
)
def test_no_step_is_slow_on_a_text_that_looks_like_the_start_of_something(step: str, text: str) -> None:
    assert cleaned(text, step)
