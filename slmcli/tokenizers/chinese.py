"""Chinese words by jieba, with whatever else stands between them."""

import functools
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Self  # Any: jieba has no types

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.detokenizing import Detokenizer, WordDetokenizer
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer, most_frequent


class ChineseTokenizer(Tokenizer):
    """Split into the words of jieba's dictionary; Latin words and numbers stay whole, spaces are dropped."""

    name = "chinese"
    is_one_piece = True

    def __init__(self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Iterable[str]) -> None:
        super().__init__(settings, cleaning, list(vocabulary))
        self._ids = {token: token_id for token_id, token in enumerate(self.vocabulary) if token_id >= len(SPECIAL_TOKENS)}

    @classmethod
    def build(cls, counts: Mapping[str, int], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Take the most frequent words."""
        return cls(settings, cleaning, [*SPECIAL_TOKENS, *most_frequent(counts, settings)])

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words and signs."""
        return [word for word in _segmenter().lcut(text) if not word.isspace()]

    def pieces(self, pretoken: str) -> list[int]:
        """Return the one id of a word."""
        return [self._ids.get(pretoken, UNKNOWN_ID)]

    def detokenizer(self) -> Detokenizer:
        """Return what joins words and signs as they are usually written."""
        return WordDetokenizer(self._word)

    def _word(self, token_id: int) -> str:
        return self.vocabulary[token_id] if token_id == UNKNOWN_ID or token_id >= len(SPECIAL_TOKENS) else ""


@functools.lru_cache(maxsize=1)
def _segmenter() -> Any:
    """Return jieba's segmenter with its own dictionary, loaded once, silently."""
    import jieba

    jieba.setLogLevel(logging.ERROR)
    segmenter = jieba.Tokenizer()
    segmenter.initialize()
    return segmenter
