"""Spaces that a person would have written, guessed from words and signs alone."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.pretokens import WORD_PATTERN
from slmcli.tokenizers.chinese import ChineseTokenizer
from slmcli.tokenizers.word import WordTokenizer
from slmcli.word_joining import WordJoiner, join_words

NATURAL = {
    "sentences": "Yes. No? Wait... (Really!) Then: one; two, three.",
    "quotations": '"Hello," she said. "Is it you?" "No!"',
    "single quotes": "'Yes,' he said, 'come in.'",
    "contractions": "It's true, isn't it? I'm sure we've met.",
    "possessives": "The dogs' tails and the cat's ears",
    "curly quotes": "“Quoted,” he wrote. “Don’t.”",
    "brackets": "a [b] {c} (d)",
    "money": "It costs $3.14, €2 or £5 (a 50% rise).",
    "numbers": "In 1990, 200 people had 1,000 dogs at 9:30.",
    "lists of numbers": "3, 4 and 5",
    "hyphens": "a well-known, 5-year-old and/or new one",
    "dashes": "cold--very cold",
    "negative": "cold (-5 degrees)",
    "abbreviations": "e.g. at 9 p.m. in the U.S. today",
    "a sentence after I": "So am I. A man came.",
    "addresses": "see www.example.com and #1",
    "emoji": "nice 😀😀 and 👨‍👩‍👧 👍🏽 🇫🇷 ok",
    "combining marks": "cafe\u0301 noir",
    "calculation": "x = y + z",
    "Chinese": "他说：“你好，世界！”《书》里有10个人……",
    "Chinese with ASCII signs": "很可爱,真的(非常)可爱.",
    "mixed": "我爱Python编程,和hello world",
    "Japanese": "日本のアニメ",
    "Korean": "좋은 날씨, 네.",
}


def splitter(name: str) -> WordTokenizer:
    return WordTokenizer.untrained(TokenizerSettings(splitter=name), CleaningSettings(cleaning=[]))


@pytest.mark.parametrize("text", NATURAL.values(), ids=NATURAL.keys())
def test_words_are_joined_as_they_were_written(text: str) -> None:
    assert join_words(splitter("regexp").split(text)) == text


@pytest.mark.parametrize("text", NATURAL.values(), ids=NATURAL.keys())
def test_runs_of_signs_are_joined_as_they_were_written(text: str) -> None:
    assert join_words(splitter("wordpunct").split(text)) == text


@pytest.mark.parametrize("name", ["quotations", "contractions", "money", "numbers", "brackets", "single quotes"])
@pytest.mark.parametrize("kind", ["treebank", "tweet"])
def test_the_splitters_of_nltk_are_undone(kind: str, name: str) -> None:
    assert join_words(splitter(kind).split(NATURAL[name])) == NATURAL[name]


@pytest.mark.parametrize("name", ["Chinese", "Chinese with ASCII signs", "mixed", "sentences", "money"])
def test_the_words_of_jieba_are_joined_as_they_were_written(name: str) -> None:
    tokenizer = ChineseTokenizer.untrained(TokenizerSettings(), CleaningSettings(cleaning=[]))
    assert join_words(tokenizer.split(NATURAL[name])) == NATURAL[name]


def test_an_emoticon_that_is_one_token_stands_alone() -> None:
    assert join_words(["rush", ":-)", "!"]) == "rush :-)!"


def test_nothing_is_no_text() -> None:
    assert join_words([]) == ""


def test_an_apostrophe_at_the_end_is_not_lost() -> None:
    assert join_words(["the", "dogs", "'"]) == "the dogs'"


def test_an_apostrophe_waits_for_the_next_word() -> None:
    joiner = WordJoiner()
    assert [joiner.add("don"), joiner.add("'"), joiner.add("t")] == ["don", "", "'t"]


def test_any_other_word_waits_for_nothing() -> None:
    joiner = WordJoiner()
    assert [joiner.add(word) for word in ("Hello", ",", "world", ".")] == ["Hello", ",", " world", "."]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.text(st.one_of(st.characters(), st.sampled_from(" .'\"-,a1中（😀🇫’\u0301")), max_size=30))
def test_joining_adds_and_loses_nothing_but_spaces(text: str) -> None:
    words = re.findall(WORD_PATTERN, text)
    assert join_words(words).replace(" ", "") == "".join(words)
