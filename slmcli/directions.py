"""Directions in which texts differ most, found without labels: what n-grams have in common, for a regression along few of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any  # Any: scipy's sparse matrices

import numpy as np

from slmcli.linear import Blocks, LinearModel, Loss, fit_numbers, halves_of, scale_to_length

# our choice, on validation data (docs/decisions.md): fewer passes find other directions than the greatest, more vectors take longer
_VECTORS, PASSES = 60, 20
_DENSE = 2_000  # our choice: so few texts are compared each with each, in a second
# our choice: more values, 8 bytes each, take a minute and a gigabyte, and find nearly the same
_MOST_VALUES = 30_000_000
_LEAST = 1e-6  # of the greatest singular value: what is smaller is rounding


def find_directions(blocks: Blocks, idf: np.ndarray, *, width: int, report: Callable[[], None] | None = None) -> np.ndarray:
    """Find the directions in which texts differ most.

    Source: Deerwester et al. 1990, "Indexing by latent semantic analysis", for singular vectors of what texts hold; Dhillon 2001,
    "Co-clustering documents and words using bipartite spectral graph partitioning", section 4, for n-grams divided by the root of what
    they have in all texts together, and for leaving out the first, along which texts differ in little but length; Musco & Musco 2015,
    "Randomized block Krylov methods", algorithm 2, for how they are found. Differs: texts have length 1, n-grams have 1 more than what
    they have, so that rare ones decide less.

    Args:
        blocks: The texts; labels are not needed. Of very many those that come first are read.
        idf: (n-grams,) float32, inverse document frequencies.
        width: How many directions, at most.
        report: Told after each pass over the texts; of few texts, which are compared each with each, it is told nothing.

    Returns:
        (n-grams, directions) float32, axes: the TF-IDF vector of a text, of length 1 in each block, times these is where it lies.
    """
    features = _first_values(scale_to_length(blocks, idf))
    masses = np.asarray(features.sum(axis=0), np.float32).ravel()
    scales = np.where(masses > 0.0, 1.0 / np.sqrt(masses + 1.0), 0.0).astype(np.float32)
    table = features.copy()
    table.data = table.data * scales[table.indices]
    basis = _all_texts(table) if table.shape[0] <= _DENSE else _krylov(table, report)
    with ThreadPoolExecutor(2) as threads:
        images = _multiply(threads, halves_of(table.T.tocsr()), basis)
    squares, turns = np.linalg.eigh((images.T @ images).astype(np.float64))
    values = np.sqrt(np.maximum(squares[::-1], 0.0))
    kept = np.flatnonzero(values > _LEAST * max(values[0], 1e-30))[1 : width + 1] if len(values) else np.zeros(0, np.intp)
    axes = images @ (turns[:, ::-1][:, kept] / values[kept]).astype(np.float32)
    return axes * scales[:, None]


def fit_along(
    axes: np.ndarray,
    blocks: Blocks,
    idf: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray,
    *,
    loss: Loss,
    strength: float,
    iterations: int,
    report: Callable[[int, float], None] | None = None,
) -> LinearModel:
    """Solve a regression on where texts lie along axes, each of variance 1 among them; return it as one of their n-grams.

    Args:
        axes: (n-grams, directions) float32, found in other texts: those which they were found in lie further apart than new ones do.
        blocks: The training texts.
        idf: (n-grams,) float32, inverse document frequencies.
        targets: (texts, outputs) float32.
        sample_weight: (texts,) float32.
        loss: As for `fit`.
        strength: Inverse of the ridge penalty.
        iterations: Most passes over the texts, but for those that search along a line.
        report: Told the passes so far, and the mean loss.
    """
    places = np.asarray(scale_to_length(blocks, idf) @ axes)
    means, spreads = places.mean(axis=0), places.std(axis=0)
    spreads = np.where(spreads > 0.0, spreads, 1.0)
    bias, weights = fit_numbers(
        (places - means) / spreads, targets, sample_weight, loss=loss, strength=strength, iterations=iterations, report=report
    )
    weights = weights / spreads[:, None]
    return LinearModel((axes @ weights) * idf[:, None], idf, bias - means @ weights, blocks.words)


def _first_values(features: Any) -> Any:
    """Return the first texts of a CSR matrix, as many as are worth reading."""
    return features[: max(1, int(np.searchsorted(features.indptr, _MOST_VALUES, side="right")) - 1)]


def _all_texts(table: Any) -> np.ndarray:
    """Return (texts, directions) float32, orthonormal: all directions that there are."""
    squares, vectors = np.linalg.eigh((table @ table.T).toarray().astype(np.float64))
    return vectors[:, squares > _LEAST**2 * max(float(squares[-1]), 1e-30)].astype(np.float32)


def _krylov(table: Any, report: Callable[[], None] | None) -> np.ndarray:
    """Return (texts, vectors) float32, orthonormal, which nearly hold the greatest directions of a CSR matrix."""
    start = np.random.default_rng(0).standard_normal((table.shape[1], _VECTORS), dtype=np.float32)
    rows, columns = halves_of(table), halves_of(table.T.tocsr())
    found: list[np.ndarray] = []
    with ThreadPoolExecutor(2) as threads:
        block = _multiply(threads, rows, start)
        for done in range(1, PASSES + 1):
            for _ in range(2):  # once leaves what rounding adds, twice is enough
                for other in found:
                    block -= other @ (other.T @ block)
                block = np.linalg.qr(block)[0].astype(np.float32)
            found.append(block)
            if report is not None:
                report()
            if done < PASSES:
                block = _multiply(threads, rows, _multiply(threads, columns, block))
    return np.concatenate(found, axis=1)


def _multiply(threads: ThreadPoolExecutor, halves: tuple[Any, Any], dense: np.ndarray) -> np.ndarray:
    return np.concatenate(list(threads.map(lambda half: half @ dense, halves)))
