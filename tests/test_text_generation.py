"""Text from a model that says one thing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.language_model_config import SamplingSettings
from slmcli.text_generation import Piece, encode_prompt, write
from slmcli.tokenizers.base import END_ID
from slmcli.tokenizers.byte import ByteTokenizer

TOKENIZER = ByteTokenizer.build({}, TokenizerSettings(), CleaningSettings(cleaning=[]))


class Reciter:
    """A model that knows one document by heart; its state is how many tokens each row has read."""

    def __init__(self, text: str) -> None:
        self.token_ids = [END_ID, *TOKENIZER.encode(text), END_ID]

    def begin(self, prompts: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        read = np.array([len(prompt) for prompt in prompts])
        return self.logits(read), read

    def advance(self, token_ids: np.ndarray, state: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.logits(state + 1), state + 1

    def select(self, state: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return state[rows]

    def logits(self, read: np.ndarray) -> np.ndarray:
        result = np.zeros((len(read), len(TOKENIZER.vocabulary)), np.float32)
        result[np.arange(len(read)), np.array(self.token_ids)[np.minimum(read, len(self.token_ids) - 1)]] = 50.0
        return result


def pieces(text: str, prompt: str = "", **values: Any) -> list[Piece]:
    return list(write(Reciter(text), TOKENIZER, encode_prompt(TOKENIZER, prompt), SamplingSettings(**values)))


def test_a_text_ends_with_the_reason() -> None:
    assert pieces("hi") == [Piece(0, "h"), Piece(0, "i"), Piece(0, "", "end")]


def test_a_prompt_is_not_repeated() -> None:
    assert pieces("good", "goo") == [Piece(0, "d"), Piece(0, "", "end")]


def test_a_character_comes_whole() -> None:
    assert pieces("中a") == [Piece(0, "中"), Piece(0, "a"), Piece(0, "", "end")]


def test_a_text_that_is_cut_ends_with_what_there_is() -> None:
    # the second character has three bytes, of which two are written
    assert pieces("a中", max_tokens=3) == [Piece(0, "a"), Piece(0, "\ufffd", "length")]


def test_a_stop_ends_a_text() -> None:
    assert pieces("ab\n\ncd", stop=["\n\n"]) == [Piece(0, "a"), Piece(0, "b"), Piece(0, "", "stop")]


def test_each_sample_has_its_own_reason() -> None:
    assert [piece for piece in pieces("xy", samples=2) if piece.reason] == [Piece(0, "", "end"), Piece(1, "", "end")]


@pytest.mark.parametrize(("values", "text", "reason"), [({}, "ab c", "end"), ({"stop": [" "]}, "ab", "stop"), ({"max_tokens": 2}, "ab", "length")])
def test_beams_give_the_whole_text_at_once(values: dict[str, Any], text: str, reason: Any) -> None:
    assert pieces("ab c", beams=2, **values) == [Piece(0, text, reason)]


def test_a_prompt_stands_behind_the_end_of_a_document() -> None:
    assert encode_prompt(TOKENIZER, "a") == [END_ID, *TOKENIZER.encode("a")]
