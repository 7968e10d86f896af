"""What every registered perturbation promises."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.perturbations import PERTURBATIONS
from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation

NAMES = PERTURBATIONS.names()
EVERY = pytest.mark.parametrize("name", NAMES)
TEXTS = {
    "English": "The soup was lovely, and I really love this little film. It wasn't bad at all!",
    "Chinese": "房间很好，但是早餐太差了。服务不错，我在这里很开心，推荐！",
    "both": "The app is great 😀\n但是客服太差了，电话一直没人接。",
    "emoji": "Great film 👍🏽👨‍👩‍👧 truly lovely, I loved it 🇫🇷. 这部电影很好看 🎬。",
    "lines": "The room was nice.\nThe food was bad.\n\n房间很干净。\n早餐很糟糕。",
    "address": "I love it, see https://example.org/A?b=c or @Sam and #Soup, mail jo@example.org &amp; <b>smile</b>.",
}
EVERY_TEXT = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
EMOJI = re.compile("[\U0001f300-\U0001faff\U0001f1e6-\U0001f1ff]")
HAN = re.compile("[\u4e00-\u9fff]")
# lone surrogates too; and pieces that perturbations look for, so that random text gets past the first condition
PIECES = (
    "is", " not", "n't", " good", "love", "loved ", "不", "没有", "很", "太差了", "好", "不错", "，", "。", ". ", "\r\n", "<br>", "&amp;", "@a",
    "http://a.b", "😀", "\ud83d", " ", "in", "在", "的", "1.5", "Ａ", "I ", "film", "电影", "'", "’s", "do not ",
)  # fmt: skip
ANY_TEXT = st.text(st.characters(exclude_categories=[]), max_size=40) | st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def load(name: str) -> Perturbation:
    found: Perturbation = PERTURBATIONS.load(name)
    return found


def differences(name: str, text: str) -> list[str]:
    """Return the text changed with several seeds, where it can be changed."""
    return [changed for seed in range(8) if (changed := load(name).apply(text, seed=seed)) is not None]


@EVERY
def test_it_knows_its_name(name: str) -> None:
    assert load(name).name == name


@EVERY
def test_it_changes_some_text(name: str) -> None:
    assert any(differences(name, text) for text in TEXTS.values())


@EVERY
@EVERY_TEXT
def test_what_it_returns_is_another_text(name: str, text: str) -> None:
    assert text not in differences(name, text)


@EVERY
@EVERY_TEXT
def test_the_same_seed_changes_a_text_the_same_way(name: str, text: str) -> None:
    assert load(name).apply(text, seed=3) == load(name).apply(text, seed=3)


@EVERY
def test_a_text_is_changed_the_same_way_whatever_came_before(name: str) -> None:
    texts, perturbation = list(TEXTS.values()), load(name)
    forwards = [perturbation.apply(text, seed=1) for text in texts]
    assert [perturbation.apply(text, seed=1) for text in reversed(texts)] == forwards[::-1]


@EVERY
@EVERY_TEXT
def test_emoji_stay_in_their_order(name: str, text: str) -> None:
    found = [EMOJI.findall(changed) for changed in differences(name, text)]
    assert all("".join(EMOJI.findall(text)) in "".join(each) for each in found)


@EVERY
@EVERY_TEXT
def test_no_line_is_lost(name: str, text: str) -> None:
    assert all(changed.count("\n") >= text.count("\n") for changed in differences(name, text))


@EVERY
def test_addresses_mentions_and_tags_stay(name: str) -> None:
    kept = ("https://example.org/", "jo@example.org", "&amp;", "<b>", "</b>")
    assert all(piece in changed for changed in differences(name, TEXTS["address"]) for piece in kept)


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).scripts == ("latin",)])
def test_what_is_for_english_leaves_chinese_alone(name: str) -> None:
    text = TEXTS["both"].replace("一直没人接", "")[:24]
    assert load(name).apply(TEXTS["Chinese"], seed=0) is None
    assert all(HAN.findall(changed) == HAN.findall(text) for changed in differences(name, text))


@pytest.mark.parametrize("name", [name for name in NAMES if load(name).scripts == ("han",)])
def test_what_is_for_chinese_leaves_english_alone(name: str) -> None:
    assert load(name).apply(TEXTS["English"], seed=0) is None


@EVERY
@pytest.mark.parametrize("text", ["", " ", "\r\n", "\u3000"])
def test_there_is_nothing_to_change_where_there_is_no_text(name: str, text: str) -> None:
    assert load(name).apply(text, seed=0) is None


@EVERY
@pytest.mark.parametrize("text", ["soup", "I", "好", "汤", "😀", "."])
def test_a_single_word_stays_a_text(name: str, text: str) -> None:
    assert all(changed.strip() for changed in differences(name, text))


@EVERY
@settings(max_examples=500, deadline=None, derandomize=True)
@given(text=ANY_TEXT)
def test_any_text_is_changed_or_left_alone(name: str, text: str) -> None:
    changed = load(name).apply(text, seed=0)
    assert changed is None or (changed != text and changed.strip())


@EVERY
def test_a_long_text_is_changed_too(name: str) -> None:
    text = "boat" * 2000 + " 好" * 500 + "很" * 3000 + "<" * 2000 + "not " * 500
    assert load(name).apply(text, seed=0) != text


@EVERY
def test_a_direction_says_how_a_text_leans(name: str) -> None:
    assert (load(name).kind == "direction") == (load(name).lean is not None)


@EVERY
def test_it_is_for_known_scripts(name: str) -> None:
    assert load(name).scripts
    assert set(load(name).scripts) <= set(EVERY_SCRIPT)
