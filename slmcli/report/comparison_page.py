"""A comparison as a page: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any  # Any: a comparison is a JSON document

from slmcli.comparison_words import (
    COSTS,
    answer_in_words,
    cost_in_words,
    difference_in_words,
    is_share,
    moved_in_words,
    number_in_words,
    origin_in_words,
    side_in_words,
    test_in_words,
)
from slmcli.metrics import LOWER_IS_BETTER
from slmcli.report.rendering import render
from slmcli.score_words import score_in_words

_LABELS_SHOWN = 30
_TEXT_CHARACTERS = 1200
_SAME = "= The same answers"
_MARKS = {"better": "▲ Better", "worse": "▼ Worse", "unclear": "≈ Not clearly different"}


def render_comparison(result: Mapping[str, Any]) -> str:
    """Return the page of a comparison.

    Args:
        result: The comparison as a JSON document.
    """
    sides = {side["letter"]: side for side in result["sides"]}
    return render(
        "comparison.html",
        result={**result, "sides": [{**side, "what": side_in_words(side)} for side in result["sides"]]},
        title=" against ".join(side["name"] for side in reversed(result["sides"])) if len(sides) == 2 else f"{len(sides)} models",
        origin=origin_in_words(result),
        scores=_score_rows(result["sides"]),
        has_spread=any(side["deviations"] for side in result["sides"]),
        costs=_cost_rows(result["sides"]),
        contrasts=[_contrast(comparison, sides, result) for comparison in result["comparisons"]],
    )


def tone_of(comparison: Mapping[str, Any], score: str) -> str:
    """Return whether the second side is `better`, `worse`, or whether that is `unclear`."""
    if not comparison["is_clear"]:
        return "unclear"
    return "better" if comparison["differences"][score]["difference"] > 0 else "worse"


def _score_rows(sides: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    names = list(dict.fromkeys(name for side in sides for name in side["scores"]))
    return [_score_row(name, sides) for name in names]


def _score_row(name: str, sides: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    best = (min if name in LOWER_IS_BETTER else max)(side["scores"][name] for side in sides if name in side["scores"])
    cells = [
        {
            "text": number_in_words(side["scores"][name], name) if name in side["scores"] else "–",
            "spread": difference_in_words(side["deviations"][name], name) if name in side["deviations"] else "",
            "is_best": side["scores"].get(name) == best,
        }
        for side in sides
    ]
    return {"name": score_in_words(name), "is_low": name in LOWER_IS_BETTER, "cells": cells}


def _cost_rows(sides: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [_cost_row(name, words, sides) for name, words in COSTS.items() if any(name in (side["cost"] or {}) for side in sides)]


def _cost_row(name: str, words: str, sides: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    values = [(side["cost"] or {}).get(name) for side in sides]
    known = [value for value in values if value is not None]
    best = (max if name == "texts_per_second" else min)(known)
    return {"name": words, "cells": [{"text": cost_in_words(name, value), "is_best": len(known) > 1 and value == best} for value in values]}


def _contrast(comparison: Mapping[str, Any], sides: Mapping[str, Any], result: Mapping[str, Any]) -> dict[str, Any]:
    first, second = (sides[comparison[name]] for name in ("first", "second"))
    tone = tone_of(comparison, result["score"])
    rows = [
        {"name": score_in_words(name), "examples": None, "score": name, "first": first["scores"][name], "second": second["scores"][name], **found}
        for name, found in comparison["differences"].items()
    ]
    main = result["score"]
    labels = [{"name": label, "examples": row["examples"], "score": "f1", **row["f1"]} for label, row in comparison["per_label"].items()]
    is_number = not comparison["per_label"]
    return {
        "first": first["letter"],
        "second": second["letter"],
        "tone": tone,
        "mark": _SAME if comparison["is_same"] else _MARKS[tone],
        "verdict": comparison["verdict"],
        "test": test_in_words(comparison, first["letter"], second["letter"]),
        "scores": _bars("Score", [row for row in rows if is_share(row["score"]) or row["score"] == main]),
        "errors": _bars("Score", [row for row in rows if not is_share(row["score"]) and row["score"] != main]),
        "labels": _bars("Label, F1", sorted(labels, key=_by_weight)[:_LABELS_SHOWN]),
        "labels_clear": sum(row["is_clear"] for row in labels),
        "labels_all": len(labels),
        "slices": [_slices(by, comparison["slices"], main) for by in dict.fromkeys(row["by"] for row in comparison["slices"])],
        "moved": moved_in_words(comparison, main) if comparison["slices"] else "",
        "lost": _flips(comparison["flips"]["lost"], is_number=is_number),
        "won": _flips(comparison["flips"]["won"], is_number=is_number),
        "lost_heading": f"Further off in {second['letter']}" if is_number else f"Right in {first['letter']}, wrong in {second['letter']}",
        "won_heading": f"Nearer in {second['letter']}" if is_number else f"Wrong in {first['letter']}, right in {second['letter']}",
    }


def _slices(by: str, rows: Sequence[Mapping[str, Any]], score: str) -> dict[str, Any]:
    """Return the slices by one column."""
    chosen = [{"name": row["slice"], "score": score, **row} for row in rows if row["by"] == by]
    heading = f"{by[0].upper()}{by[1:]}, {score_in_words(score)}"
    return {"by": by, "bars": _bars(heading, chosen), "clear_count": sum(row["is_clear"] for row in chosen), "count": len(chosen)}


def _by_weight(row: Mapping[str, Any]) -> tuple[bool, float]:
    return not row["is_clear"], -abs(row["difference"])


def _bars(heading: str, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return differences as bars around zero, what is better to the right, each kind of score with one scale."""
    unit = "points" if all(is_share(row["score"]) for row in rows) else "difference"
    ends = [abs(end) for row in rows for end in row["interval"]]
    reach = max([*ends, 1e-9]) * 1.08
    return {"heading": heading, "unit": unit, "rows": [_bar(row, reach) for row in rows]}


