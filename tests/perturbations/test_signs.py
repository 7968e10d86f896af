"""Perturbations of signs, capitals, white space, and of what stands beside a text, worked out by hand."""

import re
from typing import Any

import pytest

from slmcli.perturbations import PERTURBATIONS


def apply(name: str, text: str, *, seed: int = 0) -> Any:
    """Return a text changed by a perturbation."""
    return PERTURBATIONS.load(name).apply(text, seed=seed)


@pytest.mark.parametrize(
    ("name", "text", "changed"),
    [
        ("lower_case", "My TEA, Öl", "my tea, öl"),
        ("upper_case", "My tea at https://a.example/b &amp; @jo", "MY TEA AT https://a.example/b &amp; @jo"),
        ("no_punctuation", "Well, it's 4.50; a two-hour film!!", "Well it's 4.50 a two-hour film"),
        ("no_punctuation", "good,bad", "good bad"),
        ("no_punctuation", "很好，“推荐”！", "很好推荐"),
        ("doubled_punctuation", "Well, it is 4.50! Ok?", "Well,, it is 4.50!! Ok??"),
        ("doubled_punctuation", "很好，推荐！", "很好，，推荐！！"),
        ("width", "很好，推荐！", "很好,推荐!"),
        ("width", "很好,推荐! 只要3.5元", "很好，推荐！ 只要3.5元"),
        ("width", "Ａ级１号，好", "A级1号,好"),
        ("white_space", "cold soup", "cold  soup"),
        ("white_space", "soup", "  soup  "),
        ("white_space", "房间干净", "房间 干净"),
        ("line_ends", "One. Two!", "One.\r\nTwo!\r\n"),
        ("line_ends", "One\nTwo\r\n", "One\r\nTwo\r\n"),
        ("line_ends", "一。二！", "一。\r\n二！\r\n"),
        ("markup", "soup", "<p>soup</p>"),
    ],
)
def test_a_text_is_changed(name: str, text: str, changed: str) -> None:
    assert apply(name, text) == changed


@pytest.mark.parametrize(
    ("name", "text"),
    [("lower_case", "my tea"), ("upper_case", "MY TEA"), ("no_punctuation", "my tea"), ("doubled_punctuation", "v1.5"), ("width", "很好")],
)
def test_where_there_is_nothing_to_change_there_is_no_text(name: str, text: str) -> None:
    assert apply(name, text) is None


def test_markup_takes_the_place_of_a_space() -> None:
    assert re.fullmatch(r"cold(<br />|<br>|&nbsp;|<br /><br />)soup", apply("markup", "cold soup"))


def test_markup_stands_behind_a_chinese_sentence() -> None:
    assert re.fullmatch(r"汤冷。(<br />|<br>|&nbsp;|<br /><br />)不好", apply("markup", "汤冷。不好"))


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("url", r"soup https://example\.com/[a-z0-9]{8}|https://example\.com/[a-z0-9]{8} soup"),
        ("mention", r"soup @\w+|@\w+ soup"),
        ("emoji", r"soup [^\w\s]"),
        ("neutral_sentence", r"soup\. [A-Z].*\.|[A-Z].*\. soup"),
    ],
)
def test_something_stands_before_or_after_a_text(name: str, pattern: str) -> None:
    found = {apply(name, "soup", seed=seed) for seed in range(20)}
    assert all(re.fullmatch(pattern, changed) for changed in found)
    assert len(found) > 2


def test_a_chinese_text_gets_a_chinese_sentence_without_a_space() -> None:
    found = {apply("neutral_sentence", "汤很好喝", seed=seed) for seed in range(20)}
    assert all(re.fullmatch(r"汤很好喝。[^ A-Z]+。|[^ A-Z]+。汤很好喝", changed) for changed in found)


def test_simplified_characters_become_traditional_ones_and_back() -> None:
    pytest.importorskip("opencc")
    assert apply("traditional", "这汤很热") == "這湯很熱"
    assert apply("traditional", "這湯很熱") == "这汤很热"
