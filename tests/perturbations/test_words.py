"""Perturbations of words: what becomes of texts, worked out by hand."""

import itertools
from difflib import SequenceMatcher

import pytest

from slmcli.perturbations import PERTURBATIONS
from slmcli.perturbations.base import words_of
from slmcli.perturbations.homophones import confusions
from slmcli.perturbations.synonyms import synonym_groups


def changes(name: str, text: str, *, share: float = 0.1) -> set[str | None]:
    """Return all that forty seeds make of a text."""
    return {PERTURBATIONS.load(name).apply(text, seed=seed, share=share) for seed in range(40)}


def test_a_typo_is_a_neighbour_an_exchange_or_an_omission() -> None:
    found = changes("typos", "soup")
    # o has the neighbours i p k l, u has y i h j, p has o l
    neighbours = {f"s{key}up" for key in "ipkl"} | {f"so{key}p" for key in "yihj"} | {f"sou{key}" for key in "ol"}
    assert found <= neighbours | {"suop", "sopu", "sup", "sop", "sou"}
    assert found & neighbours
    assert found & {"suop", "sopu"}
    assert found & {"sup", "sop", "sou"}


def test_a_typo_keeps_capitals() -> None:
    assert all(changed and changed.isupper() for changed in changes("typos", "SOUP"))


@pytest.mark.parametrize("text", ["it is so", "don't can't isn't", "好汤很好"])
def test_short_words_and_words_with_an_apostrophe_have_no_typos(text: str) -> None:
    assert changes("typos", text) == {None}


def test_the_share_says_how_many_words_have_typos() -> None:
    words = ["soup", "film", "song", "lamp", "boat"] * 4
    changed = PERTURBATIONS.load("typos").apply(" ".join(words), seed=0, share=0.5)
    assert sum(old != new for old, new in zip(words, changed.split(), strict=True)) == 10


def test_homophones_are_written_for_each_other() -> None:
    # one word in ten, so one character of two that have others
    assert changes("homophones", "他在家") == {"她在家", "它在家", "他再家"}


def test_there_are_enough_pairs_of_homophones() -> None:
    table = confusions()
    assert len({frozenset(pair) for character, others in table.items() for pair in itertools.product(character, others)}) >= 150


def test_homophones_go_both_ways() -> None:
    table = confusions()
    assert all(character in table[other] for character, others in table.items() for other in others)


def test_neighbouring_words_are_exchanged() -> None:
    assert changes("word_order", "the old cat") == {"old the cat", "the cat old"}


def test_neighbouring_chinese_words_are_exchanged() -> None:
    assert changes("word_order", "房间干净") == {"干净房间"}


@pytest.mark.parametrize("text", ["not good", "it isn't", "cat. Dog", "soup,", "so So", "不 好", "没有 钱"])
def test_words_are_not_exchanged_over_a_sign_or_with_one_that_denies(text: str) -> None:
    assert changes("word_order", text) == {None}


def test_synonyms_keep_capitals() -> None:
    assert changes("synonyms", "Film") == {"Movie"}
    assert changes("synonyms", "FILM") == {"MOVIE"}


def test_a_synonym_fits_the_article_before_it() -> None:
    # excellent and superb are one group
    assert changes("synonyms", "an excellent") == {None}
    assert changes("synonyms", "very excellent") == {"extremely excellent", "very superb"}


def test_chinese_synonyms_are_whole_words() -> None:
    assert changes("synonyms", "电影") == {"影片"}
    assert changes("synonyms", "微电影院") <= {None, "微电影院"}


@pytest.mark.parametrize(("language", "least"), [("en", 300), ("zh", 200)])
def test_there_are_enough_synonyms(language: str, least: int) -> None:
    groups = synonym_groups()[language]
    assert len(groups) >= least
    assert min(map(len, groups)) >= 2


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_word_is_in_one_group_of_synonyms(language: str) -> None:
    words = [word for group in synonym_groups()[language] for word in group]
    assert sorted(set(words)) == sorted(words)


def test_english_synonyms_are_words_that_are_found_in_texts() -> None:
    assert [word for group in synonym_groups()["en"] for word in group if [found.text for found in words_of(word)] != [word]] == []


def test_most_of_a_text_stays() -> None:
    text = "The film was great and my friends often talked about the story, the songs and the actors for the entire trip home."
    changed = PERTURBATIONS.load("synonyms").apply(text, seed=0)
    assert SequenceMatcher(None, text.split(), changed.split()).ratio() > 0.8
