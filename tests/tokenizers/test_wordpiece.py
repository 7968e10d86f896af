"""Word pieces: the longest match first, continuing pieces with ##."""

import pytest

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.errors import DataError
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID
from slmcli.tokenizers.wordpiece import WordPieceTokenizer

PIECES = ["un", "##aff", "##able", "##a", "##f", "汤", "'", "##'", "##t", "don", "."]
MODEL = {
    "type": "WordPiece",
    "unk_token": "<unk>",
    "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100,
    "vocab": {piece: token_id for token_id, piece in enumerate([*SPECIAL_TOKENS, *PIECES])},
}


def train(*texts: str, **changes: int) -> WordPieceTokenizer:
    """Train on a few texts without cleaning."""
    return WordPieceTokenizer.train(texts, TokenizerSettings(**{"min_frequency": 1, **changes}), CleaningSettings(cleaning=[]))


@pytest.fixture
def tokenizer() -> WordPieceTokenizer:
    """A tokenizer with the pieces above."""
    return WordPieceTokenizer(TokenizerSettings(), CleaningSettings(cleaning=[]), [*SPECIAL_TOKENS, *PIECES], MODEL)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("unaffable", ["un", "##aff", "##able"]),
        ("unaf", ["un", "##a", "##f"]),
        ("汤汤", ["汤", "汤"]),
        ("don't.", ["don", "##'", "##t", "."]),
        ("unaffordable un", ["<unk>", "un"]),
        ("un" + "f" * 99, ["<unk>"]),
    ],
    ids=["longest first", "shorter pieces", "Han characters", "apostrophe", "unknown", "too long"],
)
def test_a_word_is_split_into_the_longest_pieces(tokenizer: WordPieceTokenizer, text: str, pieces: list[str]) -> None:
    assert [tokenizer.vocabulary[token_id] for token_id in tokenizer.encode(text)] == pieces


def test_words_are_joined_again(tokenizer: WordPieceTokenizer) -> None:
    # between letters and Han characters stands no space, as in most Chinese texts
    assert tokenizer.decode(tokenizer.encode("un unaffable 汤汤 don't.")) == "un unaffable汤汤don't."


def test_offsets_are_those_of_the_pieces(tokenizer: WordPieceTokenizer) -> None:
    assert tokenizer.encode_with_offsets(" unaffable 汤")[1] == [(1, 3), (3, 6), (6, 10), (11, 12)]


def test_frequent_pairs_are_merged() -> None:
    # n u stand together four times, t h three times, th e twice
    vocabulary = train("nu nu nu nu", "the the th", vocabulary_size=16).vocabulary
    assert vocabulary[len(SPECIAL_TOKENS) :] == ["n", "u", "##u", "h", "##h", "t", "e", "##e", "nu", "th"]


def test_a_vocabulary_that_is_too_small_holds_the_most_frequent_characters() -> None:
    assert train("a b b c c c", vocabulary_size=8).vocabulary[len(SPECIAL_TOKENS) :] == ["c", "b"]


def test_a_word_with_a_rare_character_is_unknown() -> None:
    assert train("cab cab cabж", min_frequency=2).encode("cabж cab")[0] == UNKNOWN_ID


def test_rare_characters_alone_make_no_vocabulary() -> None:
    with pytest.raises(DataError, match="no token occurs 3 times in the training texts"):
        train("a b b", min_frequency=3)
