"""What a comparison has found, in sentences."""

from collections.abc import Mapping, Sequence
from typing import Any  # Any: a comparison is a JSON document

from slmcli.inspection import excerpt
from slmcli.metrics import CORRELATIONS
from slmcli.score_words import score_in_words, share_in_words

# our choice: a smaller ratio of times is as fast
_SAME_SPEED = 1.1
# our choice: as many as a sentence holds
_SLICES_SAID = 5
_ONE_UNCLEAR = "The slice of the examples is not clearly different."


def number_in_words(value: float, name: str) -> str:
    """Return a score as it is read: a percentage, or for correlations and errors a number."""
    return share_in_words(value, name) if is_share(name) else f"{value:.3f}"


def is_share(name: str) -> bool:
    """Say whether a score is a share of something, of which differences are given in points."""
    return name not in CORRELATIONS and not name.endswith(("_loss", "_error", "brier"))


def difference_in_words(value: float, name: str, *, sign: bool = False) -> str:
    """Return a difference of a score without its unit: in points, or as it is."""
    scaled, digits = (100 * value, 1 if value == 0 or abs(value) >= 0.0005 else 2) if is_share(name) else (value, 3)
    text = f"{scaled:{'+' if sign else ''}.{digits}f}"
    return text.replace("-", "−") if float(text) else f"{0:.{digits}f}"


def p_in_words(p: float) -> str:
    """Return a p-value with as many digits as it deserves."""
    if p < 0.001:
        return "p < 0.001"
    return f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


COSTS = {
    "model_bytes": "size of the model file",
    "bundle_bytes": "size of the bundle",
    "parameters": "parameters",
    "texts_per_second": "texts a second, in batches",
    "latency_ms_p50": "one text, median",
    "latency_ms_p95": "one text, 95 % take at most",
    "latency_ms_p99": "one text, 99 % take at most",
    "peak_memory_mb": "most memory",
    "load_seconds": "time to load",
}


def cost_in_words(name: str, value: float | None) -> str:
    """Return one figure of what a model costs, with its unit."""
    if value is None:
        return "–"
    if name.endswith("_bytes"):
        return f"{value / 1e6:.2f} MB" if value >= 1e6 else f"{value / 1e3:.1f} kB"
    if name.startswith("latency_ms"):
        return f"{value:.2f} ms" if value < 100 else f"{value:,.0f} ms"
    if name.endswith("_seconds"):
        return f"{value:.1f} s"
    return f"{value:,.0f} MB" if name.endswith("_mb") else f"{value:,.0f}"


def side_in_words(side: Mapping[str, Any]) -> str:
    """Return what one side of a comparison is."""
    if side["kind"] == "predictions":
        return "file of predictions"
    return ", ".join(str(side[name]) for name in ("kind", "backbone", "format") if side[name] is not None)


def origin_in_words(result: Mapping[str, Any]) -> str:
    """Return where the examples come from."""
    return f"{result['split']} split of {result['dataset']}" if "split" in result else ", ".join(result["data"])


def answer_in_words(answer: str | Sequence[str] | float) -> str:
    """Return a label, a set of labels or a number as it is read."""
    if isinstance(answer, str):
        return answer
    return f"{answer:.4g}" if isinstance(answer, (int, float)) else ", ".join(answer) or "none"


def test_in_words(comparison: Mapping[str, Any], first: str, second: str) -> str:
    """Return which test was made, and of labels what it counted."""
    test = comparison["test"]
    corrected = "" if test["p_corrected"] == test["p"] else f", {p_in_words(test['p_corrected'])} when corrected for the number of comparisons"
    sentence = f"{test['name'][0].upper()}{test['name'][1:]}: {p_in_words(test['p'])}{corrected}."
    if "both_right" not in test:
        return sentence
    return (
        f"{first} alone is right on {test['only_first_right']:,} examples, {second} alone on {test['only_second_right']:,}; "
        f"both are right on {test['both_right']:,} and wrong on {test['both_wrong']:,}. {sentence}"
    )


