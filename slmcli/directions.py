"""Directions in which texts differ most, found without labels: what n-grams have in common, for a regression along few of them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any  # Any: scipy's sparse matrices

import numpy as np

from slmcli.linear import Blocks, LinearModel, Loss, fit_numbers, halves_of, scale_to_length

# our choice, on validation data (docs/decisions.md): fewer passes find other directions than the greatest, more vectors take longer
_VECTORS, PASSES = 60, 20
_DENSE = 2_000  # our choice: so few texts are compared each with each, in a second
# our choice: of more texts or n-grams the vectors take gigabytes, and what is found is nearly the same
MOST_TEXTS, MOST_VALUES = 100_000, 30_000_000
_LEAST = 1e-6  # of the greatest singular value: what is smaller is rounding
_Vectors = Callable[[np.ndarray], np.ndarray]  # numbers of some vectors to the vectors, (texts, some) float32


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
    table = scale_to_length(_first(blocks), idf)
    masses = np.asarray(table.sum(axis=0), np.float32).ravel()
    scales = np.where(masses > 0.0, 1.0 / np.sqrt(masses + 1.0), 0.0).astype(np.float32)
    table.data = table.data * scales[table.indices]
    squares, vectors = _exact(table) if table.shape[0] <= _DENSE else _krylov(table, report)
    values = np.sqrt(np.maximum(squares, 0.0))
    kept = np.flatnonzero(values > _LEAST * max(1e-30, values.max(initial=0.0)))[1 : width + 1]
    with ThreadPoolExecutor(2) as threads:
        axes = _multiply(threads, halves_of(table.T.tocsr()), vectors(kept) / values[kept].astype(np.float32))
    axes *= scales[:, None]
    return axes


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
    spreads = np.where(spreads > 0.0, spreads, np.float32(1.0))
    places -= means
    places /= spreads
    bias, weights = fit_numbers(places, targets, sample_weight, loss=loss, strength=strength, iterations=iterations, report=report)
    weights = weights / spreads[:, None]
    return LinearModel((axes @ weights) * idf[:, None], idf, bias - means @ weights, blocks.words)


def _first(blocks: Blocks) -> Blocks:
    """Return the first texts, as many as are worth reading."""
    stops = blocks.present.indptr
    count = min(len(stops) - 1, MOST_TEXTS, max(1, int(np.searchsorted(stops, MOST_VALUES, side="right")) - 1))
    return Blocks(blocks.present[:count], blocks.words)


def _exact(table: Any) -> tuple[np.ndarray, _Vectors]:
    """Return the squares of all singular values of a CSR matrix, greatest first, and what gives the left vectors of some."""
    squares, vectors = np.linalg.eigh((table @ table.T).toarray().astype(np.float64))
    return squares[::-1], lambda kept: vectors[:, ::-1][:, kept].astype(np.float32)


def _krylov(table: Any, report: Callable[[], None] | None) -> tuple[np.ndarray, _Vectors]:
    """Do the same nearly, for the greatest of them, by what lies in the span of a few vectors and their images."""
    block = np.random.default_rng(0).standard_normal((table.shape[1], _VECTORS), dtype=np.float32)
    rows, columns = halves_of(table), halves_of(table.T.tocsr())
    basis = np.empty((table.shape[0], _VECTORS * PASSES), np.float32)
    products = np.zeros((_VECTORS * PASSES, _VECTORS * PASSES))  # of the table's products of rows with rows, among the vectors; above the diagonal
    with ThreadPoolExecutor(2) as threads:
        image = _multiply(threads, rows, block)
        for done in range(PASSES):
            found, place = basis[:, : done * _VECTORS], slice(done * _VECTORS, (done + 1) * _VECTORS)
            for _ in range(2):  # once leaves what rounding adds, twice is enough
                image -= found @ (found.T @ image)
                image = np.linalg.qr(image)[0].astype(np.float32)
            basis[:, place] = image
            image = _multiply(threads, rows, _multiply(threads, columns, image))
            products[: place.stop, place] = basis[:, : place.stop].T @ image
            if report is not None:
                report()
    squares, turns = np.linalg.eigh(products, UPLO="U")
    return squares[::-1], lambda kept: basis @ turns[:, ::-1][:, kept].astype(np.float32)


def _multiply(threads: ThreadPoolExecutor, halves: tuple[Any, Any], dense: np.ndarray) -> np.ndarray:
    return np.concatenate(list(threads.map(lambda half: half @ dense, halves)))
