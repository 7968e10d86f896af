"""N-grams of tokens as a stream of ids beside the tokens: hashed into buckets, counted, the frequent buckets kept."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self  # Any: a JSON document

import numpy as np

from slmcli.dividing import mix
from slmcli.files import sha256_json
from slmcli.tokenizers.base import UNKNOWN_ID

FORMAT_VERSION = 1
PADDING_ID = 0
FEATURE = "ngram_ids"
# our choice: a million reviews have some 30 million different pairs of words; the counters take 64 MB, whatever the corpus
BUCKETS = 1 << 24
_SHIFT = np.uint64(64 - 24)


@dataclass(frozen=True)
class NgramVocabulary:
    """The n-grams that have an id of their own: id 0 is padding, 1 the most frequent.

    Source: hashing instead of a dictionary as in Joulin et al. 2017, "Bag of tricks for efficient text classification",
    section 2; that only frequent buckets are kept, so that the table of a model has no empty rows, is our choice.

    Attributes:
        order: Tokens in the longest n-gram; the shortest has two.
        buckets: (n-grams,) uint32, the bucket of each id from 1 on.
    """

    order: int
    buckets: np.ndarray

    @classmethod
    def build(cls, counts: np.ndarray, *, order: int, size: int, min_frequency: int) -> Self:
        """Keep the most frequent buckets, equal ones by number.

        Args:
            counts: (BUCKETS,) how often each occurred in the training split.
            order: Tokens in the longest n-gram.
            size: Most n-grams.
            min_frequency: Occurrences that an n-gram needs.
        """
        frequent = np.flatnonzero(counts >= min_frequency)
        ranked = frequent[np.argsort(-counts[frequent].astype(np.int64), kind="stable")]
        return cls(order, ranked[:size].astype(np.uint32))

    def encode(self, token_ids: np.ndarray) -> np.ndarray:
        """Return (kept n-grams,) int32, the ids of a text's n-grams: all pairs in their order, then all triples, and so on.

        An n-gram that occurs twice is there twice; one with an unknown token, or too rare, is left out.
        """
        buckets = hash_ngrams(token_ids, self.order)
        ranked, places = self._index
        if not len(ranked):
            return np.zeros(0, np.int32)
        found = np.minimum(np.searchsorted(ranked, buckets), len(ranked) - 1)
        return places[found[ranked[found] == buckets]] + np.int32(1)

    @cached_property
    def _index(self) -> tuple[np.ndarray, np.ndarray]:
        places = np.argsort(self.buckets, kind="stable")
        return self.buckets[places], places.astype(np.int32)

    def to_json(self) -> dict[str, Any]:
        """Return everything needed to find the same ids elsewhere."""
        return {"format_version": FORMAT_VERSION, "order": self.order, "buckets": self.buckets.tolist()}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Rebuild it from `to_json`."""
        return cls(document["order"], np.array(document["buckets"], np.uint32))

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the ids."""
        return sha256_json(self.to_json())[:16]


def hash_ngrams(token_ids: np.ndarray, order: int) -> np.ndarray:
    """Return (n-grams,) uint32, the bucket of each n-gram of 2 to `order` tokens without an unknown one.

    Args:
        token_ids: (length,) integers.
        order: Tokens in the longest n-gram.
    """
    tokens = mix(token_ids.astype(np.uint64))
    is_known = token_ids != UNKNOWN_ID
    ngrams, is_whole, found = tokens, is_known, [np.zeros(0, np.uint32)]
    for size in range(2, order + 1):
        ngrams = mix(mix(ngrams[:-1]) ^ tokens[size - 1 :])
        is_whole = is_whole[:-1] & is_known[size - 1 :]
        found.append((ngrams[is_whole] >> _SHIFT).astype(np.uint32))
    return np.concatenate(found)
