"""Would more data help: the same plan on a tenth, three tenths and all of the training examples."""

from collections.abc import Sequence
from typing import Any  # Any: JSON documents

import numpy as np

from slmcli.branch_settings import Plan
from slmcli.dataset import Dataset
from slmcli.dividing import NOWHERE, TRAIN, VALIDATION, deal
from slmcli.errors import ConfigError
from slmcli.intervals import Interval, paired_interval
from slmcli.metrics import CORRELATIONS
from slmcli.parts import Judged, Part
from slmcli.subsets import Rows
from slmcli.tasks.base import TrainableTask

_TENTHS = (1, 3)
# as many as `plan.settle` gives a small corpus
_MOST_EPOCHS = 30
# our choice: a gain below one point is hardly worth three times the examples
_SMALL_GAIN = 0.01


def check_validation(dataset: Dataset) -> None:
    """Refuse a dataset on which nothing can be compared."""
    if not dataset.examples("validation"):
        raise ConfigError(f"--learning-curve needs validation examples; {dataset.path} has none. Preprocess with --validation or --validation-share.")


def plan_curve(dataset: Dataset, plan: Plan, rows: Rows) -> list[Part]:
    """Return the parts: nested samples of the training split, each judged by the same validation split.

    A smaller part is trained for more epochs, so that it sees as many examples as the whole does; otherwise it would be worse for
    having been trained less.

    Args:
        dataset: The dataset.
        plan: The settled plan.
        rows: What is known of the examples.

    Raises:
        ConfigError: There is no validation split, or a part has one label, or number, alone.
    """
    check_validation(dataset)
    is_training = rows.found.splits == TRAIN
    dealt = np.full(len(is_training), NOWHERE, np.uint8)
    dealt[is_training] = deal(rows.found.keys[is_training], rows.found.strata[is_training], 10, seed=plan.settings.seed)
    parts = [_plan_part(is_training, dealt < tenths, tenths=tenths, plan=plan) for tenths in _TENTHS]
    poor = [part for part in parts if not rows.has_variety(part.splits == TRAIN)]
    if poor:
        count = int((poor[0].splits == TRAIN).sum())
        raise ConfigError(
            f"--learning-curve: {poor[0].title} of the examples are {count}, without two different labels, or numbers. "
            f"Add examples to {dataset.path}, or leave --learning-curve out."
        )
    return parts


def _plan_part(is_training: np.ndarray, is_chosen: np.ndarray, *, tenths: int, plan: Plan) -> Part:
    splits = np.where(is_chosen, TRAIN, np.where(is_training, NOWHERE, VALIDATION)).astype(np.uint8)
    epochs = plan.settings.epochs or 1
    return Part(f"{tenths}0-percent", f"{tenths}0 %", splits, judged=VALIDATION, epochs=max(epochs, min(_MOST_EPOCHS, epochs * 10 // tenths)))


def draw_curve(task: TrainableTask, examples: Sequence[int], judged: Sequence[Judged], *, seed: int) -> dict[str, Any]:
    """Return the scores at each size, the gain of the last step with its interval, and what it means.

    Args:
        task: The task.
        examples: Training examples of each size, rising.
        judged: What each model says of the same validation examples.
        seed: Seed of the resampling.
    """
    score = task.headline[0]
    before, whole = judged[-2:]

    def difference(places: np.ndarray) -> float:
        first, second = (task.score(each.decisions[places], each.references[places])[score] for each in (before, whole))
        return second - first

    gain = difference(np.arange(len(whole.references)))
    interval = paired_interval(difference, len(whole.references), seed=seed)
    shares = [*(tenths / 10 for tenths in _TENTHS), 1.0]
    points = [{"share": share, "examples": count, "scores": each.scores} for share, count, each in zip(shares, examples, judged, strict=True)]
    return {
        "score": score,
        "points": points,
        "gain": round(gain, 6),
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "sentence": _sentence(score, examples, gain, interval, validation=len(whole.references)),
    }


def _sentence(score: str, examples: Sequence[int], gain: float, interval: Interval, *, validation: int) -> str:
    name, (low, high) = score.replace("_f1", " F1"), (_amount(bound, score) for bound in (interval.low, interval.high))
    unit = "" if score in CORRELATIONS else " points"
    found = (
        f"From 30 % to 100 % of the training examples ({examples[-2]:,} to {examples[-1]:,}) {name} changed by {_amount(gain, score)}{unit} "
        f"(95 % interval {low} to {high}, paired bootstrap over {validation:,} validation examples)"
    )
    return f"{found}: {_meaning(interval)}."


def _amount(value: float, score: str) -> str:
    return f"{value:+.3f}" if score in CORRELATIONS else f"{100 * value:+.1f}"


def _meaning(interval: Interval) -> str:
    if interval.low > 0.0:
        return "more examples of the same kind are likely to help"
    if interval.high < 0.0:
        return "more examples of the same kind did not help; look at their labels"
    if interval.high < _SMALL_GAIN:
        return "the curve is flat; more examples of the same kind are unlikely to help much"
    return "within noise; these validation examples are too few to say whether more would help"
