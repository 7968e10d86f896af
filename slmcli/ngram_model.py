"""A language model that only counts: interpolated Kneser-Ney, what any other has to beat."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Order:
    """What is known of n-grams of one length.

    Attributes:
        keys: (n-grams,) int64, sorted: number of the n-gram without its last token, times the vocabulary, plus the last token.
        chances: (n-grams,) float64, the discounted share of each among those that begin like it.
        left: (shorter n-grams,) float64, what is left for shorter contexts behind each; 1 where nothing was seen.
    """

    keys: np.ndarray
    chances: np.ndarray
    left: np.ndarray


class NgramModel:
    """Interpolated Kneser-Ney with one discount for each length.

    Source: Chen & Goodman 1999, "An empirical study of smoothing techniques for language modeling", sections 3 and 4.1.6: shorter
    n-grams are counted once for each token before them; a discount is n1 / (n1 + 2 n2) of the n-grams counted once and twice; below
    single tokens stands the same probability for all.

    Args:
        tokens: (tokens,) int32, a text to learn from.
        vocabulary_size: Entries of the vocabulary.
        order: Tokens of the longest n-gram.
    """

    def __init__(self, tokens: np.ndarray, vocabulary_size: int, *, order: int) -> None:
        self._size = vocabulary_size
        tokens = tokens.astype(np.int64)
        numbers = np.zeros(len(tokens) + 1, np.int64)  # of the n-gram that ends before each place: at first of none at all
        orders = []
        for length in range(1, min(order, len(tokens)) + 1):
            # those that begin at the start of the text or later
            keys = numbers[:-1][length - 1 :] * vocabulary_size + tokens[length - 1 :]
            unique, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
            orders.append((unique, inverse, counts))
            numbers = np.full(len(tokens) + 1, -1, np.int64)
            numbers[length:] = inverse
        self._orders = [self._discount(orders, place) for place in range(len(orders))]

    def _discount(self, orders: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]], place: int) -> _Order:
        """Return what is known of n-grams of `place + 1` tokens."""
        keys, inverse, counts = orders[place]
        if place + 1 < len(orders):
            counts = _extensions(inverse, orders[place + 1][1], len(keys))
        contexts = keys // self._size
        size = len(orders[place - 1][0]) if place else 1
        once, twice = (max(1, int((counts == number).sum())) for number in (1, 2))
        taken = np.where(counts > 0, np.minimum(counts, once / (once + 2.0 * twice)), 0.0)
        totals = np.bincount(contexts, counts, minlength=size)
        left = np.divide(np.bincount(contexts, taken, minlength=size), totals, out=np.ones(size), where=totals > 0)
        chances = np.divide(counts - taken, totals[contexts], out=np.zeros(len(keys)), where=totals[contexts] > 0)
        return _Order(keys, chances, left)

    def costs(self, first: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return what each token costs, (stretches, length) float64 in nats.

        Args:
            first: (stretches,) the token before each stretch of text.
            targets: (stretches, length) the tokens of each; what is no token of the vocabulary, negative, has a cost without a meaning.
        """
        tokens = np.concatenate([first[:, None], np.maximum(targets, 0)], axis=1).astype(np.int64)
        chances = np.full(tokens.shape, 1.0 / self._size)
        # numbers of the n-grams that are the contexts; -1 where there is none of that length, or none was seen
        contexts = np.zeros(tokens.shape, np.int64)
        for order in self._orders:
            keys = np.where(contexts >= 0, contexts * self._size + tokens, -1)
            numbers = np.minimum(np.searchsorted(order.keys, keys), len(order.keys) - 1)
            is_known = order.keys[numbers] == keys
            found = np.where(is_known, order.chances[numbers], 0.0) + order.left[contexts] * chances
            chances = np.where(contexts >= 0, found, chances)
            contexts = np.pad(np.where(is_known, numbers, -1)[:, :-1], ((0, 0), (1, 0)), constant_values=-1)
        return -np.log(chances[:, 1:])


def _extensions(shorter: np.ndarray, longer: np.ndarray, size: int) -> np.ndarray:
    """Return (size,) how many different tokens stand before each n-gram.

    Args:
        shorter: Number of the n-gram that ends at each place of the text.
        longer: Number of the n-gram with one token more before it, from one place further on.
        size: How many different n-grams there are.
    """
    _, places = np.unique(longer, return_index=True)
    return np.bincount(shorter[1:][places], minlength=size)
