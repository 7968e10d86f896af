import pytest

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.tokenizers.chinese import ChineseTokenizer
from slmcli.tokenizers.word import WordTokenizer
from slmcli.whole_words import DividedText, DividedTexts, find_words, group

WORD = WordTokenizer.untrained(TokenizerSettings(), CleaningSettings())
CHINESE = ChineseTokenizer.untrained(TokenizerSettings(), CleaningSettings())
UNCLEANED = WordTokenizer.untrained(TokenizerSettings(), CleaningSettings(cleaning=[]))


def words(text: str, tokenizer: WordTokenizer | ChineseTokenizer = WORD) -> list[str]:
    return [text[start:end] for start, end in find_words(text, tokenizer)]


def divided(text: str) -> DividedText:
    return DividedText(text, tuple(find_words(text, WORD)))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \r\n\t", []),
        ("It's Fine.", ["It's", "Fine", "."]),
        ("房间不错，wifi太差", ["房间", "不错", "，", "wifi", "太", "差"]),
        ("a <br /> b", ["a", "b"]),
        ("rock &amp; roll", ["rock", "&amp;", "roll"]),
        ("one\r\ntwo", ["one", "two"]),
        ("cafe\u0301 ok", ["cafe\u0301", "ok"]),
        ("ok 👍🏽!", ["ok", "👍🏽", "!"]),
        ("👩\u200d👩\u200d👧❤️", ["👩\u200d👩\u200d👧", "❤️"]),
        ("🇫🇷🇩🇪", ["🇫🇷", "🇩🇪"]),
        ("हिन्दी ok", ["हिन्दी", "ok"]),
        ("½ ﬁne", ["½", "ﬁne"]),
        ("\ud83d half", ["\ud83d", "half"]),
    ],
)
def test_words_are_whole_and_stand_in_the_raw_text(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_words_are_whole_without_cleaning_too() -> None:
    assert words("cafe\u0301 👍🏽", UNCLEANED) == ["cafe\u0301", "👍🏽"]


def test_the_chinese_tokenizer_says_itself_what_its_words_are() -> None:
    assert words("房间不错，但是早餐太差了", CHINESE) == ["房间", "不错", "，", "但是", "早餐", "太差", "了"]


def test_neighbours_of_a_long_text_are_put_together() -> None:
    assert group([(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)], most=2) == [(0, 5), (6, 9)]


@pytest.mark.parametrize("most", [3, 9])
def test_a_text_of_few_words_is_left_as_it_is(most: int) -> None:
    assert group([(0, 1), (2, 3), (4, 5)], most=most) == [(0, 1), (2, 3), (4, 5)]


def test_no_words_are_no_group() -> None:
    assert group([], most=3) == []


@pytest.mark.parametrize(
    ("text", "left_out", "expected"),
    [
        ("the soup was warm", [1], "the was warm"),
        ("the soup was warm", [0], "soup was warm"),
        ("the soup was warm", [3], "the soup was "),
        ("the soup was warm", [1, 2], "the warm"),
        ("good,bad", [1], "good bad"),
        ("房间不错", [0], "不错"),
        ("a b", [0, 1], ""),
        ("  a b ", [0], "  b "),
        ("one\r\ntwo\r\nthree", [1], "one\r\n\nthree"),
        ("<b>no</b> more", [0], "<b></b> more"),
    ],
)
def test_words_are_taken_out_of_the_raw_text(text: str, left_out: list[int], expected: str) -> None:
    given = divided(text)
    assert given.keep([place not in left_out for place in range(len(given.words))]) == expected


@pytest.mark.parametrize("text", ["", "a", " a  b\n", "x<br>y", "房间 不错!"])
def test_a_text_of_which_all_words_stay_is_the_text(text: str) -> None:
    given = divided(text)
    assert given.keep([True] * len(given.words)) == text


def test_words_of_texts_that_are_read_together_follow_each_other() -> None:
    both = DividedTexts({"text": divided("a b"), "text_pair": divided("汤 c")})
    assert [both.word(place) for place in range(4)] == ["a", "b", "汤", "c"]
    assert both.names == ["text", "text", "text_pair", "text_pair"]
    assert both.keep([False, True, True, False]) == {"text": "b", "text_pair": "汤 "}


def test_one_of_two_texts_may_be_empty() -> None:
    both = DividedTexts({"text": divided(""), "text_pair": divided("a b")})
    assert both.names == ["text_pair"] * 2
    assert both.keep([True, False]) == {"text": "", "text_pair": "a "}
