"""A vocabulary of pieces that makes the corpus most probable."""

import re
from collections.abc import Iterable

from slmcli.tokenizers.base import LOSSLESS_PATTERN, SPECIAL_TOKENS, UNKNOWN_ID, SubwordTokenizer

_PRETOKENS = re.compile(LOSSLESS_PATTERN)
_SPACE = "\u2581"
_WHITE = re.compile(r"\s")


class UnigramTokenizer(SubwordTokenizer):
    """Split every word into its most probable pieces; a space is the sign U+2581 at the beginning of a word.

    Source: Kudo 2018, section 3.2. Characters that the training texts lack are unknown.
    """

    name = "unigram"
    kind = "Unigram"

    @classmethod
    def to_model(cls, pretoken: str) -> str:
        """Put a sign in the place of each space."""
        return _WHITE.sub(_SPACE, pretoken)

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words with the space before them."""
        return _PRETOKENS.findall(text)

    def decode(self, token_ids: Iterable[int]) -> str:
        """Return the text; U+FFFD for unknown pieces."""
        kept = (token_id for token_id in token_ids if token_id == UNKNOWN_ID or token_id >= len(SPECIAL_TOKENS))
        return "".join("\ufffd" if token_id == UNKNOWN_ID else self.vocabulary[token_id] for token_id in kept).replace(_SPACE, " ")
