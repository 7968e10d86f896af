"""Words by NLTK's tokenizers that need no downloaded data."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.detokenizing import Detokenizer, WordDetokenizer
from slmcli.pretokens import WORD_PATTERN
from slmcli.tokenizers.base import SPECIAL_TOKENS, UNKNOWN_ID, Tokenizer, most_frequent

# the pattern of nltk.tokenize.WordPunctTokenizer
WORDPUNCT_PATTERN = r"\w+|[^\w\s]+"


class WordTokenizer(Tokenizer):
    """Split into words and signs.

    `regexp` and `wordpunct` are what `nltk.tokenize.RegexpTokenizer` and `WordPunctTokenizer` do with their patterns,
    called through `re` itself, because importing NLTK takes longer than all else in a prediction.
    """

    name = "word"
    is_one_piece = True

    def __init__(self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Sequence[str]) -> None:
        super().__init__(settings, cleaning, vocabulary)
        self._split = _splitter(settings.splitter)
        self._ids = {token: token_id for token_id, token in enumerate(self.vocabulary) if token_id >= len(SPECIAL_TOKENS)}

    @classmethod
    def build(cls, counts: Mapping[str, int], settings: TokenizerSettings, cleaning: CleaningSettings) -> Self:
        """Take the most frequent words."""
        return cls(settings, cleaning, [*SPECIAL_TOKENS, *most_frequent(counts, settings)])

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words and signs."""
        return self._split(text)

    def pieces(self, pretoken: str) -> list[int]:
        """Return the one id of a word."""
        return [self._ids.get(pretoken, UNKNOWN_ID)]

    def encode_pretokens(self, pretokens: Iterable[str]) -> list[int]:
        """Return the id of each word."""
        ids = self._ids
        return [ids.get(token, UNKNOWN_ID) for token in pretokens]

    def detokenizer(self) -> Detokenizer:
        """Return what joins words and signs as they are usually written."""
        return WordDetokenizer(self._word)

    def _word(self, token_id: int) -> str:
        return self.vocabulary[token_id] if token_id == UNKNOWN_ID or token_id >= len(SPECIAL_TOKENS) else ""


def _splitter(name: str) -> Callable[[str], list[str]]:
    if name == "regexp":
        return re.compile(WORD_PATTERN).findall
    if name == "wordpunct":
        return re.compile(WORDPUNCT_PATTERN).findall
    if name == "space":
        return str.split
    from nltk.tokenize import NLTKWordTokenizer, ToktokTokenizer, TweetTokenizer

    return {"treebank": NLTKWordTokenizer, "toktok": ToktokTokenizer, "tweet": TweetTokenizer}[name]().tokenize
