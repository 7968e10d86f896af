"""Cleaning with the origin of each character."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slmcli.cleaning import clean, clean_aligned
from slmcli.cleaning_steps import CLEANING_STEPS
from slmcli.config import CleaningSettings

# every step, with the arguments that take another way
STEPS = [step for step in CLEANING_STEPS if step not in ("stopwords", "stem")] + ["repeats:1", "stopwords:en", "stopwords:zh", "stem:german"]
PARTS = [
    "<b>", "&amp;", "&eacute", "#39;", "http://a.b/c", "www.x", "a@b.cd", "@ann", "12.5%", "7", " ", "\t\n", "\u3000", "aaaa", "the", "cats",
    "don't", "的", "我们", "頭髮", "\u0301", "\u0327", "\u1100", "\u1161", "\u11a8", "İ", "Σ", "\u212b", "ﬁ", "\uff76\uff9e", "e\u0301", "\u034f",
    "_url_", "\ud83d", "\ude00", "\ud83d\ude00", "😀", "!", "_", "’", "ﷺ",
]  # fmt: skip
ODD = st.lists(st.one_of(st.sampled_from(PARTS), st.characters(exclude_categories=())), max_size=12).map("".join)


@pytest.mark.parametrize("step", STEPS)
@settings(max_examples=300, deadline=None, derandomize=True)
@given(text=ODD)
@example(text="&<b>amp;")
@example(text="ΑΣ ΑΣΑ")
@example(text="\u1100\u034f\u1161")
def test_alignment_gives_the_same_text_and_places_in_order(step: str, text: str) -> None:
    check(text, [step])


@settings(max_examples=1000, deadline=None, derandomize=True)
@given(text=ODD, steps=st.lists(st.sampled_from(STEPS), max_size=6, unique_by=lambda step: step.split(":")[0]))
def test_alignment_gives_the_same_text_for_all_orders(text: str, steps: list[str]) -> None:
    check(text, steps)


def check(text: str, steps: list[str]) -> None:
    chosen = CleaningSettings(cleaning=steps)
    cleaned, starts, ends = clean_aligned(text, chosen)
    assert cleaned == clean(text, chosen)
    assert len(starts) == len(ends) == len(cleaned)
    assert starts == sorted(starts)
    assert ends == sorted(ends)
    assert all(0 <= start < end <= len(text) for start, end in zip(starts, ends, strict=True))
    assert cleaned.encode("utf-8").decode("utf-8") == cleaned


def places(text: str, *steps: str) -> list[tuple[str, str]]:
    """Return each cleaned character with the part of the text it came from."""
    cleaned, starts, ends = clean_aligned(text, CleaningSettings(cleaning=list(steps)))
    return [(character, text[start:end]) for character, start, end in zip(cleaned, starts, ends, strict=True)]


def test_characters_point_at_their_origin() -> None:
    cleaned, starts, ends = clean_aligned("  <b>Café&amp;Ｂar</b>", CleaningSettings())
    assert list(zip(cleaned, starts, ends, strict=True)) == [
        ("c", 5, 6), ("a", 6, 7), ("f", 7, 8), ("é", 8, 9), ("&", 9, 14), ("b", 14, 15), ("a", 15, 16), ("r", 16, 17),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "steps", "expected"),
    [
        ("ﬁt", ["nfkc"], [("f", "ﬁ"), ("i", "ﬁ"), ("t", "t")]),
        ("ae\u0301", ["nfc"], [("a", "a"), ("é", "e\u0301")]),
        ("\uff76\uff9e", ["nfkc"], [("ガ", "\uff76\uff9e")]),
        ("\u1112\u1161\u11ab", ["nfc"], [("한", "\u1112\u1161\u11ab")]),
        ("aİb", ["lowercase"], [("a", "a"), ("i", "İ"), ("\u0307", "İ"), ("b", "b")]),
        ("a<br>  b", ["markup", "whitespace"], [("a", "a"), (" ", "<br>  "), ("b", "b")]),
        ("aXXXXb", ["lowercase", "repeats:1"], [("a", "a"), ("x", "XXXX"), ("b", "b")]),
        ("the soup", ["stopwords:en", "whitespace"], [("s", "s"), ("o", "o"), ("u", "u"), ("p", "p")]),
        ("我们的汤", ["stopwords:zh", "whitespace"], [("汤", "汤")]),
        ("cats!", ["stem"], [("c", "cats"), ("a", "cats"), ("t", "cats"), ("!", "!")]),
        ("頭髮", ["simplified"], [("头", "頭"), ("发", "髮")]),
        ("\ud83d\ude00\ud83d", [], [("😀", "\ud83d\ude00"), ("\ufffd", "\ud83d")]),
    ],
    ids=["ligature", "mark", "voiced", "hangul", "dot", "tag and spaces", "run", "word", "chinese word", "stem", "characters", "surrogates"],
)
def test_changed_characters_point_at_all_they_came_from(text: str, steps: list[str], expected: list[tuple[str, str]]) -> None:
    assert places(text, *steps) == expected


def test_a_placeholder_points_at_what_it_replaces() -> None:
    assert set(places("a@b.cd", "emails")) == {(character, "a@b.cd") for character in "_email_"}
