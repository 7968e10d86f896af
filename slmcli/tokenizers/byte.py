"""Bytes of UTF-8: no text is unknown, whatever its script."""

import re
from collections.abc import Mapping
from typing import Self

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.detokenizing import ByteDetokenizer, Detokenizer
from slmcli.pretokens import LOSSLESS_PATTERN
from slmcli.tokenizers.base import SPECIAL_TOKENS, Tokenizer

_PRETOKENS = re.compile(LOSSLESS_PATTERN)
_FIRST = len(SPECIAL_TOKENS)


class ByteTokenizer(Tokenizer):
    """Split into bytes; the id of a byte is its value plus the number of special tokens.

    Source: Xue et al. 2022 (ByT5), section 3.1.
    """

    name = "byte"
    is_lossless = True

    @classmethod
    def build(cls, counts: Mapping[str, int], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Take all 256 bytes, whatever the corpus."""
        return cls(settings, cleaning, [*SPECIAL_TOKENS, *(f"<0x{byte:02X}>" for byte in range(256))])

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words with the space before them."""
        return _PRETOKENS.findall(text)

    def pieces(self, pretoken: str) -> list[int]:
        """Return the id of each byte."""
        return [byte + _FIRST for byte in pretoken.encode("utf-8")]

    def piece_spans(self, pretoken: str) -> list[tuple[int, int]]:
        """Return the place of the character that each byte is a part of."""
        return [(position, position + 1) for position, character in enumerate(pretoken) for _ in character.encode("utf-8")]

    def detokenizer(self) -> Detokenizer:
        """Return what joins bytes; U+FFFD for those that make no character."""
        return ByteDetokenizer(lambda token_id: bytes((token_id - _FIRST,)) if token_id >= _FIRST else b"")
