"""Scores of a language model: perplexity and bits per character, with intervals."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from slmcli.intervals import Interval, bootstrap_intervals


def score_costs(costs: np.ndarray, weights: np.ndarray, *, characters: int | None, seed: int) -> tuple[dict[str, float], dict[str, Interval]]:
    """Return `loss` (nats a token), `perplexity`, `nats_per_character` and `bits_per_character`, and 95 % intervals of them.

    Windows, not tokens, are drawn for the intervals: tokens that follow each other are not independent.

    Args:
        costs: (windows, rows, context) float32, what each prediction costs in nats.
        weights: The same shape, 0 where there is nothing to predict.
        characters: Characters of the texts, the end of each counted as one; None where not every token is predicted.
        seed: Seed of the intervals.
    """
    sums = sum_windows(costs, weights)
    per_token = None if characters is None else characters / max(1.0, sums[1].sum())

    def score(counts: np.ndarray) -> Mapping[str, Any]:
        total, tokens = counts @ sums[0], counts @ sums[1]
        loss = total / np.maximum(tokens, 1.0)
        scores = {"loss": loss, "perplexity": np.exp(np.minimum(loss, 700.0))}
        if per_token is None:
            return scores
        return {**scores, "nats_per_character": loss / per_token, "bits_per_character": loss / per_token / math.log(2.0)}

    ones = np.ones(sums.shape[1], np.int64)
    scores = {name: float(value[0]) for name, value in score(ones[None]).items()}
    return scores, bootstrap_intervals(ones, score, seed=seed)


def sum_windows(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (2, windows) float64: the weighted sum of each window, (…, context), and its weights, of those that have any."""
    sums = np.stack([(values * weights).sum(-1).ravel(), weights.sum(-1).ravel()]).astype(np.float64)
    return sums[:, sums[1] > 0]