def moved_in_words(comparison: Mapping[str, Any], score: str) -> str:
    """Say on which slices of the examples the second side is clearly better or worse, those with the greatest differences first."""
    rows = comparison["slices"]
    clear = sorted((row for row in rows if row["is_clear"]), key=lambda row: -abs(row["difference"]))
    chance = f"of {len(rows)} {'slices' if len(rows) > 1 else 'slice'} one in twenty looks so by chance"
    if not clear:
        return f"None of {len(rows)} slices of the examples is clearly different." if len(rows) > 1 else _ONE_UNCLEAR
    parts = [
        f"clearly {word} on {_list_slices(found, score)}"
        for word, found in (("better", [row for row in clear if row["difference"] > 0]), ("worse", [row for row in clear if row["difference"] < 0]))
        if found
    ]
    return f"{comparison['second']} is {'; '.join(parts)} ({chance})."


def _list_slices(rows: Sequence[Mapping[str, Any]], score: str) -> str:
    unit = " points" if is_share(score) else ""
    names = [
        f"{excerpt(row['by'], 40)} {excerpt(row['slice'], 40)} ({difference_in_words(row['difference'], score, sign=True)}{unit})"
        for row in rows[:_SLICES_SAID]
    ]
    return ", ".join(names) + (f" and {len(rows) - _SLICES_SAID} more" if len(rows) > _SLICES_SAID else "")


def say_verdict(comparison: Mapping[str, Any], score: str, sides: Sequence[Mapping[str, Any]], examples: int) -> str:
    """Say in a sentence or two whether the second side is better than the first.

    Args:
        comparison: `differences`, `test`, `is_same`, of the comparison.
        score: Name of the main score.
        sides: Both sides: `letter`, `cost`.
        examples: Number of examples.
    """
    first, second = (side["letter"] for side in sides)
    speed = _say_speed(*(side["cost"] for side in sides))
    if comparison["is_same"]:
        agreed = "the one example" if examples == 1 else f"all {examples:,} examples"
        return f"{second} and {first} say the same of {agreed}: no difference{speed.replace(', ', f', and {second} is ', 1)}."
    if examples == 1:
        return f"One example cannot tell {second} from {first}; compare on more{speed}."
    found = comparison["differences"][score]
    low, high = found["interval"]
    if comparison["is_clear"]:
        is_better = found["difference"] > 0
        size, ends = abs(found["difference"]), (low, high) if is_better else (-high, -low)
        return f"{second} is {'better' if is_better else 'worse'} than {first} by {_say_size(size, ends, score)}, {_say_p(comparison)}{speed}."
    if found["difference"] == 0:
        size_said = f"the same {score_in_words(score)}, {_say_ends((low, high), score)}"
    else:
        is_more = found["difference"] > 0
        ends = (low, high) if is_more else (-high, -low)
        size_said = _say_size(abs(found["difference"]), ends, score, "more" if is_more else "less")
    sentence = f"{second} is not clearly different from {first}: {size_said}, {_say_p(comparison)}{speed}."
    # with a correction a difference may be unclear whose interval alone does not hold zero
    return sentence if found["is_clear"] else f"{sentence} {_say_least(high - low, score, examples)}"


def _say_least(width: float, score: str, examples: int) -> str:
    """Say which difference would have shown, given the width of the interval."""
    return f"{examples:,} examples show a difference of about {difference_in_words(width / 2, score)}{' points' if is_share(score) else ''} or more."


def _say_size(size: float, ends: tuple[float, float], score: str, direction: str = "") -> str:
    unit = " points" if is_share(score) else ""
    kind = f" {direction} {score_in_words(score)}" if direction else f" {'of' if unit else 'in'} {score_in_words(score)}"
    return f"{difference_in_words(size, score)}{unit}{kind}, {_say_ends(ends, score)}"


def _say_ends(ends: tuple[float, float], score: str) -> str:
    low, high = (difference_in_words(end, score) for end in ends)
    return f"{low} to {high}"


def _say_p(comparison: Mapping[str, Any]) -> str:
    test = comparison["test"]
    return p_in_words(test["p_corrected"]) + ("" if test["p_corrected"] == test["p"] else " corrected")


def _say_speed(first: Mapping[str, Any] | None, second: Mapping[str, Any] | None) -> str:
    """Say how much longer the second side takes for one text."""
    if not first or not second:
        return ""
    ratio = second["latency_ms_p50"] / max(1e-9, first["latency_ms_p50"])
    if 1 / _SAME_SPEED < ratio < _SAME_SPEED:
        return ", as fast"
    return f", {ratio:.1f}× slower" if ratio > 1 else f", {1 / ratio:.1f}× faster"
