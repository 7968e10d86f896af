"""Words in pieces of which the later ones are marked, as BERT has them."""

import re
from collections.abc import Iterable

from slmcli.tokenizers.base import HAN, SPECIAL_TOKENS, UNKNOWN_ID, SubwordTokenizer

# words, single signs and single Han characters; spaces are not kept. Source: Devlin et al. 2019, the released tokenizer
_PRETOKENS = re.compile(rf"[{HAN}]|(?:(?![{HAN}])\w){{1,100}}|[^\w\s]")
_CONTINUES = "##"


class WordpieceTokenizer(SubwordTokenizer):
    """Split every word into the longest pieces of the vocabulary, from left to right.

    Source: Devlin et al. 2019, section 3; Wu et al. 2016, section 4.1. A word that cannot be split is unknown.
    """

    name = "wordpiece"
    kind = "WordPiece"

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words and signs."""
        return _PRETOKENS.findall(text)

    def decode(self, token_ids: Iterable[int]) -> str:
        """Return words with spaces between them."""
        pieces = [self.vocabulary[token_id] for token_id in token_ids if token_id == UNKNOWN_ID or token_id >= len(SPECIAL_TOKENS)]
        return " ".join(pieces).replace(" " + _CONTINUES, "")
