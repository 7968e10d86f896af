"""Characters: every code point is a token."""

import pytest

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.tokenizers.base import PADDING_ID, SPECIAL_TOKENS, UNKNOWN_ID
from slmcli.tokenizers.character import CharacterTokenizer


@pytest.fixture
def tokenizer() -> CharacterTokenizer:
    """A tokenizer that knows a, b and the space."""
    return CharacterTokenizer(TokenizerSettings(tokenizer="character"), CleaningSettings(), [*SPECIAL_TOKENS, "a", "b", " "])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("汤很好", ["汤", "很", "好"]),
        ("a b", ["a", " ", "b"]),
        ("don't", ["d", "o", "n", "'", "t"]),
        ("👩‍🍳", ["👩", "\u200d", "🍳"]),
        ("", []),
    ],
    ids=["Chinese", "space", "apostrophe", "joined emoji", "empty"],
)
def test_every_code_point_is_a_token(tokenizer: CharacterTokenizer, text: str, tokens: list[str]) -> None:
    assert [text[start:end] for start, end in tokenizer.encode_with_offsets(text)[1]] == tokens


def test_a_run_of_spaces_is_one_token(tokenizer: CharacterTokenizer) -> None:
    assert tokenizer.encode(" a  \n b ") == [6, 8, 7]


def test_an_accent_that_has_a_letter_of_its_own_is_no_token(tokenizer: CharacterTokenizer) -> None:
    assert tokenizer.encode_with_offsets("e\u0301")[1] == [(0, 2)]


def test_a_character_outside_the_vocabulary_is_unknown(tokenizer: CharacterTokenizer) -> None:
    assert tokenizer.encode("aзb") == [6, UNKNOWN_ID, 7]


def test_the_name_of_the_padding_in_a_text_does_not_become_padding(tokenizer: CharacterTokenizer) -> None:
    assert PADDING_ID not in tokenizer.encode("&lt;pad&gt;")
