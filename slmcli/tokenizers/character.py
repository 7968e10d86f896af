"""Characters: for Chinese, for texts full of misspellings, and for models that write letter by letter."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Self

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.detokenizing import Detokenizer, TextDetokenizer
from slmcli.pretokens import LOSSLESS_PATTERN
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer, most_frequent

_PRETOKENS = re.compile(LOSSLESS_PATTERN)


class CharacterTokenizer(Tokenizer):
    """Split into Unicode code points; a space is a token too.

    Pretokens are words with the space before them, because a corpus has few different ones: each is spelled once.
    """

    name = "character"

    def __init__(self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Sequence[str]) -> None:
        super().__init__(settings, cleaning, vocabulary)
        self._ids = {token: token_id for token_id, token in enumerate(self.vocabulary) if token_id >= len(SPECIAL_TOKENS)}

    @classmethod
    def build(cls, counts: Mapping[str, int], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Take the most frequent characters."""
        characters: Counter[str] = Counter()
        for pretoken, count in counts.items():
            for character in pretoken:
                characters[character] += count
        return cls(settings, cleaning, [*SPECIAL_TOKENS, *most_frequent(characters, settings)])

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words with the space before them."""
        return _PRETOKENS.findall(text)

    def pieces(self, pretoken: str) -> list[int]:
        """Return the id of each character."""
        return [self._ids.get(character, UNKNOWN_ID) for character in pretoken]

    def piece_spans(self, pretoken: str) -> list[tuple[int, int]]:
        """Return the place of each character."""
        return [(position, position + 1) for position in range(len(pretoken))]

    def detokenizer(self) -> Detokenizer:
        """Return what gives each character; U+FFFD for an unknown one."""
        return TextDetokenizer(self._character)

    def _character(self, token_id: int) -> str:
        if token_id < len(SPECIAL_TOKENS):
            return "\ufffd" if token_id == UNKNOWN_ID else ""
        return self.vocabulary[token_id]
