"""Bootstrap intervals of scores."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

# our choice: enough that a 95 % interval moves by less than a twentieth of its width between seeds
_RESAMPLES = 2000
_CELLS_IN_MEMORY = 4_000_000
_NORMAL_97_5 = 1.959964


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, both ends included."""

    low: float
    high: float


def bootstrap_intervals(counts: np.ndarray, score: Callable[[np.ndarray], Mapping[str, np.ndarray]], *, seed: int) -> dict[str, Interval]:
    """Return 95 % bias-corrected bootstrap intervals, widened to hold the score itself.

    Resampling examples with replacement is drawing, from a multinomial, how often each kind of example occurs; examples that
    mean the same to every score are of one kind. The correction matters when many labels have few examples.
    Source: Efron & Tibshirani 1993, section 14.3, without acceleration.

    Args:
        counts: (kinds,) how many examples there are of each kind.
        score: Returns each score (samples,) of samples given as counts (samples, kinds).
        seed: Seed of the resampling.
    """
    scores = {name: float(value[0]) for name, value in score(counts[None]).items()}
    if not counts.sum():
        return {name: Interval(0.0, 0.0) for name in scores}
    generator = np.random.default_rng(seed)
    block = max(1, _CELLS_IN_MEMORY // len(counts))
    sizes = [min(block, _RESAMPLES - start) for start in range(0, _RESAMPLES, block)]
    blocks = [score(_resample(counts, size, generator)) for size in sizes]
    return {name: _corrected(np.concatenate([samples[name] for samples in blocks]), value) for name, value in scores.items()}


def _resample(counts: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Return (size, kinds) counts of samples as large as the one given."""
    total = int(counts.sum())
    if (counts == 1).all():  # drawing the numbers of examples is faster than a multinomial of so many kinds
        return np.stack([np.bincount(generator.integers(0, total, total), minlength=total) for _ in range(size)])
    return generator.multinomial(total, counts / total, size=size)


def _corrected(samples: np.ndarray, score: float) -> Interval:
    normal = statistics.NormalDist()
    below = (np.sum(samples < score) + 0.5 * np.sum(samples == score)) / len(samples)
    bias = normal.inv_cdf(float(np.clip(below, 0.5 / len(samples), 1.0 - 0.5 / len(samples))))
    low, high = np.quantile(samples, [normal.cdf(2.0 * bias - _NORMAL_97_5), normal.cdf(2.0 * bias + _NORMAL_97_5)])
    return Interval(min(float(low), score), max(float(high), score))
