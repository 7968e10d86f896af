"""Unigrams: the most probable pieces, and bytes for what no piece can spell."""

import pytest

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.subword_models import BYTE_ENTRIES
from slmcli.tokenizers.base import SPECIAL_TOKENS
from slmcli.tokenizers.unigram import UnigramTokenizer

# logarithms of probabilities, chosen so that " so"+"up" wins over the single characters, and "汤" alone is no piece
PIECES = [(" ", -3.0), ("s", -3.0), ("o", -3.0), ("u", -3.0), ("p", -3.0), (" so", -4.0), ("up", -4.0), ("汤面", -5.0)]
FIRST = [*SPECIAL_TOKENS, *BYTE_ENTRIES]
MODEL = {"type": "Unigram", "unk_id": 1, "byte_fallback": True, "vocab": [*([entry, 0.0] for entry in FIRST), *map(list, PIECES)]}


@pytest.fixture
def tokenizer() -> UnigramTokenizer:
    """A tokenizer with the pieces above."""
    vocabulary = [*FIRST, *(piece for piece, _ in PIECES)]
    return UnigramTokenizer(TokenizerSettings(), CleaningSettings(cleaning=[]), vocabulary, MODEL)


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        (" soup", [" so", "up"]),
        ("sop", ["s", "o", "p"]),
        ("汤面", ["汤面"]),
        ("汤", ["<0xE6>", "<0xB1>", "<0xA4>"]),
        ("sé", ["s", "<0xC3>", "<0xA9>"]),
        ("\n", ["<0x0A>"]),
    ],
    ids=["most probable", "single characters", "Han characters", "bytes", "bytes at the end", "line end"],
)
def test_a_text_is_split_into_the_most_probable_pieces(tokenizer: UnigramTokenizer, text: str, pieces: list[str]) -> None:
    assert [tokenizer.vocabulary[token_id] for token_id in tokenizer.encode(text)] == pieces


def test_bytes_stand_where_their_character_does(tokenizer: UnigramTokenizer) -> None:
    assert tokenizer.encode_with_offsets("sé汤up")[1] == [(0, 1), (1, 2), (1, 2), (2, 3), (2, 3), (2, 3), (3, 5)]


def test_bytes_that_make_no_character_are_shown_as_such(tokenizer: UnigramTokenizer) -> None:
    assert tokenizer.decode(tokenizer.encode("s汤")[:-1]) == "s\ufffd"


def test_frequent_words_become_one_piece_with_the_space_before_them() -> None:
    texts = ["we had warm soup", "no warm bread", "so warm here"] * 20
    trained = UnigramTokenizer.train(texts, TokenizerSettings(vocabulary_size=300), CleaningSettings(cleaning=[]))
    assert [trained.vocabulary[token_id] for token_id in trained.encode(" warm")] == [" warm"]


@pytest.mark.parametrize("sign", ["▁", "▅", "\t", "\0", "\U00100000"], ids=["lower block", "upper block", "tab", "zero", "private"])
def test_signs_of_the_trainer_in_a_text_stay_themselves(sign: str) -> None:
    trained = UnigramTokenizer.train([f"a{sign}b {sign}"] * 3, TokenizerSettings(vocabulary_size=300), CleaningSettings(cleaning=[]))
    assert trained.decode(trained.encode(f"b {sign}a")) == f"b {sign}a"


def test_there_is_room_for_longer_pieces_than_characters() -> None:
    characters = "".join(map(chr, range(0x4E00, 0x4E00 + 400)))
    texts = [*characters, *["汤面很好"] * 50]
    trained = UnigramTokenizer.train(texts, TokenizerSettings(vocabulary_size=362, min_frequency=1), CleaningSettings(cleaning=[]))
    assert len(trained.encode("汤面很好")) == 1


def test_a_vocabulary_has_at_most_the_entries_asked_for() -> None:
    texts = [f"{first}{second}" for first in ("ka", "lo", "mi", "nu") for second in ("re", "sa", "ti", "vo", "we")]
    trained = UnigramTokenizer.train(texts, TokenizerSettings(vocabulary_size=290, min_frequency=1), CleaningSettings(cleaning=[]))
    assert len(FIRST) < len(trained.vocabulary) <= 290
