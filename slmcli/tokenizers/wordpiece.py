"""Word pieces: frequent words are one token, rare ones a beginning and continuing pieces."""

import re
from collections.abc import Mapping
from typing import Any  # Any: Hugging Face's JSON

from slmcli.config import TokenizerSettings
from slmcli.detokenizing import Detokenizer, WordPieceDetokenizer
from slmcli.pretokens import WORD_PATTERN
from slmcli.subword_models import CONTINUING_PREFIX, train_word_pieces
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, SubwordTokenizer

_WORDS = re.compile(WORD_PATTERN)


class WordPieceTokenizer(SubwordTokenizer):
    """Split words and signs into the longest pieces that the vocabulary has, from left to right.

    Continuing pieces begin with `##`. A word with a character that the vocabulary lacks is unknown as a whole. Spaces are lost.

    Source: Schuster & Nakajima 2012, section 3; Devlin et al. 2019, section 3. Differs: words keep their inner apostrophes.
    """

    name = "wordpiece"

    @classmethod
    def fit(cls, counts: Mapping[str, int], settings: TokenizerSettings) -> dict[str, Any]:
        """Merge pairs of characters, then of what was merged."""
        size, frequency = settings.vocabulary_size, settings.min_frequency
        return train_word_pieces(counts, vocabulary_size=size, min_frequency=frequency, special_tokens=SPECIAL_TOKENS)

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words and signs, Han characters one by one."""
        return _WORDS.findall(text)

    def detokenizer(self) -> Detokenizer:
        """Return what joins pieces to words, and words and signs as they are usually written."""
        return WordPieceDetokenizer(self._piece)

    def _piece(self, token_id: int) -> tuple[str, bool]:
        """Return the text of a piece, empty for a special token, and whether it continues a word."""
        if token_id < len(SPECIAL_TOKENS) and token_id != UNKNOWN_ID:
            return "", False
        piece = self.vocabulary[token_id]
        continues = len(piece) > len(CONTINUING_PREFIX) and piece.startswith(CONTINUING_PREFIX)
        return piece.removeprefix(CONTINUING_PREFIX) if continues else piece, continues
