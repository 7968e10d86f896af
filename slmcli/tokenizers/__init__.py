"""Tokenizers: cleaned text to token ids."""

from slmcli.registry import Registry

TOKENIZERS = Registry(
    "tokenizer",
    {
        "word": "slmcli.tokenizers.word:WordTokenizer",
        "character": "slmcli.tokenizers.character:CharacterTokenizer",
    },
)
