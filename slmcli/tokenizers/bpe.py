"""Byte-pair encoding over bytes: frequent words are one token, rare ones several, and no text is unknown."""

import re
from collections.abc import Mapping
from typing import Any  # Any: Hugging Face's JSON

from slmcli.config import TokenizerSettings
from slmcli.detokenizing import ByteDetokenizer, Detokenizer
from slmcli.pretokens import LOSSLESS_PATTERN
from slmcli.subword_models import byte_alphabet, train_byte_pairs
from slmcli.tokenizers.base import SPECIAL_TOKENS, SubwordTokenizer

_PRETOKENS = re.compile(LOSSLESS_PATTERN)
_ALPHABET = byte_alphabet()
_BYTES = {character: byte for byte, character in enumerate(_ALPHABET)}


class BpeTokenizer(SubwordTokenizer):
    """Merge the most frequent pairs of bytes, then of what was merged.

    Source: Sennrich et al. 2016, section 3.2, on bytes as in Radford et al. 2019, section 2.2.
    """

    name = "bpe"
    is_lossless = True

    @classmethod
    def fit(cls, counts: Mapping[str, int], settings: TokenizerSettings) -> dict[str, Any]:
        """Merge pairs of bytes."""
        size, frequency = settings.vocabulary_size, settings.min_frequency
        return train_byte_pairs(counts, vocabulary_size=size, min_frequency=frequency, special_tokens=SPECIAL_TOKENS)

    @classmethod
    def to_model(cls, pretoken: str) -> str:
        """Return a printable character for each byte."""
        return "".join(map(_ALPHABET.__getitem__, pretoken.encode("utf-8")))

    def to_pretoken(self, pretoken: str, start: int, end: int) -> tuple[int, int]:
        """Return the characters that the bytes of a piece belong to, as a whole."""
        content = pretoken.encode("utf-8")
        first, last = (len(self.to_model(pretoken).encode("utf-8")[:place].decode("utf-8")) for place in (start, end))
        after = len(content[:last].decode("utf-8", "ignore"))
        is_whole = last == len(content) or content[last] & 0xC0 != 0x80
        before = len(content[:first].decode("utf-8", "ignore"))
        return before, after if is_whole else after + 1

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words with the space before them."""
        return _PRETOKENS.findall(text)

    def detokenizer(self) -> Detokenizer:
        """Return what joins the bytes of pieces; U+FFFD for those that make no character."""
        return ByteDetokenizer(self._bytes)

    def _bytes(self, token_id: int) -> bytes:
        return bytes(map(_BYTES.__getitem__, self.vocabulary[token_id])) if token_id >= len(SPECIAL_TOKENS) else b""
