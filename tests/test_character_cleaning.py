"""Cleaning steps that look at characters: each by worked examples."""

import sys
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.character_cleaning import LOWERCASE, Normalization, Surrogates
from slmcli.cleaning import clean
from slmcli.config import CleaningSettings


def cleaned(text: str, *steps: str) -> str:
    return clean(text, CleaningSettings(cleaning=list(steps)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("one<br/>two", "one two"),
        ("<p class='x'>warm</p> bread", " warm  bread"),
        ("a<!-- note -->b", "a b"),
        ("5 &lt; 6 &amp; 7", "5 < 6 & 7"),
        ("caf&eacute; &#x4f60;&#22909;", "café 你好"),
        ("&am<b>p;", "&am p;"),
        ("&lt;b&gt;", "<b>"),
    ],
    ids=["line break", "attribute", "comment", "entity", "numeric entity", "tag inside an entity", "escaped tag"],
)
def test_markup_is_removed_and_entities_are_resolved(text: str, expected: str) -> None:
    assert cleaned(text, "markup") == expected


@pytest.mark.parametrize("text", ["a < b and c > d", "i <3 soup", "x<5 y>2", "<>", "2 << 3", "AT & T", "a &", "<" + "a" * 300 + ">"])
def test_signs_that_are_no_markup_stay(text: str) -> None:
    assert cleaned(text, "markup") == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the baker#39;s", "the baker's"),
        ("quot;warmquot; #36;5", '"warmquot; $5'),
        ("salt &amp;quot;and&amp;quot; bread", 'salt "and" bread'),
        ("lt;b gt;", "<b >"),
        ("page #3; &#39; clamp; #39", "page #3; &#39; clamp; #39"),
    ],
    ids=["apostrophe", "quotation mark", "escaped twice", "signs", "not broken"],
)
def test_entities_without_their_first_sign_are_resolved(text: str, expected: str) -> None:
    assert cleaned(text, "broken_entities") == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [("nfkc", "fine abc é"), ("nfc", "ﬁne ａｂｃ é"), ("nfd", "ﬁne ａｂｃ e\u0301"), ("none", "ﬁne ａｂｃ e\u0301")],
)
def test_the_unicode_form_decides_what_is_one_letter(steps: str, expected: str) -> None:
    assert cleaned("ﬁne ａｂｃ e\u0301", steps) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see https://soup.example/a_(b)?x=1&y=2.", "see _url_ ."),
        ("(www.soup.example)", "( _url_ )"),
        ("看http://t.example/abc好看", "看 _url_ 好看"),
        ("HTTPS://Soup.Example/Öl, ftp://a.b", "_url_ , _url_"),
        ("http:// www. awww.x http://…", "http:// www. awww.x http://…"),
    ],
    ids=["sentence", "brackets", "chinese", "capitals", "no address"],
)
def test_addresses_become_a_placeholder(text: str, expected: str) -> None:
    assert cleaned(text, "urls") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to ann.b+c@soup.example.", "write to _email_ ."),
        ("联系ann@soup.example谢谢", "联系 _email_ 谢谢"),
        ("@ann a@b a@@b.c", "@ann a@b a@@b.c"),
    ],
)
def test_mail_addresses_become_a_placeholder(text: str, expected: str) -> None:
    assert cleaned(text, "emails") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("@ann_1, hi", "_user_ , hi"), ("谢谢@小王 再见", "谢谢@小王 再见"), ("//@小王: 好", "// _user_ : 好"), ("a@b.c @ x", "a@b.c @ x")],
)
def test_mentions_become_a_placeholder(text: str, expected: str) -> None:
    assert cleaned(text, "mentions") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12% of 1,234.5", "_number_ of _number_"),
        ("有3个，共４５％", "有 _number_ 个，共 _number_"),
        ("at 10:30.", "at _number_ : _number_ ."),
        ("3.5, then 4.", "_number_ , then _number_ ."),
        ("-5 5%5%", "- _number_ _number_  _number_"),
        ("mp3 5kg 2.5kg x1.5 half½", "mp3 5kg 2.5kg x1.5 half½"),
    ],
    ids=["english", "chinese", "time", "comma", "signs", "inside words"],
)
def test_numbers_become_a_placeholder(text: str, expected: str) -> None:
    assert cleaned(text, "numbers") == expected


