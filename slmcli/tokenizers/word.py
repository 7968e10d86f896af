"""Words by NLTK's tokenizers that need no downloaded data."""

import re
from collections.abc import Callable, Sequence

from slmcli.config import CleaningSettings, TokenizerSettings
from slmcli.tokenizers.base import Tokenizer

# our choice: Han characters one by one (no spaces between words), words with inner apostrophes, then single signs
WORD_PATTERN = r"[\u3400-\u9fff\uf900-\ufaff]|(?:(?![\u3400-\u9fff\uf900-\ufaff])\w)+(?:['’](?:(?![\u3400-\u9fff\uf900-\ufaff])\w)+)*|[^\w\s]"
# the pattern of nltk.tokenize.WordPunctTokenizer
WORDPUNCT_PATTERN = r"\w+|[^\w\s]+"


class WordTokenizer(Tokenizer):
    """Split into words and signs.

    `regexp` and `wordpunct` are what `nltk.tokenize.RegexpTokenizer` and `WordPunctTokenizer` do with their patterns,
    called through `re` itself, because importing NLTK takes longer than all else in a prediction.
    """

    name = "word"

    def __init__(self, settings: TokenizerSettings, cleaning: CleaningSettings, vocabulary: Sequence[str]) -> None:
        super().__init__(settings, cleaning, vocabulary)
        self._split = _splitter(settings.splitter)

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into words and signs."""
        return self._split(text)


def _splitter(name: str) -> Callable[[str], list[str]]:
    if name == "regexp":
        return re.compile(WORD_PATTERN).findall
    if name == "wordpunct":
        return re.compile(WORDPUNCT_PATTERN).findall
    from nltk.tokenize import NLTKWordTokenizer, ToktokTokenizer, TweetTokenizer

    return {"treebank": NLTKWordTokenizer, "toktok": ToktokTokenizer, "tweet": TweetTokenizer}[name]().tokenize
