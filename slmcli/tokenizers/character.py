"""Characters: the tokenizer for Chinese, and for texts full of misspellings."""

from slmcli.tokenizers.base import Tokenizer


class CharacterTokenizer(Tokenizer):
    """Split into Unicode code points; a space is a token too."""

    name = "character"

    def split(self, text: str) -> list[str]:
        """Split a cleaned text into its code points."""
        return list(text)