@pytest.mark.parametrize(
    ("step", "text", "expected"),
    [
        ("repeats", "soooooo goood!!!! 10000", "sooo goood!!! 10000"),
        ("repeats:1", "soooo good", "so god"),
        ("repeats:2", "哈哈哈哈哈    a", "哈哈    a"),
    ],
)
def test_long_runs_of_one_character_are_cut(step: str, text: str, expected: str) -> None:
    assert cleaned(text, step) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("Café Ångström", "Cafe Angstrom"), ("cafe\u0301\u0327", "cafe"), ("ά й", "α и"), ("がぎ 한국 שָׁ हिन्दी ø", "がぎ 한국 שָׁ हिन्दी ø")],
    ids=["composed", "decomposed", "greek and cyrillic", "other scripts"],
)
def test_marks_are_taken_off_letters(text: str, expected: str) -> None:
    assert cleaned(text, "accents") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("don't stop; it’s 5$", "dont stop  its 5 "),
        ("好，吃！", "好 吃 "),
        ("_url_ (a_b) 😀 €", "_url_  a b  😀 €"),
        ("rock'n'roll 'n'", "rocknroll  n "),
    ],
    ids=["english", "chinese", "placeholder and symbols", "apostrophes"],
)
def test_punctuation_becomes_space_and_inner_apostrophes_go(text: str, expected: str) -> None:
    assert cleaned(text, "punctuation") == expected


@pytest.mark.parametrize("text", ["GROẞE Öfen", "ΟΔΟΣ ΣΑΣ", "İstanbul", "ǅ Ⅷ"])
def test_lower_case_is_that_of_python(text: str) -> None:
    assert cleaned(text, "lowercase") == text.lower()


def test_one_character_alone_has_a_longer_lower_case() -> None:
    assert [chr(code) for code in range(sys.maxunicode + 1) if len(chr(code).lower()) != 1] == ["\u0130"]
    assert list(LOWERCASE.moves("a\u0130")) == [(1, 2, 2)]


@pytest.mark.parametrize("space", ["  ", "\t", "\r\n", "\u00a0", "\u3000", "\u2028"], ids=["two", "tab", "line end", "hard", "wide", "separator"])
def test_any_run_of_spaces_becomes_one(space: str) -> None:
    assert cleaned(f"{space}red{space}boat{space}", "whitespace") == "red boat"


@pytest.mark.parametrize("text", ["\ud800", "\udfff", "\udc00\ud800"], ids=["first half", "second half", "wrong order"])
def test_lone_surrogates_become_replacement_characters(text: str) -> None:
    assert Surrogates().apply(text) == "\ufffd" * len(text)


def test_the_two_halves_of_one_character_are_joined() -> None:
    assert Surrogates().apply("\ud83d\ude00") == "😀"


# what joins or reorders, beside characters of all planes
JOINING = "aeA \u0301\u0327\u0308\u034f\u0345\u1100\u1161\u11a8\uac00\u09c7\u09be\u1025\u102e\uff76\uff9e\ufb1f\u0f71\u0f72\u0f73\U000110a5\U000110ba"


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC"])
@settings(max_examples=2000, deadline=None, derandomize=True)
@given(text=st.text(st.one_of(st.sampled_from(JOINING), st.characters(exclude_categories=["Cs"])), max_size=12))
def test_clusters_are_normalized_as_the_whole_text_is(form: str, text: str) -> None:
    changed, position = "", 0
    for start, end, length in Normalization(form).moves(text):  # type: ignore[arg-type]  # one of three names
        changed += text[position:start] + unicodedata.normalize(form, text[start:end])  # type: ignore[arg-type]
        assert len(unicodedata.normalize(form, text[start:end])) == length  # type: ignore[arg-type]
        position = end
    assert changed + text[position:] == unicodedata.normalize(form, text)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC"])
def test_every_character_behind_one_that_composes_is_normalized_as_in_the_whole_text(form: str) -> None:
    assigned = [
        chr(code) for code in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xD7B0, 0xD800), *range(0xF900, 0x17000), *range(0x1B000, 0x20000))
    ]
    text = "".join(first + character for character in assigned for first in "a\uac00\u1100\u09c7\u1025\U000110a5")
    normal = "".join(_normal_pieces(text, Normalization(form)))  # type: ignore[arg-type]  # one of three names
    assert normal == unicodedata.normalize(form, text)  # type: ignore[arg-type]


def _normal_pieces(text: str, step: Normalization) -> list[str]:
    pieces, position = [], 0
    for start, end, _ in step.moves(text):
        pieces += [text[position:start], step.normalize(text[start:end])]
        position = end
    return [*pieces, text[position:]]


@pytest.mark.parametrize(("digits", "expected"), [("1" * 5000, "\ufffd"), ("0" * 5000 + "65", "A"), ("0" * 5000, "\ufffd")])
def test_a_reference_of_any_number_of_digits_is_read(digits: str, expected: str) -> None:
    assert clean(f"a&#{digits};b", CleaningSettings(cleaning=["markup"])) == f"a{expected}b"
