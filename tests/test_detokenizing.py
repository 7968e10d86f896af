"""Text in pieces: joined, they are the text of the whole, for every registered tokenizer."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer as Library
from tokenizers import decoders, models, pre_tokenizers, trainers

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.detokenizing import ByteDetokenizer
from slmcli.tokenizers import TOKENIZERS
from slmcli.tokenizers.base import SPECIAL_TOKENS, Tokenizer
from slmcli.tokenizers.huggingface import HuggingFaceTokenizer

TEXTS = (
    '"Hello," she said. "It\'s $3.14, isn\'t it?"',
    "他说：“你好，世界。”我爱Python编程",
    "emoji 😀👨‍👩‍👧🇫🇷 and cafe\u0301 noir",
    "line\nends\r\n\r\n\tand   spaces ",
    "'single' dogs' 'tails'",
)
NAMES = [name for name in TOKENIZERS.names() if TOKENIZERS.load(name).is_trainable]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]


def train(name: str) -> Tokenizer:
    """Train on the texts above, with a vocabulary in which many of their characters are bytes or unknown."""
    values = TokenizerSettings(tokenizer=name, min_frequency=1, vocabulary_size=330)
    return TOKENIZERS.load(name).train(TEXTS, values, CleaningSettings(cleaning=[]))


def byte_pairs() -> Any:
    """Return a library's tokenizer as GPT-2 has one."""
    library = Library(models.BPE())
    library.pre_tokenizer, library.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    library.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False))
    return library


def word_pieces() -> Any:
    """Return a library's tokenizer as BERT has one, whose decoder also takes away spaces before signs."""
    library = Library(models.WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    library.pre_tokenizer, library.decoder = pre_tokenizers.BertPreTokenizer(), decoders.WordPiece()
    library.train_from_iterator(TEXTS, trainers.WordPieceTrainer(vocab_size=150, special_tokens=["[UNK]"], show_progress=False))
    return library


def byte_fallback() -> Any:
    """Return a library's tokenizer as Llama has one: a sign for spaces, bytes for rare characters, one space taken away in front."""
    entries = ["<unk>", *BYTES, "▁", "▁an", "d", "s", "▁spaces", "e", "你", "好", "l", "o", "H", "i", "n"]
    library = Library(models.BPE({entry: i for i, entry in enumerate(entries)}, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    library.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="first", split=False)
    library.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    return library


FOREIGN = {"byte pairs": byte_pairs(), "word pieces": word_pieces(), "byte fallback": byte_fallback()}
SHARED: dict[str, Tokenizer] = {name: train(name) for name in NAMES}
for kind, library in FOREIGN.items():
    SHARED[kind] = HuggingFaceTokenizer.from_document(json.loads(library.to_str()), CleaningSettings(cleaning=[]), source="file")
EVERY = pytest.mark.parametrize("name", SHARED)
EVERY_TEXT = pytest.mark.parametrize("text", [*TEXTS, " ".join(TEXTS * 5)], ids=["English", "Chinese", "emoji", "line ends", "quotes", "long"])


def pieces(tokenizer: Tokenizer, token_ids: Sequence[int]) -> list[str]:
    """Return the text that each token makes certain, and what is left at the end."""
    detokenizer = tokenizer.detokenizer()
    return [*map(detokenizer.add, token_ids), detokenizer.finish()]


@EVERY
@EVERY_TEXT
def test_pieces_are_together_the_text_of_the_whole(name: str, text: str) -> None:
    token_ids = SHARED[name].encode(text)
    assert "".join(pieces(SHARED[name], token_ids)) == SHARED[name].decode(token_ids)


@EVERY
@settings(max_examples=60, deadline=None, derandomize=True)
@given(data=st.data())
def test_pieces_of_any_tokens_are_together_the_text_of_the_whole(name: str, data: st.DataObject) -> None:
    token_ids = data.draw(st.lists(st.integers(0, len(SHARED[name].vocabulary) - 1), max_size=60))
    assert "".join(pieces(SHARED[name], token_ids)) == SHARED[name].decode(token_ids)


@pytest.mark.parametrize("name", ["byte", "bpe", "unigram", "byte pairs", "byte fallback"])
@EVERY_TEXT
def test_a_lossless_text_comes_back_in_pieces(name: str, text: str) -> None:
    assert "".join(pieces(SHARED[name], SHARED[name].encode(text))) == text


@EVERY
@EVERY_TEXT
def test_no_piece_shows_half_a_character(name: str, text: str) -> None:
    unknown = SHARED[name].decode(SHARED[name].encode(text)).count("\ufffd")
    assert "".join(pieces(SHARED[name], SHARED[name].encode(text))).count("\ufffd") == unknown


@EVERY
@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_more_tokens_do_not_change_what_was_shown(name: str, data: st.DataObject) -> None:
    token_ids = data.draw(st.lists(st.integers(0, len(SHARED[name].vocabulary) - 1), max_size=30))
    length = data.draw(st.integers(0, len(token_ids)))
    assert SHARED[name].decode(token_ids).startswith("".join(pieces(SHARED[name], token_ids[:length])[:-1]))


@EVERY
def test_text_is_shown_while_it_is_written(name: str) -> None:
    shown = pieces(SHARED[name], SHARED[name].encode(TEXTS[0] * 5))
    assert sum(map(bool, shown[:-1])) > len(shown) / 3


@EVERY
def test_no_tokens_are_no_text(name: str) -> None:
    assert pieces(SHARED[name], []) == [""]


def test_a_character_waits_for_its_last_byte() -> None:
    detokenizer = ByteDetokenizer(lambda byte: bytes([byte]))
    assert [detokenizer.add(byte) for byte in "a中".encode()] == ["a", "", "", "中"]


def test_bytes_that_make_no_character_are_shown_when_that_is_certain() -> None:
    detokenizer = ByteDetokenizer(lambda byte: bytes([byte]))
    assert [detokenizer.add(0xE4), detokenizer.add(ord("a")), detokenizer.add(0xE4), detokenizer.finish()] == ["", "\ufffda", "", "\ufffd"]


def test_a_word_waits_until_the_next_begins() -> None:
    tokenizer = SHARED["wordpiece"]
    tokenizer = type(tokenizer)(tokenizer.settings, tokenizer.cleaning, [*SPECIAL_TOKENS, "un", "##able", "."])
    assert pieces(tokenizer, [6, 7, 8]) == ["", "", "unable", "."]
