"""Unigrams: the most probable way to spell a text in pieces; no text is unknown."""

import re
from collections.abc import Mapping
from typing import Any  # Any: Hugging Face's JSON

from slmcli.config import TokenizerSettings
from slmcli.detokenizing import ByteDetokenizer, Detokenizer
from slmcli.pretokens import LOSSLESS_PATTERN
from slmcli.subword_models import BYTE_ENTRIES, train_unigrams
from slmcli.tokenizers.base import SPECIAL_TOKENS, SubwordTokenizer

_PRETOKENS = re.compile(LOSSLESS_PATTERN)
_FIRST_BYTE = len(SPECIAL_TOKENS)
_FIRST_PIECE = _FIRST_BYTE + len(BYTE_ENTRIES)


class UnigramTokenizer(SubwordTokenizer):
    """Split words, each with the space before it, into the most probable sequence of pieces.

    A piece holds the space itself, not a sign for it. A character that the vocabulary lacks becomes the bytes of its UTF-8.

    Source: Kudo 2018, section 3.2. Differs: always the most probable sequence, none is sampled in training.
    """

    name = "unigram"
    is_lossless = True

    @classmethod
    def fit(cls, counts: Mapping[str, int], settings: TokenizerSettings) -> dict[str, Any]:
        """Start from frequent strings, and leave out those without which the corpus stays probable."""
        size, frequency = settings.vocabulary_size, settings.min_frequency
        return train_unigrams(counts, vocabulary_size=size, min_frequency=frequency, special_tokens=SPECIAL_TOKENS)

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words with the space before them."""
        return _PRETOKENS.findall(text)

    def piece_spans(self, pretoken: str) -> list[tuple[int, int]]:
        """Return where each piece stands; a byte stands where its character does."""
        spans = []
        position = bytes_left = 0
        for token_id in self.pieces(pretoken):
            if token_id < _FIRST_PIECE:
                bytes_left = (bytes_left or len(pretoken[position].encode("utf-8"))) - 1
                spans.append((position, position + 1))
                position += bytes_left == 0
            else:
                spans.append((position, position + len(self.vocabulary[token_id])))
                position = spans[-1][1]
        return spans

    def detokenizer(self) -> Detokenizer:
        """Return what joins pieces and bytes; U+FFFD for bytes that make no character."""
        return ByteDetokenizer(self._bytes)

    def _bytes(self, token_id: int) -> bytes:
        if token_id < _FIRST_BYTE:
            return b""
        return bytes([token_id - _FIRST_BYTE]) if token_id < _FIRST_PIECE else self.vocabulary[token_id].encode("utf-8")
