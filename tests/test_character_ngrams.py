from collections.abc import Sequence

import numpy as np
import pytest

from slmcli.character_ngrams import CharacterNgrams, has_words
from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import SPECIAL_TOKENS, Tokenizer

TEXT = "where are they now, the ones who were here before us? nowhere and somewhere 好吃的菜 很好"


def trained(name: str) -> Tokenizer:
    settings = TokenizerSettings(tokenizer=name, vocabulary_size=400, min_frequency=1)
    return TOKENIZERS.load(name).train([TEXT] * 3, settings, CleaningSettings(cleaning=[]))


def with_words(words: Sequence[str]) -> Tokenizer:
    return TOKENIZERS.load("word")(TokenizerSettings(tokenizer="word"), CleaningSettings(cleaning=[]), [*SPECIAL_TOKENS, *words])


def rows_of(tokenizer: Tokenizer, *, buckets: int = 1 << 40) -> list[set[int]]:
    """Return the rows of each entry behind the special tokens."""
    ngrams = CharacterNgrams.of(tokenizer, buckets=buckets)
    parts = [set(part.tolist()) for part in np.split(ngrams.rows, ngrams.stops[1:-1])]
    assert len(parts) == len(tokenizer.vocabulary)
    return parts[len(SPECIAL_TOKENS) :]


@pytest.mark.parametrize(
    ("word", "count"),
    [("at", 3), ("where", 12), ("banana", 14), ("!", 0), ("a", 0), ("好", 4), ("好吃", 8)],
    ids=["short", "long", "with a repeated n-gram", "sign", "letter", "Han character", "Han word"],
)
def test_an_entry_has_the_different_ngrams_between_its_ends(word: str, count: int) -> None:
    # at: <at at> <at>; where: 5 + 4 + 3; banana: 6 + 5 + 4, "ana" twice; 好: 好 <好 好> <好>; 好吃: 2 + 3 + 2 + 1
    assert len(rows_of(with_words([word, "filler"]))[0]) == count


def test_special_tokens_have_none() -> None:
    assert not CharacterNgrams.of(with_words(["where"]), buckets=100).stops[: len(SPECIAL_TOKENS) + 1].any()


def test_words_share_the_ngrams_that_both_have() -> None:
    where, here = rows_of(with_words(["where", "here"]))
    assert len(where & here) == 6  # her ere re> here ere> here>


def test_a_han_character_is_shared_by_the_words_that_have_it() -> None:
    both, first, last = rows_of(with_words(["好吃", "好", "吃"]))
    assert both & first
    assert both & last
    assert not first & last


def test_every_row_of_the_table_is_used() -> None:
    rows = CharacterNgrams.of(trained("word"), buckets=1 << 22).rows
    np.testing.assert_array_equal(np.unique(rows), np.arange(rows.max() + 1))


def test_few_buckets_are_shared() -> None:
    assert set.union(*rows_of(with_words(["where", "before"]), buckets=3)) == {0, 1, 2}


@pytest.mark.parametrize(("name", "marked", "plain"), [("wordpiece", "##here", "here"), ("bpe", "Ġhere", "here"), ("unigram", " now", "now")])
def test_marks_of_a_tokenizer_are_no_characters(name: str, marked: str, plain: str) -> None:
    tokenizer = trained(name)
    place = tokenizer.vocabulary.index(marked) - len(SPECIAL_TOKENS)
    # n-grams of a word that stands for itself, in a table of its own
    assert len(rows_of(tokenizer)[place]) == len(rows_of(with_words([plain]))[0])


@pytest.mark.parametrize("name", ["word", "chinese", "bpe", "wordpiece", "unigram"])
def test_tokenizers_of_words_and_pieces_have_words(name: str) -> None:
    assert has_words(trained(name))


@pytest.mark.parametrize("name", ["character", "byte"])
def test_tokenizers_of_characters_have_no_words(name: str) -> None:
    assert not has_words(trained(name))


def test_a_piece_that_goes_on_has_no_mark() -> None:
    marked, plain, alone = rows_of(with_words(["##here", "here", "##"]))
    assert marked == plain
    assert alone != plain
