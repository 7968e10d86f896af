"""Intervals of scores: from resampled examples, and from folds."""

import statistics
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

# our choice: enough that a 95 % interval moves by less than a twentieth of its width between seeds
_RESAMPLES = 2000
# our choice: the ends of a 95 % interval are then the fifth greatest and smallest, which is rough
_FEWEST_RESAMPLES = 200
_CELLS_IN_MEMORY = 4_000_000
_NORMAL_97_5 = 1.959964
# our choice: half of the above, since each sample is scored twice, by itself
_PAIRED_RESAMPLES = 1000


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, both ends included."""

    low: float
    high: float


def bootstrap_intervals(
    counts: np.ndarray,
    score: Callable[[np.ndarray], Mapping[str, np.ndarray]],
    *,
    seed: int,
    resamples: int = _RESAMPLES,
    biased: Collection[str] = (),
) -> dict[str, Interval]:
    """Return 95 % bias-corrected bootstrap intervals, widened to hold the score itself.

    Resampling examples with replacement is drawing, from a multinomial, how often each kind of example occurs; examples that
    mean the same to every score are of one kind. The correction matters when many labels have few examples.
    Source: Efron & Tibshirani 1993, section 14.3, without acceleration.

    Args:
        counts: (kinds,) how many examples there are of each kind.
        score: Returns each score (samples,) of samples given as counts (samples, kinds).
        seed: Seed of the resampling.
        resamples: Most samples to draw, for scores that are slow to compute; two hundred are drawn in any case, two thousand at most.
        biased: Scores that are greater in a sample drawn from the examples than in the examples, as these are greater than in the corpus
            that they come from. Correcting where the quantiles are taken then fails: theirs are mirrored in the score instead, and the
            interval is cut off at 0 and 1. Source: Davison & Hinkley 1997, section 5.2, the basic bootstrap.
    """
    scores = {name: float(value[0]) for name, value in score(counts[None]).items()}
    if not counts.sum():
        return {name: Interval(0.0, 0.0) for name in scores}
    generator = np.random.default_rng(seed)
    block = max(1, _CELLS_IN_MEMORY // len(counts))
    wanted = min(max(resamples, _FEWEST_RESAMPLES), _RESAMPLES)
    sizes = [min(block, wanted - start) for start in range(0, wanted, block)]
    blocks = [score(resample(counts, size, generator)) for size in sizes]
    drawn = {name: np.concatenate([samples[name] for samples in blocks]) for name in scores}
    return {name: (_mirrored if name in biased else _corrected)(drawn[name], value) for name, value in scores.items()}


def resample(counts: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    """Return (size, kinds) counts of samples as large as the one given, whose (kinds,) counts say how many examples there are of each kind."""
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


def _mirrored(samples: np.ndarray, score: float) -> Interval:
    low, high = np.quantile(samples, [0.025, 0.975])
    return Interval(max(0.0, min(2.0 * score - float(high), score)), min(1.0, max(2.0 * score - float(low), score)))


def paired_interval(difference: Callable[[np.ndarray], float], examples: int, *, seed: int) -> Interval:
    """Return the 95 % bootstrap interval of the difference between two models' scores on the same examples, widened to hold the difference itself.

    Source: Efron & Tibshirani 1993, section 13.3, the percentile interval; both models are scored on the same samples.

    Args:
        difference: Returns the difference on a sample, given as (examples,) int64 places of examples.
        examples: Their number.
        seed: Seed of the resampling.
    """
    generator = np.random.default_rng(seed)
    samples = [difference(generator.integers(0, examples, examples)) for _ in range(_PAIRED_RESAMPLES)]
    low, high = np.quantile(samples, [0.025, 0.975])
    found = difference(np.arange(examples))
    return Interval(min(float(low), found), max(float(high), found))


def fold_interval(values: Sequence[float]) -> Interval:
    """Return the 95 % interval of the mean of a score over the folds of a cross-validation.

    Training sets of different folds overlap, so that their scores vary less than those of independent corpora would. The variance
    of the mean is therefore not s^2 / k but s^2 (1 / k + 1 / (k - 1)), the second term being examples held out per example trained on.
    Source: Nadeau & Bengio 2003, "Inference for the Generalization Error", the corrected resampled t-test.

    Args:
        values: The score on each fold, two or more.
    """
    from scipy.special import stdtrit

    folds = len(values)
    half = float(stdtrit(folds - 1, 0.975)) * statistics.stdev(values) * (1.0 / folds + 1.0 / (folds - 1)) ** 0.5
    mean = statistics.fmean(values)
    return Interval(mean - half, mean + half)
