"""From scores of the next token to one token: penalties, filters, and the draw.

Throughout, `logits` is (batch, vocab) float32, -inf on what cannot come; functions return new arrays. Equal scores are in the order
of the ids. A row that holds nan, or nothing but -inf, is an error of the model.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from slmcli.errors import BundleError
from slmcli.language_model_config import SamplingSettings

# our choice: about the rounding of a probability whose logarithm is a 32-bit float, so that what is equal by hand counts as equal
_ROUNDING = 1e-6
# our choice: sorting 30,000 tokens takes 3 ms, finding so many of them 0.3 ms; where a model knows its language they are a nucleus of 0.95
_FEW = 512


def largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return where the largest values of (n,) stand, (min(n, count),) int64, the largest first, of equal ones the first in front."""
    if count >= len(values):
        return np.argsort(-values, kind="stable")
    threshold = np.partition(values, len(values) - count)[len(values) - count]
    above = np.flatnonzero(values > threshold)
    equal = np.flatnonzero(values == threshold)[: count - len(above)]
    return np.concatenate([above[np.argsort(-values[above], kind="stable")], equal])


def forbid(logits: np.ndarray, token_ids: Iterable[int]) -> np.ndarray:
    """Return logits with -inf for some tokens; ids beyond the vocabulary are ignored."""
    result = logits.astype(np.float32)
    result[:, [token_id for token_id in token_ids if token_id < logits.shape[1]]] = -np.inf
    return result


def penalize_repetition(logits: np.ndarray, occurred: np.ndarray, penalty: float) -> np.ndarray:
    """Return logits in which tokens that occurred are less likely: positive ones divided by the penalty, negative ones multiplied.

    Source: Keskar et al. 2019 (CTRL), section 4.1. Differs: negative scores are multiplied, because dividing would raise them.

    Args:
        logits: (batch, vocab) float32.
        occurred: (batch, vocab) bool, True for tokens that occurred.
        penalty: At least 1; 1 changes nothing.
    """
    penalized = np.where(logits > 0, logits / np.float32(penalty), logits * np.float32(penalty))
    return np.where(occurred, penalized, logits).astype(np.float32)


def filter_logits(logits: np.ndarray, *, top_k: int = 0, top_p: float = 1.0, min_p: float = 0.0) -> np.ndarray:
    """Return logits with -inf for tokens that shall not be drawn; the likeliest always stays. Each filter sees what the one before left.

    Source: top_p: Holtzman et al. 2020, section 3.1 (nucleus); min_p: Nguyen et al. 2024, section 3; top_k: Fan et al. 2018, section 5.4.

    Args:
        logits: (batch, vocab) float32.
        top_k: Tokens that stay; 0: all.
        top_p: Probability that the fewest likeliest tokens must have together to be all that stay; 1: all stay.
        min_p: Share of the highest probability that a token needs to stay; 0: all stay.
    """
    result = logits.astype(np.float32)
    if 0 < top_k < logits.shape[1]:
        result = _keep(result, [largest(row, top_k) for row in result])
    if top_p < 1.0:
        result = _keep(result, [_nucleus(*row, top_p) for row in zip(result, softmax(result), strict=True)])
    if min_p > 0.0:
        probabilities = softmax(result)
        result = np.where(probabilities >= min_p * (1 - _ROUNDING) * probabilities.max(axis=1, keepdims=True), result, np.float32(-np.inf))
    return result


def _keep(logits: np.ndarray, kept: Sequence[np.ndarray]) -> np.ndarray:
    """Return logits with -inf for all but some tokens of each row."""
    result = np.full_like(logits, -np.inf)
    for row, token_ids in enumerate(kept):
        result[row, token_ids] = logits[row, token_ids]
    return result


def _nucleus(logits: np.ndarray, probabilities: np.ndarray, top_p: float) -> np.ndarray:
    """Return the fewest likeliest tokens of (vocab,) that have a probability together.

    They are ranked by their logits, of which different ones may have one probability after rounding.
    Those below (1 - top_p) / vocab are together too improbable to be needed, and of the others few are sorted first.
    """
    candidates = np.flatnonzero(probabilities >= (1.0 - top_p) / len(probabilities))
    order = candidates[largest(logits[candidates], _FEW)]
    if probabilities[order].sum() < top_p:
        order = candidates[np.argsort(-logits[candidates], kind="stable")]
    before = np.cumsum(probabilities[order]) - probabilities[order]
    return order[: max(1, int(np.searchsorted(before, top_p - _ROUNDING)))]


def softmax(logits: np.ndarray, *, temperature: float = 1.0) -> np.ndarray:
    """Return probabilities, (batch, vocab) float64.

    Raises:
        BundleError: A row has nothing to choose from, or holds nan.
    """
    powers = _below_the_highest(logits)
    powers /= temperature
    np.exp(powers, out=powers)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Return logarithms of probabilities, (batch, vocab) float64, -inf on what cannot come.

    Raises:
        BundleError: A row has nothing to choose from, or holds nan.
    """
    shifted = _below_the_highest(logits)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def _below_the_highest(logits: np.ndarray) -> np.ndarray:
    """Return logits less the highest of each row, float64: none above 0, and at least one 0."""
    highest = logits.max(axis=1, keepdims=True).astype(np.float64)
    if np.isnan(highest).any() or np.isneginf(highest).any():
        raise BundleError("the model gives no next token: its scores are nan, or all -inf. Train it again with a lower --learning-rate.")
    if np.isposinf(highest).any():
        logits = np.where(np.isposinf(highest), np.where(np.isposinf(logits), 0.0, -np.inf), logits)
        highest = np.where(np.isposinf(highest), 0.0, highest)
    return logits - highest


def generators(seed: int, samples: int) -> list[np.random.Generator]:
    """Return the chance of each sample, which depends on the seed and on its number only."""
    return [np.random.default_rng([seed, sample]) for sample in range(samples)]


def draw(probabilities: np.ndarray, chances: Sequence[np.random.Generator]) -> np.ndarray:
    """Draw a token for each row.

    Args:
        probabilities: (batch, vocab) float64.
        chances: One generator a row; each gives one number.

    Returns:
        (batch,) int32; never a token of probability 0.
    """
    sums = np.cumsum(probabilities, axis=1)
    # random() is below 1, but a product may be rounded up to the whole sum, which lies behind the last token that can come
    below = [min(chance.random() * row[-1], np.nextafter(row[-1], 0.0)) for chance, row in zip(chances, sums, strict=True)]
    return np.array([np.searchsorted(row, value, side="right") for row, value in zip(sums, below, strict=True)], np.int32)


def choose(logits: np.ndarray, settings: SamplingSettings, chances: Sequence[np.random.Generator]) -> np.ndarray:
    """Choose the next token of each row: the likeliest without temperature, else one of those that the filters leave.

    Args:
        logits: (batch, vocab) float32, after penalties.
        settings: Temperature, which comes before the filters, and the filters.
        chances: One generator a row.

    Returns:
        (batch,) int32.
    """
    shifted = _below_the_highest(logits)
    if settings.temperature == 0.0:
        return shifted.argmax(axis=1).astype(np.int32)
    with np.errstate(over="ignore"):  # a very low temperature: -inf is meant
        heated = (shifted / settings.temperature).astype(np.float32)
    return draw(softmax(filter_logits(heated, top_k=settings.top_k, top_p=settings.top_p, min_p=settings.min_p)), chances)
