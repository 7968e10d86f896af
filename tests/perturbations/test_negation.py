"""Negation: what is denied, what no longer is, and how a text leans."""

import pytest

from slmcli.perturbations.negation import NEGATION, lean


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("The soup is good.", "The soup is not good."),
        ("It was a really great film.", "It was not a really great film."),
        ("It's lovely", "It's not lovely"),
        ("The soup isn't good.", "The soup is good."),
        ("The soup was not very good.", "The soup was very good."),
        ("I really love it.", "I do not really love it."),
        ("My wife loved it.", "My wife did not love it."),
        ("He hates it", "He does not hate it"),
        ("Love it!", "Do not love it!"),
        ("I LOVE IT", "I DO NOT love IT".replace("love", "LOVE")),
        ("I don't recommend it.", "I recommend it."),
        ("She did not enjoy it", "She enjoyed it"),
        ("I would recommend it", "I would not recommend it"),
        ("I wouldn't recommend it", "I would recommend it"),
        ("I can't recommend it", "I can recommend it"),
        ("房间很好。", "房间不好。"),
        ("早餐太差了", "早餐不差"),
        ("服务不错！", "服务不怎么样！"),
        ("汤不好喝", "汤很好喝"),
        ("不推荐", "推荐"),
        ("我很喜欢", "我不喜欢"),
        ("太好了！", "不好！"),
        ("值得推荐", "不值得推荐"),
        ("服务好，", "服务不好，"),
    ],
)
def test_an_opinion_is_turned_round(text: str, changed: str) -> None:
    assert NEGATION.apply(text, seed=0) == changed


@pytest.mark.parametrize(
    "text",
    [
        "The lamp is on the desk.",
        "my love",
        "ready to recommend",
        "was loved by all",
        "爱好",
        "你好",
        "出差一个星期",
        "没有不满意",
        "好像是",
        "干干净净",
        "做不好",
        "画好了",
        "",
    ],
)
def test_what_is_no_opinion_stays(text: str) -> None:
    assert NEGATION.apply(text, seed=0) is None


def test_the_more_frequent_side_is_denied() -> None:
    text = "The soup was good, the host was kind and friendly, the tea was tasty, the room was cold."
    assert NEGATION.apply(text, seed=0) == text.replace("soup was", "soup was not").replace("tea was", "tea was not")


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        ("good", 1), ("not very good", -1), ("isn't bad", 1), ("good but boring and bad", -1), ("I loved it, he hated it", 0), ("a soup", 0),
        ("很好", 1), ("不是很满意", -1), ("服务不错", 1), ("服务不怎么样", -1), ("太差了，很失望", -2), ("爱好", 0),
    ],
)  # fmt: skip
def test_a_text_leans_to_the_side_of_its_phrases(text: str, phrases: int) -> None:
    assert lean(text) == phrases


@pytest.mark.parametrize(
    "text", ["It was a great film and I loved it.", "It isn't good.", "房间很好，服务不错，推荐！", "太差了，很失望", "一点都不好吃"]
)
def test_a_turned_text_leans_to_the_other_side(text: str) -> None:
    assert lean(text) * lean(NEGATION.apply(text, seed=0) or "") < 0


@pytest.mark.parametrize("text", ["AMAZİNG soup", "It is borıng", "He is ſmart", "I lıked it"])
def test_letters_that_are_equal_to_ours_only_without_case_are_no_error(text: str) -> None:
    assert isinstance(lean(text), int)
    NEGATION.apply(text, seed=0)
