"""Cross-validation: how well models of one plan do on texts that they have not seen, fold by fold."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.branch_settings import Plan
from slmcli.dataset import Dataset
from slmcli.dividing import TEST, TRAIN, VALIDATION, deal, divide
from slmcli.errors import ConfigError
from slmcli.intervals import Interval, fold_interval
from slmcli.metrics import CORRELATIONS, LOWER_IS_BETTER
from slmcli.parts import Judged, Part
from slmcli.subsets import Rows, rows_of


def plan_folds(dataset: Dataset, plan: Plan, rows: Rows) -> list[Part]:
    """Return the folds: each is held out as the test split of its part, the rest is divided as the dataset itself is.

    Args:
        dataset: The dataset, of which the training and the validation split are divided into folds.
        plan: The settled plan.
        rows: What is known of their examples.

    Raises:
        ConfigError: There are too few texts, or what is left to train on has one label, or number, alone.
    """
    folds = plan.settings.k_fold or 0
    texts = len(np.unique(rows.found.keys))
    if texts < folds:
        raise ConfigError(f"--k-fold {folds}: {dataset.path} has {texts} different texts in train and validation. Pass a smaller number.")
    dealt = deal(rows.found.keys, rows.found.strata, folds, seed=plan.settings.seed)
    share = dataset.examples("validation") / len(dealt)
    parts = [_plan_fold(rows, dealt == fold, share=share, number=fold + 1, plan=plan) for fold in range(folds)]
    poor = [part.title for part in parts if not rows.has_variety(part.splits == TRAIN)]
    if poor:
        raise ConfigError(
            f"--k-fold {folds}: all training examples left in {', '.join(poor)} have the same label, or the same number. "
            f"Add examples of others to {dataset.path}, or leave --k-fold out."
        )
    return parts


def _plan_fold(rows: Rows, is_held_out: np.ndarray, *, share: float, number: int, plan: Plan) -> Part:
    splits = np.where(is_held_out, TEST, TRAIN).astype(np.uint8)
    splits = divide(replace(rows.found, splits=splits), {VALIDATION: share} if share else {}, plan.settings.seed + number)
    folds = plan.settings.k_fold
    return Part(f"fold-{number}-of-{folds}", f"fold {number} of {folds}", splits, judged=TEST, epochs=plan.settings.epochs or 1)


def summarise_folds(judged: Sequence[Judged]) -> dict[str, Any]:
    """Return, for each score, its mean over the folds, standard deviation, 95 % interval of the mean, and the value on each fold."""
    scores = {name: [each.scores[name] for each in judged] for name in judged[0].scores}
    return {
        "folds": len(judged),
        "examples": [len(each.references) for each in judged],
        "scores": {name: _summarise(name, values) for name, values in scores.items()},
    }


def _summarise(name: str, values: Sequence[float]) -> dict[str, Any]:
    interval = _inside(fold_interval(values), name)
    return {
        "mean": round(statistics.fmean(values), 6),
        "deviation": round(statistics.stdev(values), 6),
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "folds": list(values),
    }


def _inside(interval: Interval, name: str) -> Interval:
    """Return the part of an interval that a score can reach."""
    lowest = -1.0 if name in CORRELATIONS else 0.0
    highest = float("inf") if name in LOWER_IS_BETTER else 1.0
    return Interval(max(lowest, interval.low), min(highest, interval.high))


def put_together(dataset: Dataset, parts: Sequence[Part], judged: Sequence[Judged]) -> np.ndarray:
    """Return (rows, width) float32, what is said of each row by the model that has not learned from it."""
    together = np.zeros((len(parts[0].splits), judged[0].probabilities.shape[1]), np.float32)
    for part, each in zip(parts, judged, strict=True):
        together[rows_of(dataset, part.splits, TEST)] = each.probabilities
    return together
