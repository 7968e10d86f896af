"""Byte-pair vocabularies by Hugging Face `tokenizers`, trained from counts of words in place of running text."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any  # Any: Hugging Face's models and their JSON

# our choice: strings of about this many characters are handed over at a time
_PIECE_CHARACTERS = 1_000_000
# our choice: vocabularies depend on relative counts; beyond this many words the counts are scaled down
_MOST_WORDS = 200_000_000


def byte_alphabet() -> list[str]:
    """Return a printable character for every byte, those of printable Latin-1 for themselves, others from U+0100 on.

    Source: Radford et al. 2019 (GPT-2), the released encoder; the alphabet of the `ByteLevel` parts of `tokenizers`.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def train(counts: Mapping[str, int], *, vocabulary_size: int, min_frequency: int, special_tokens: Sequence[str]) -> dict[str, Any]:
    """Return a byte-pair model, trained on words spelled in the byte alphabet, as the `model` part of a Hugging Face tokenizer.json.

    Training counts the words of its text and works on the counts, so that every word repeated as often as it was counted is
    as good as the text itself, and faster to read.

    Args:
        counts: Words, without spaces or line ends in them, and how often each occurs.
        vocabulary_size: Most entries, special tokens included; the 256 bytes are always there.
        min_frequency: Occurrences that a pair needs to be merged.
        special_tokens: The first entries.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary_size,
        min_frequency=min_frequency,
        special_tokens=list(special_tokens),
        initial_alphabet=byte_alphabet(),
        show_progress=False,
    )
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.CharDelimiterSplit(" ")
    tokenizer.train_from_iterator(_repeat(counts), trainer)
    return json.loads(tokenizer.to_str())["model"]


def _repeat(counts: Mapping[str, int]) -> Iterator[str]:
    """Yield every word as often as it was counted, in the order of the words."""
    scale = max(1, -(-sum(counts.values()) // _MOST_WORDS))
    for word in sorted(counts):
        count = max(1, counts[word] // scale)
        at_once = max(1, _PIECE_CHARACTERS // (len(word) + 1))
        for start in range(0, count, at_once):
            yield (word + " ") * min(at_once, count - start)


def load(model: Mapping[str, Any]) -> Any:
    """Return the Hugging Face model of its JSON; `model.tokenize(word)` splits a word."""
    from tokenizers import Tokenizer

    document: dict[str, Any] = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
    }
    return Tokenizer.from_str(json.dumps({**document, "truncation": None, "padding": None, "model": model})).model
