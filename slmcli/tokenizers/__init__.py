"""Tokenizers: text to token ids."""

from slmcli.registry import Registry

TOKENIZERS = Registry(
    "tokenizer",
    {
        "word": "slmcli.tokenizers.word:WordTokenizer",
        "chinese": "slmcli.tokenizers.chinese:ChineseTokenizer",
        "character": "slmcli.tokenizers.character:CharacterTokenizer",
        "byte": "slmcli.tokenizers.byte:ByteTokenizer",
        "bpe": "slmcli.tokenizers.bpe:BpeTokenizer",
        "wordpiece": "slmcli.tokenizers.wordpiece:WordPieceTokenizer",
        "unigram": "slmcli.tokenizers.unigram:UnigramTokenizer",
        "huggingface": "slmcli.tokenizers.huggingface:HuggingFaceTokenizer",
    },
)
