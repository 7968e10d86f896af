"""What tokens say about each other, counted before anything is trained: vectors from what stands beside them."""

import inspect
from collections.abc import Iterable, Iterator
from typing import Any  # Any: scipy's sparse matrices

import numpy as np

from slmcli.tokenizers.base import PADDING_ID, SPECIAL_TOKENS

_WINDOW = 5  # our choice, on validation data: of 3, 5 and 10 (docs/decisions.md)
_EXPONENT = 0.75  # Source: Levy et al. 2015, section 3.2
# our choice: more tokens take longer, and make better vectors of rare words alone; ids rise as tokens get rarer
_MOST_TOKENS, _MOST_ENTRIES = 20_000_000, 100_000
_BLOCK = 2_000_000  # our choice: places that are counted at a time
_DENSE = 1_000  # our choice: a table of so many rows is decomposed as a whole in less than a second
_TOLERANCE = 1e-3  # our choice: with no more digits the same directions, in 0.87 of the time
_LEAST_LENGTH = 1e-6  # of a vector that is more than rounding


def cooccurrence_vectors(texts: Iterable[np.ndarray], *, vocabulary_size: int, width: int) -> np.ndarray:
    """Return vectors of tokens such that those that stand beside the same others are alike.

    Source: Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization", sections 3 and 4.2: positive pointwise mutual
    information, factorised, the singular values divided evenly. Differs, as Levy et al. 2015, "Improving distributional similarity with
    lessons learned from word embeddings", sections 3.2 and 3.3: frequencies of contexts are smoothed, rows have length 1; and as
    Pennington et al. 2014, "GloVe", section 4.2: a pair that is d tokens apart counts 1/d.

    Args:
        texts: Token ids of each text, (length,) int32; those beyond the first 20 million tokens are not read.
        vocabulary_size: Rows of the vectors.
        width: Columns.

    Returns:
        (vocabulary_size, width) float32: rows of length 1; zeros for special tokens, for those beyond the first 100,000, and where
        nothing is known: no other token stands beside it, or only some that have no part in the first directions. With fewer tokens
        than columns the last columns are zeros.
    """
    vectors = np.zeros((vocabulary_size, width), np.float32)
    counts = _count_pairs(texts, min(vocabulary_size, _MOST_ENTRIES))
    rows = np.flatnonzero(counts.getnnz(axis=1))
    if len(rows):
        factors = _factorise(_mutual_information(counts[rows][:, rows]), width)
        lengths = np.linalg.norm(factors, axis=1, keepdims=True)
        vectors[rows, : factors.shape[1]] = np.divide(factors, lengths, out=np.zeros_like(factors), where=lengths > _LEAST_LENGTH)
    return vectors


def _count_pairs(texts: Iterable[np.ndarray], size: int) -> Any:
    """Return (size, size) CSR float32, how often two tokens with ids below `size` stand at most a window apart, those farther apart for less."""
    from scipy.sparse import coo_matrix, csr_matrix

    total = csr_matrix((size, size), dtype=np.float32)
    for block in _blocks(texts):
        are_counted = (block >= len(SPECIAL_TOKENS)) & (block < size)
        for distance in range(1, _WINDOW + 1):
            are_pairs = are_counted[:-distance] & are_counted[distance:]
            pairs = block[:-distance][are_pairs], block[distance:][are_pairs]
            weights = np.full(len(pairs[0]), 1.0 / distance, np.float32)
            total = total + coo_matrix((weights, pairs), shape=(size, size)).tocsr()
    return (total + total.T).tocsr()


def _blocks(texts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the tokens of many texts at a time, with as much padding between texts as keeps them apart."""
    gap = np.full(_WINDOW, PADDING_ID, np.int32)
    block: list[np.ndarray] = []
    held = seen = 0
    for text in texts:
        block += [text, gap]
        held, seen = held + len(text) + len(gap), seen + len(text)
        if held >= _BLOCK:
            yield np.concatenate(block)
            block, held = [], 0
        if seen >= _MOST_TOKENS:
            break
    if block:
        yield np.concatenate(block)


def _mutual_information(counts: Any) -> Any:
    """Return positive pointwise mutual information of a symmetric CSR matrix of counts, as CSR."""
    pairs = counts.tocoo()
    totals = np.asarray(counts.sum(axis=1), np.float64).ravel()
    contexts = totals**_EXPONENT / (totals**_EXPONENT).sum()
    pairs.data = np.maximum(np.log(pairs.data / totals[pairs.row] / contexts[pairs.col]), 0.0).astype(np.float32)
    table = pairs.tocsr()
    table.eliminate_zeros()
    return table


def _factorise(table: Any, width: int) -> np.ndarray:
    """Return (rows, at most width) float32: left singular vectors of a table, each times the root of its value, greatest first."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    rows = table.shape[0]
    if not table.nnz:
        return np.zeros((rows, 0), np.float32)
    transposed = table.T.tocsr()
    if rows <= max(_DENSE, 2 * width):
        squares, directions = np.linalg.eigh((table @ transposed).toarray().astype(np.float64))
    else:
        operator = LinearOperator(table.shape, matvec=lambda vector: table @ (transposed @ vector), dtype=np.float32)
        # fixed numbers to begin with, and where it must begin again, which older releases of scipy do with numbers of their own
        seed: dict[str, Any] = {"rng": np.random.default_rng(0)} if "rng" in inspect.signature(eigsh).parameters else {}
        start = np.random.default_rng(0).standard_normal(rows).astype(np.float32)
        squares, directions = eigsh(operator, k=width, v0=start, tol=_TOLERANCE, **seed)
    kept = directions[:, ::-1][:, :width] * np.maximum(squares[::-1][:width], 0.0) ** 0.25
    return kept.astype(np.float32)
