"""Which character n-grams the entries of a vocabulary consist of, as rows of a table of vectors."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np

from slmcli.dividing import mix
from slmcli.ngrams import hash_characters, hash_subwords
from slmcli.pretokens import HAN
from slmcli.tokenizers.base import SPECIAL_TOKENS, Tokenizer

_HAN = re.compile(f"[{HAN}]")
_CONTINUED = "##"  # what a word piece of a Hugging Face tokenizer.json begins with when a word goes on (Wu et al. 2016)
_BROKEN = "\ufffd"  # a piece that ends inside a character
# our choice: a Han character means what some English words do, and most words have two; between marks of both ends they have no
# 3 characters that other words share
_HAN_SIZES = range(2, 6)


@dataclass(frozen=True)
class CharacterNgrams:
    """The character n-grams of every entry of a vocabulary.

    Source: Bojanowski et al. 2017, "Enriching word vectors with subword information", section 3.2: the set of 3 to 5 neighbouring
    characters of a word between marks of its ends, hashed into buckets. Differs: entries with Han characters have their single
    characters and pairs too; single signs have none; a piece of a word counts as a word; only buckets that some entry has are rows.

    Attributes:
        rows: (n-grams of all entries,) int32, the rows of the first entry, then those of the second, and so on. Every row is used.
        stops: (entries + 1,) int64, where the rows of each entry begin.
    """

    rows: np.ndarray
    stops: np.ndarray

    @classmethod
    def of(cls, tokenizer: Tokenizer, *, buckets: int) -> Self:
        """Find those of a vocabulary, hashed into so many buckets."""
        hashes = [mix(np.array(sorted(_hash_entry(text)), np.uint64)) % np.uint64(buckets) for text in texts_of_entries(tokenizer)]
        rows = np.unique(np.concatenate([np.zeros(0, np.uint64), *hashes]), return_inverse=True)[1]
        return cls(rows.astype(np.int32), np.cumsum([0, *map(len, hashes)], dtype=np.int64))


def has_words(tokenizer: Tokenizer) -> bool:
    """Say whether some entry has more than one character, so that n-grams tell more than the entry itself."""
    return any(len(text) > 1 for text in texts_of_entries(tokenizer))


def texts_of_entries(tokenizer: Tokenizer) -> Iterator[str]:
    """Yield what each entry stands for, without spaces and a tokenizer's marks; nothing for special tokens and broken characters."""
    for token_id in range(len(tokenizer.vocabulary)):
        text = "" if token_id < len(SPECIAL_TOKENS) else tokenizer.decode([token_id]).strip()
        text = text.removeprefix(_CONTINUED) or text
        yield "" if _BROKEN in text else text


def _hash_entry(text: str) -> set[int]:
    """Return a number for each different n-gram."""
    if _HAN.search(text):
        return {*hash_characters(text, range(1, 2)), *hash_characters(f"<{text}>", _HAN_SIZES)}
    return set(hash_subwords(text))
