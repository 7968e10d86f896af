"""Words and scripts of a text, and how many of them are changed."""

import numpy as np
import pytest

from slmcli.perturbations.base import edit, generator_of, match_case, pick, script_of, words_of


def test_words_are_found_where_they_stand() -> None:
    text = "My tea’s 很好吃, ok?"
    assert [(word.text, text[word.start : word.end] == word.text, word.is_han) for word in words_of(text)] == [
        ("My", True, False),
        ("tea’s", True, False),
        ("很", True, True),
        ("好吃", True, True),
        ("ok", True, False),
    ]


def test_addresses_mentions_tags_and_entities_are_no_words() -> None:
    assert words_of("https://a.example/b www.a.example jo@a.example @jo #soup <br /> &nbsp; 12") == []


@pytest.mark.parametrize(
    ("text", "script"),
    [("soup", "latin"), ("汤很好喝", "han"), ("my app 很好用非常推荐", "han"), ("the new app 好", "latin"), ("суп 12 😀", "other"), ("", "other")],
)
def test_the_script_is_that_of_most_words(text: str, script: str) -> None:
    assert script_of(text) == script


@pytest.mark.parametrize(("words", "chosen"), [(1, 1), (14, 1), (20, 2), (100, 10)])
def test_one_word_in_ten_is_picked_and_at_least_one(words: int, chosen: int) -> None:
    assert len(pick(words, np.random.default_rng(0), share=0.1, words=words)) == chosen


def test_no_more_places_are_picked_than_there_are() -> None:
    assert pick(2, np.random.default_rng(0), share=0.1, words=100) == [0, 1]


def test_where_there_is_no_place_none_is_picked() -> None:
    assert pick(0, np.random.default_rng(0), share=0.1, words=100) == []


def test_edits_keep_what_stands_between_them() -> None:
    assert edit("a cold soup", [(0, 1, "the"), (2, 6, "warm")]) == "the warm soup"


@pytest.mark.parametrize(("model", "word"), [("soup", "broth"), ("Soup", "Broth"), ("SOUP", "BROTH"), ("I", "Broth")])
def test_a_word_takes_the_capitals_of_another(model: str, word: str) -> None:
    assert match_case("broth", model) == word


def test_random_numbers_differ_by_text_name_and_seed() -> None:
    keys = [("a", "x", 0), ("b", "x", 0), ("a", "y", 0), ("a", "x", 1)]
    assert len({int(generator_of(text, name=name, seed=seed).integers(2**60)) for text, name, seed in keys}) == 4


def test_a_lone_surrogate_has_random_numbers_too() -> None:
    assert generator_of("\ud83d", name="x", seed=0).integers(10) < 10