def _bar(row: Mapping[str, Any], reach: float) -> dict[str, Any]:
    name, sign = row["score"], -1.0 if row["score"] in LOWER_IS_BETTER else 1.0

    def place(value: float) -> float:
        return round(50.0 + sign * 50.0 * value / reach, 2)

    low, high = sorted(map(place, row["interval"]))
    ends = [difference_in_words(end, name) for end in row["interval"]]
    return {
        "name": row["name"] + (", lower is better" if sign < 0 else ""),
        "examples": row["examples"],
        "first": number_in_words(row["first"], name),
        "second": number_in_words(row["second"], name),
        "low": low,
        "high": high,
        "place": place(row["difference"]),
        "difference": difference_in_words(row["difference"], name, sign=True),
        "interval": f"{ends[0]} to {ends[1]}",
        "is_clear": row["is_clear"],
    }


def _flips(found: Mapping[str, Any], *, is_number: bool) -> dict[str, Any]:
    return {"count": found["count"], "examples": [_flip(flip, is_number=is_number) for flip in found["examples"]]}


def _flip(flip: Mapping[str, Any], *, is_number: bool) -> dict[str, Any]:
    def said(side: str) -> dict[str, Any]:
        is_wrong = not is_number and flip[side] != flip["reference"]
        return {"answer": answer_in_words(flip[side]), "confidence": flip[f"{side}_confidence"], "is_wrong": is_wrong}

    texts = [_cut(flip[name]) for name in ("text", "text_pair") if flip.get(name) is not None]
    return {
        "texts": texts,
        "reference": answer_in_words(flip["reference"]),
        "first": said("first"),
        "second": said("second"),
        "example": flip["example"],
    }


def _cut(text: str) -> str:
    return text if len(text) <= _TEXT_CHARACTERS else text[:_TEXT_CHARACTERS] + "…"
