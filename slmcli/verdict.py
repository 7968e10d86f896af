"""Whether a model earns its keep, in a sentence."""

import math
from collections.abc import Mapping
from typing import Any  # Any: JSON documents

from slmcli.metrics import CORRELATIONS
from slmcli.score_words import BASELINE_NAMES, score_in_words, share_in_words

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


def language_verdict(result: Mapping[str, Any]) -> str:
    """Return the same of a language model, whose perplexity is given as a part of that of the best model that only counts.

    Args:
        result: What an evaluation returns.
    """
    score, (low, high) = result["scores"]["perplexity"], result["intervals"]["perplexity"]
    tokens = "one token" if result["tokens"] == 1 else f"{result['tokens']:,} tokens"
    sentence = f"Perplexity {score:,.2f} a token (95 % interval {low:,.2f} to {high:,.2f}) on {tokens}"
    if result["difference"] is None:
        return sentence + "; no baseline was counted."
    value, (least, most), best = (result["difference"][name] for name in ("value", "interval", "baseline"))
    rival = f"the best baseline, {BASELINE_NAMES[best]} ({result['baselines'][best]['perplexity']:,.2f})"
    if not result["difference"]["is_clear"]:
        return f"{sentence}: not clearly different from {rival}."
    span = f"{_factor(math.exp(-most))} to {_factor(math.exp(-least))}"
    ending = "" if value > 0 else " Train it longer, or on more text."
    return f"{sentence}: {_factor(math.exp(-value))} times that of {rival}, {span}.{ending}"


def _factor(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:,.0f}"


def _number(value: float, name: str) -> str:
    return f"{value:.3f}" if name in CORRELATIONS else share_in_words(value, name)


def _points(value: float, name: str) -> str:
    return f"{value:.3f}" if name in CORRELATIONS else f"{100 * value:.1f} points"


def _span(low: float, high: float, name: str) -> str:
    return f"{low:.3f} to {high:.3f}" if name in CORRELATIONS else f"{100 * low:.1f} to {100 * high:.1f}"
