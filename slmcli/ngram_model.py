"""A language model that only counts: interpolated Kneser-Ney, what any other has to beat."""

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
        self._orders: list[_Order] = []
        tokens = tokens.astype(np.int64)
        numbers = np.zeros(len(tokens) + 1, np.int64)  # of the n-gram that ends before each place: at first of none at all
        shorter = 1  # n-grams of one token less
        keys, inverse = np.zeros(0, np.int64), np.zeros(0, np.int64)
        for length in range(1, min(order, len(tokens)) + 1):
            # those that begin at the start of the text or later
            found = numbers[:-1][length - 1 :] * vocabulary_size + tokens[length - 1 :]
            longer_keys, longer, counts = np.unique(found, return_inverse=True, return_counts=True)
            if length > 1:
                self._orders.append(self._discount(keys, _extensions(inverse, longer, len(keys)), shorter))
                shorter = len(keys)
            keys, inverse = longer_keys, longer
            numbers = np.full(len(tokens) + 1, -1, np.int64)
            numbers[length:] = inverse
        self._orders.append(self._discount(keys, counts, shorter))

    def _discount(self, keys: np.ndarray, counts: np.ndarray, shorter: int) -> _Order:
        """Return what is known of n-grams of one length, given their counts, and how many there are of one token less."""
        contexts = keys // self._size
        once, twice = (max(1, int((counts == number).sum())) for number in (1, 2))
        taken = np.where(counts > 0, np.minimum(counts, once / (once + 2.0 * twice)), 0.0)
        totals = np.bincount(contexts, counts, minlength=shorter)
        left = np.divide(np.bincount(contexts, taken, minlength=shorter), totals, out=np.ones(shorter), where=totals > 0)
        chances = np.divide(counts - taken, totals[contexts], out=np.zeros(len(keys)), where=totals[contexts] > 0)
        return _Order(keys, chances, left)

    def costs(self, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Return what each target costs, (stretches, length) float64 in nats, given the inputs up to its place.

        Args:
            inputs: (stretches, length) token ids of stretches of text, each by itself.
            targets: (stretches, length) the token behind each; what is no token, negative, has a cost without a meaning.
        """
        inputs, targets = inputs.astype(np.int64), np.maximum(targets, 0).astype(np.int64)
        chances = np.full(targets.shape, 1.0 / self._size)
        # numbers of the n-grams that end at each input; -1 where there is none of that length, or none was seen
        contexts = np.zeros(inputs.shape, np.int64)
        for order in self._orders:
            numbers, is_known = self._find(order, contexts, targets)
            found = np.where(is_known, order.chances[numbers], 0.0) + order.left[contexts] * chances
            chances = np.where(contexts >= 0, found, chances)
            before = np.pad(contexts[:, :-1], ((0, 0), (1, 0)), constant_values=0 if order is self._orders[0] else -1)
            numbers, is_known = self._find(order, before, inputs)
            contexts = np.where(is_known, numbers, -1)
        return -np.log(chances)

    def _find(self, order: _Order, contexts: np.ndarray, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the number of the n-gram that each context and its token make, and whether it was seen."""
        keys = np.where(contexts >= 0, contexts * self._size + tokens, -1)
        numbers = np.minimum(np.searchsorted(order.keys, keys), len(order.keys) - 1)
        return numbers, order.keys[numbers] == keys


def _extensions(shorter: np.ndarray, longer: np.ndarray, size: int) -> np.ndarray:
    """Return (size,) how many different tokens stand before each n-gram.

    Args:
        shorter: Number of the n-gram that ends at each place of the text.
        longer: Number of the n-gram with one token more before it, from one place further on.
        size: How many different n-grams there are.
    """
    _, places = np.unique(longer, return_index=True)
    return np.bincount(shorter[1:][places], minlength=size)
