"""What tokens say about each other, counted before anything is trained: vectors from what stands beside them."""

from collections.abc import Iterable, Iterator
from typing import Any  # Any: scipy's sparse matrices

import numpy as np

from slmcli.tokenizers.base import PADDING_ID, SPECIAL_TOKENS

# Source: Levy et al. 2015, "Improving distributional similarity with lessons learned from word embeddings": window (section 3.1) and
# exponent of the context frequencies (section 3.2) as recommended there, the vectors with the root of the singular values (section 3.3)
_WINDOW = 5
_EXPONENT = 0.75
# our choice: more tokens make better vectors of rare words alone, and take longer than they are worth
_MOST_TOKENS = 20_000_000
_BLOCK = 2_000_000  # our choice: tokens that are counted at a time, some 200 MB


def cooccurrence_vectors(texts: Iterable[np.ndarray], *, vocabulary_size: int, width: int) -> np.ndarray:
    """Return vectors of tokens such that those that stand beside the same others are alike: singular vectors of a table of PPMI.

    Source: Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization", sections 5.1 and 5.2: positive pointwise
    mutual information of a token and those up to five places from it, factorised.

    Args:
        texts: Token ids of each text, (length,) int32; those beyond the first 20 million tokens are not read.
        vocabulary_size: Rows of the vectors.
        width: Columns.

    Returns:
        (vocabulary_size, width) float32: rows of length 1, or zeros for special tokens and those that stand beside no other. With
        fewer tokens than columns the last columns are zeros.
    """
    from scipy.sparse.linalg import svds

    vectors = np.zeros((vocabulary_size, width), np.float32)
    counts = _count_pairs(texts, vocabulary_size)
    rows = np.flatnonzero(counts.getnnz(axis=1))
    columns = min(width, len(rows) - 1)
    if columns < 1:
        return vectors
    table = _mutual_information(counts[rows][:, rows])
    if not table.nnz:
        return vectors
    start = np.random.default_rng(0).standard_normal(len(rows))  # fixed, so that the vectors are
    left, values, _ = svds(table, k=columns, v0=start.astype(np.float32))
    found = left[:, ::-1] * np.sqrt(np.maximum(values[::-1], 0.0))
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    vectors[rows, :columns] = np.divide(found, lengths, out=np.zeros_like(found), where=lengths > 1e-6)
    return vectors


def _count_pairs(texts: Iterable[np.ndarray], size: int) -> Any:
    """Return (size, size) CSR float32, how often two tokens stand at most a window apart."""
    from scipy.sparse import coo_matrix, csr_matrix

    total = csr_matrix((size, size), dtype=np.float32)
    for block in _blocks(texts):
        for distance in range(1, _WINDOW + 1):
            first, second = block[:-distance], block[distance:]
            are_words = (first >= len(SPECIAL_TOKENS)) & (second >= len(SPECIAL_TOKENS))
            pairs = first[are_words], second[are_words]
            total = total + coo_matrix((np.ones(len(pairs[0]), np.float32), pairs), shape=(size, size)).tocsr()
    return (total + total.T).tocsr()


def _blocks(texts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the tokens of many texts at a time, with as much padding between texts as keeps them apart."""
    gap = np.full(_WINDOW, PADDING_ID, np.int32)
    block: list[np.ndarray] = []
    held = seen = 0
    for text in texts:
        block += [text, gap]
        held, seen = held + len(text), seen + len(text)
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
