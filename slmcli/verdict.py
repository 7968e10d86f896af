"""Whether a model earns its keep, in a sentence."""

from collections.abc import Mapping
from typing import Any  # Any: JSON documents

from slmcli.metrics import CORRELATIONS
from slmcli.score_words import BASELINE_NAMES, score_in_words

_HOW_TO_HAVE_ONE = ": pass --dataset DIR, with the dataset that the model was trained on, to have some"


def verdict(result: Mapping[str, Any], main: str, *, lacks_dataset: bool = False) -> str:
    """Return a sentence on the main score, its interval, and the best baseline.

    Args:
        result: What an evaluation returns.
        main: Name of the main score.
        lacks_dataset: Baselines were wanted, but there is no dataset to train them on.
    """
    score, (low, high) = result["scores"][main], result["intervals"][main]
    name = score_in_words(main)
    examples = "one example" if result["examples"] == 1 else f"{result['examples']:,} examples"
    sentence = f"{name[0].upper()}{name[1:]} {_number(score, main)} (95 % interval {_number(low, main)} to {_number(high, main)}) on {examples}"
    if result["difference"] is None:
        return f"{sentence}; no baseline was trained{_HOW_TO_HAVE_ONE if lacks_dataset else ''}."
    value, (low, high), is_clear = (result["difference"][name] for name in ("value", "interval", "is_clear"))
    best = result["difference"]["baseline"]
    rival = f"the best baseline, {BASELINE_NAMES[best]} ({_number(result['baselines'][best][main], main)})"
    if not is_clear:
        return f"{sentence}: not clearly different from {rival}."
    if value > 0:
        return f"{sentence}: {_points(value, main)} above {rival}, {_span(low, high, main)}."
    return f"{sentence}: {_points(-value, main)} below {rival}, {_span(-high, -low, main)}. Use the baseline, or more data."


def _number(value: float, name: str) -> str:
    return f"{value:.3f}" if name in CORRELATIONS else f"{value:.1%}"


def _points(value: float, name: str) -> str:
    return f"{value:.3f}" if name in CORRELATIONS else f"{100 * value:.1f} points"


def _span(low: float, high: float, name: str) -> str:
    return f"{low:.3f} to {high:.3f}" if name in CORRELATIONS else f"{100 * low:.1f} to {100 * high:.1f}"
