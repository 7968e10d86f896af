"""What is hidden of a text: how much of it, in what way, and which tokens together."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.language_model_config import PretrainSettings
from slmcli.objectives.masked_lm import MaskedAndNextSentence, MaskedLanguageModel, continued_entries, number_words
from slmcli.settling import load_tokenizer
from slmcli.token_windows import Window
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import END_ID, MASK_ID, PADDING_ID, SEPARATOR_ID, SPECIAL_TOKENS, Tokenizer

TEXTS = ("the boat was lovely , the boats were warm", "she sang naïvely of warmer boats 小船很可爱", "boating warms the café : 3.14")
UNITS = pytest.mark.parametrize("unit", ["token", "word", "span"])
ROWS, CONTEXT = 200, 512


@cache
def train(name: str) -> Tokenizer:
    """Return a tokenizer whose pieces are one to three letters long, where it has pieces."""
    kind: Any = TOKENIZERS.load(name)
    trained: Tokenizer = kind.train(TEXTS, TokenizerSettings(tokenizer=name, min_frequency=1, vocabulary_size=290), CleaningSettings(cleaning=[]))
    return trained


def make(unit: str = "token", *, kind: Any = MaskedLanguageModel, tokenizer: str = "word", share: float = 0.15) -> Any:
    return kind(PretrainSettings(mask_unit=unit, mask_share=share), train(tokenizer))


def draw_text(objective: Any, *, rows: int = ROWS) -> Window:
    """Return a window of random entries of the vocabulary without marks."""
    size = len(objective.tokenizer.vocabulary)
    token_ids = np.random.default_rng(1).integers(len(SPECIAL_TOKENS), size, (rows, CONTEXT)).astype(np.int32)
    return token_ids, np.roll(token_ids, -1, axis=1), np.ones(token_ids.shape, np.float32)


def prepare(objective: Any, window: Window, *, seed: int = 0) -> Window:
    prepared: Window = objective.prepare(window, np.random.default_rng(seed))
    return prepared


@UNITS
@pytest.mark.parametrize("tokenizer", ["word", "wordpiece", "bpe", "character"])
@pytest.mark.parametrize("share", [0.15, 0.4])
def test_as_large_a_share_as_asked_for_is_predicted(share: float, tokenizer: str, unit: str) -> None:
    objective = make(unit, tokenizer=tokenizer, share=share)
    _, _, weights = prepare(objective, draw_text(objective))
    # 102,400 tokens in some ten thousand spans at least: a standard deviation of about 0.005; spans that overlap make it a little less
    assert weights.mean() == pytest.approx(share, abs=0.03)


@UNITS
def test_of_what_is_predicted_most_is_hidden_and_some_exchanged(unit: str) -> None:
    objective = make(unit)
    seen, targets, weights = prepare(objective, draw_text(objective))
    chosen = weights == 1.0
    hidden, kept = (seen == MASK_ID)[chosen].mean(), (seen == targets)[chosen].mean()
    # of 15,360 tokens: a standard deviation of 0.003; another token is by chance the same one time in the vocabulary
    assert hidden == pytest.approx(0.8, abs=0.015)
    assert kept == pytest.approx(0.1 + 0.1 / (len(objective.tokenizer.vocabulary) - len(SPECIAL_TOKENS)), abs=0.015)


@UNITS
def test_what_is_not_predicted_stays_as_it_was(unit: str) -> None:
    objective = make(unit)
    window = draw_text(objective)
    seen, targets, weights = prepare(objective, window)
    np.testing.assert_array_equal(targets, window[0])
    np.testing.assert_array_equal(seen[weights == 0.0], window[0][weights == 0.0])


def test_a_token_is_never_exchanged_for_a_mark() -> None:
    objective = make(share=0.9)
    seen, _, _ = prepare(objective, draw_text(objective))
    assert set(np.unique(seen[seen < len(SPECIAL_TOKENS)])) == {MASK_ID}


@UNITS
@pytest.mark.parametrize("mark", [PADDING_ID, END_ID, SEPARATOR_ID], ids=["padding", "end", "separator"])
def test_padding_and_marks_are_neither_hidden_nor_predicted(mark: int, unit: str) -> None:
    objective = make(unit, share=0.9)
    window = draw_text(objective, rows=4)
    window[0][:, ::3] = mark
    seen, _, weights = prepare(objective, window)
    assert (seen[:, ::3] == mark).all()
    assert not weights[:, ::3].any()


@UNITS
def test_the_same_generator_gives_the_same(unit: str) -> None:
    objective = make(unit)
    one, same, other = (prepare(objective, draw_text(objective, rows=2), seed=seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert (one[2] != other[2]).any()


def test_a_window_is_not_changed() -> None:
    objective = make(share=0.9)
    window = draw_text(objective, rows=2)
    before = window[0].copy()
    prepare(objective, window)
    np.testing.assert_array_equal(window[0], before)


WORDS = {
    **{name: ["she", "sang", "naïvely", "of", "boats", ","] for name in ("word", "wordpiece")},
    **{name: ["she", " sang", " naïvely", " of", " boats", ","] for name in ("bpe", "unigram", "byte", "character")},
}


def split_into_words(tokenizer: Tokenizer, text: str) -> list[list[int]]:
    """Return the token ids of each word of a text, as they are hidden together."""
    token_ids = np.array([tokenizer.encode(text)], np.int32)
    numbers = number_words(token_ids, np.ones(token_ids.shape, bool), continued_entries(tokenizer))[0]
    return [token_ids[0, numbers == number].tolist() for number in range(numbers.max() + 1)]


@pytest.mark.parametrize("name", WORDS)
def test_the_pieces_of_a_word_belong_together(name: str) -> None:
    tokenizer = train(name)
    assert split_into_words(tokenizer, "she sang naïvely of boats,") == [tokenizer.encode_pretokens([word]) for word in WORDS[name]]


def test_a_file_of_hugging_face_says_what_goes_on_with_a_word(foreign_tokenizer: Path) -> None:
    tokenizer = load_tokenizer(foreign_tokenizer)
    assert [tokenizer.decode(word) for word in split_into_words(tokenizer, "the warmer soup tea")] == ["the", "warmer", "soup", "tea"]


@pytest.mark.parametrize("name", ["wordpiece", "bpe", "unigram", "byte", "character"])
def test_han_characters_are_words_by_themselves(name: str) -> None:
    tokenizer = train(name)
    assert [tokenizer.decode(word) for word in split_into_words(tokenizer, "小船很")] == list("小船很")


def test_a_piece_behind_a_mark_or_at_the_start_of_a_row_begins_a_word() -> None:
    token_ids = np.array([[6, 7, END_ID, 7, 7], [7, 7, PADDING_ID, PADDING_ID, PADDING_ID]], np.int32)
    continues = np.array([False] * 7 + [True])
    numbers = number_words(token_ids, ~np.isin(token_ids, (PADDING_ID, END_ID)), continues)
    assert numbers.tolist() == [[0, 0, 1, 2, 2], [3, 3, 4, 5, 6]]


@pytest.mark.parametrize("tokenizer", ["wordpiece", "bpe", "character"])
@pytest.mark.parametrize("unit", ["word", "span"])
def test_whole_words_are_predicted(unit: str, tokenizer: str) -> None:
    objective = make(unit, tokenizer=tokenizer, share=0.3)
    window = draw_text(objective, rows=8)
    _, _, weights = prepare(objective, window)
    numbers = number_words(window[0], np.ones(window[0].shape, bool), continued_entries(objective.tokenizer)).ravel()
    chosen = np.bincount(numbers, weights.ravel())
    assert set(np.unique(chosen / np.bincount(numbers))) == {0.0, 1.0}


def lengths_of_runs(weights: np.ndarray) -> np.ndarray:
    edges = np.diff(np.concatenate([[0.0], weights.ravel(), [0.0]]))
    return np.flatnonzero(edges == -1.0) - np.flatnonzero(edges == 1.0)


def test_spans_are_words_in_a_row() -> None:
    words, spans = (lengths_of_runs(prepare(make(unit), draw_text(make(unit)))[2]).mean() for unit in ("word", "span"))
    # by chance 1 / (1 - 0.15) words stand in a row; spans have (1 - 0.8 ** 10) / 0.2 = 4.46, of which one in six runs into another
    assert words == pytest.approx(1.18, abs=0.03)
    assert spans == pytest.approx(4.46 * 1.17, abs=0.3)


def test_a_span_has_ten_words_at_most() -> None:
    objective = make("span", share=0.002)  # so few that they hardly meet
    lengths = lengths_of_runs(prepare(objective, draw_text(objective))[2])
    assert np.median(lengths) <= 5
    assert np.quantile(lengths, 0.98) <= 10


def test_the_answer_of_a_pair_stands_first_and_counts() -> None:
    objective = make("word", kind=MaskedAndNextSentence)
    window = draw_text(objective, rows=4)
    window[0][:, 0] = END_ID
    window[1][:, 0] = [1, 0, 0, 1]
    seen, targets, weights = prepare(objective, window)
    assert targets[:, 0].tolist() == [1, 0, 0, 1]
    assert weights[:, 0].tolist() == [1.0] * 4
    assert seen[:, 0].tolist() == [END_ID] * 4


def test_behind_the_answer_a_pair_is_as_any_text() -> None:
    alone, paired = (make("word", kind=kind) for kind in (MaskedLanguageModel, MaskedAndNextSentence))
    window = draw_text(alone, rows=4)
    window[0][:, 0] = END_ID
    for one, other in zip(prepare(alone, window), prepare(paired, window), strict=True):
        np.testing.assert_array_equal(one[:, 1:], other[:, 1:])
