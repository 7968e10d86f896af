"""Two models on the same examples: how far apart they are, and whether chance alone could have done that."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from slmcli.intervals import resample

# our choice: as many as for the interval of one score; a p-value below 1 in 2,000 is said to be so and no more
RESAMPLES = 2000
_CELLS_IN_MEMORY = 4_000_000
# our choice: differences that are equal but for rounding are equal
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Differences:
    """Differences of one kind with their 95 % intervals: numbers, or arrays of one shape.

    Attributes:
        found: On the examples as they are.
        low: Lower ends.
        high: Upper ends.
    """

    found: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def are_clear(self) -> np.ndarray:
        """Whether 0 lies outside of the interval."""
        return (self.low > 0.0) | (self.high < 0.0)


def bootstrap_differences(counts: np.ndarray, difference: Callable[[np.ndarray], Mapping[str, np.ndarray]], *, seed: int) -> dict[str, Differences]:
    """Return differences between two models' scores with 95 % bootstrap intervals, widened to hold the difference itself.

    Source: Efron & Tibshirani 1993, section 13.3, the percentile interval; both models are scored on the same samples.

    Args:
        counts: (kinds,) how many examples there are of each kind; those that mean the same to every score are of one kind.
        difference: Returns differences by name, (samples, …), on samples given as counts (samples, kinds).
        seed: Seed of the resampling.
    """
    found = {name: value[0] for name, value in difference(counts[None]).items()}
    generator = np.random.default_rng(seed)
    blocks = [difference(resample(counts, size, generator)) for size in _block_sizes(len(counts))]
    return {name: _interval(np.concatenate([block[name] for block in blocks]), value) for name, value in found.items()}


def _block_sizes(kinds: int) -> Iterator[int]:
    """Yield how many samples to draw at a time, so that they fit into memory."""
    block = max(1, _CELLS_IN_MEMORY // max(1, kinds))
    for start in range(0, RESAMPLES, block):
        yield min(block, RESAMPLES - start)


def _interval(samples: np.ndarray, found: np.ndarray) -> Differences:
    low, high = np.quantile(samples, [0.025, 0.975], axis=0)
    return Differences(found, np.minimum(low, found), np.maximum(high, found))


def permutation_test(counts: np.ndarray, difference: Callable[[np.ndarray], np.ndarray], *, seed: int) -> float:
    """Return the two-sided p-value of a difference between two models' scores: how often chance makes one as large.

    If the models were alike, which of them has given which of an example's two answers would be chance. So the answers of each
    example are exchanged, or not, by a toss of a coin.
    Source: Yeh 2000, "More accurate tests for the statistical significance of result differences", section 3.3 (approximate
    randomization); with one added above and below, as Davison & Hinkley 1997, section 4.2.5.

    Args:
        counts: (kinds,) how many examples there are of each kind.
        difference: Returns the difference (samples,), given how many examples of each kind have their answers exchanged, (samples, kinds).
        seed: Seed of the tosses.
    """
    found = abs(float(difference(np.zeros((1, len(counts)), np.int64))[0]))
    generator = np.random.default_rng(seed)
    as_large = 0
    for size in _block_sizes(2 * len(counts)):
        exchanged = generator.binomial(counts, 0.5, size=(size, len(counts)))
        as_large += int(np.sum(np.abs(difference(exchanged)) >= found - _ROUNDING))
    return (1 + as_large) / (1 + RESAMPLES)


def mcnemar_test(only_first: int, only_second: int) -> float:
    """Return the two-sided mid-p-value of McNemar's test: whether one of two models is right more often.

    Only examples that one has right and the other wrong count. The exact p-value is that of a fair coin; the mid-p-value counts
    half of the chance of the very result, since the exact one is too careful, as the one with continuity correction is.
    Source: McNemar 1947; Fagerland, Lydersen & Laake 2013, "The McNemar test for binary matched-pairs data: mid-p and asymptotic
    are better than exact conditional", equation 5.

    Args:
        only_first: Examples that only the first model has right.
        only_second: Examples that only the second model has right.
    """
    from scipy.stats import binom

    total, fewer = only_first + only_second, min(only_first, only_second)
    if total == 0:
        return 1.0
    coin = binom(total, 0.5)
    if only_first == only_second:
        return 1.0 - 0.5 * float(coin.pmf(fewer))
    return float(2.0 * coin.cdf(fewer) - coin.pmf(fewer))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for how many there are, so that the chance of even one false finding stays what it is for one test.

    Source: Holm 1979, "A simple sequentially rejective multiple test procedure", section 3: the smallest of n is multiplied by n,
    the next by n - 1, and so on, and none is smaller than one before it.
    """
    corrected, largest = [0.0] * len(p_values), 0.0
    for place, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[position]))
        corrected[position] = largest
    return corrected
