"""Word pieces: frequent words are one token, rare ones a beginning and continuing pieces."""

import re
from collections.abc import Iterable, Mapping
from typing import Any  # Any: Hugging Face's JSON

from slmcli.config import TokenizerSettings
from slmcli.pretokens import WORD_PATTERN, join_words
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

    def decode(self, token_ids: Iterable[int]) -> str:
        """Return words with spaces between them, but for Han characters and around signs."""
        words: list[str] = []
        for token_id in token_ids:
            piece = self.vocabulary[token_id]
            if len(piece) > len(CONTINUING_PREFIX) and piece.startswith(CONTINUING_PREFIX):
                words[-1:] = ["".join(words[-1:]) + piece.removeprefix(CONTINUING_PREFIX)]
            elif token_id == UNKNOWN_ID or token_id >= len(SPECIAL_TOKENS):
                words.append(piece)
        return join_words(words)
