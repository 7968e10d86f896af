"""An explanation as a page: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from typing import Any  # Any: an explanation is a JSON document

from slmcli.explanation_words import (
    deletion_sentence,
    exchange_sentences,
    flip_sentence,
    marked_words,
    mean_deletion_sentence,
    method_sentence,
    prediction_sentence,
    strongest,
)
from slmcli.report.marked_words import LEGEND, mark_words
from slmcli.report.rendering import render

_MARGIN = 4.0


def render_explanation(result: Mapping[str, Any], *, top: int) -> str:
    """Return the page of an explanation.

    Args:
        result: The explanation as a JSON document: of texts, or of a corpus.
        top: Words in a table.
    """
    texts = [_text(text, result["method"], top) for text in result.get("texts", [])] if "labels" not in result else []
    labels = [_label(name, found) for name, found in result["labels"].items()] if "labels" in result else []
    sentence = mean_deletion_sentence(result) if "labels" in result else ""
    return render(
        "explanation.html",
        result=result,
        texts=texts,
        labels=labels,
        sentence=sentence,
        legend=LEGEND,
    )


def _text(text: Mapping[str, Any], method: str, top: int) -> dict[str, Any]:
    sentences = [method_sentence(text, method), deletion_sentence(text), flip_sentence(text), *exchange_sentences(text)]
    largest = max((abs(word["weight"]) for word in text["words"]), default=0.0)
    return {
        "facts": text,
        "headline": prediction_sentence(text),
        "parts": [mark_words(whole, words, largest) for whole, words in marked_words(text)],
        "words": _bars(strongest(text["words"], top)),
        "sentences": [sentence for sentence in sentences if sentence],
        "curve": _curve(text["faithfulness"]) if text["faithfulness"] else None,
    }


def _bars(words: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return words with the width of a bar, in percent of half of the room, to the right for weights above 0."""
    largest = max((abs(word["weight"]) for word in words), default=0.0) or 1.0
    return [{**word, "width": round(50 * abs(word["weight"]) / largest, 2), "is_for": word["weight"] > 0} for word in words]


def _label(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "texts": found["texts"], "for": _bars(found["for"]), "against": _bars(found["against"])}


def _curve(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the points of both lines, in percent of the width and the height, and the numbers at the ends of the axis."""
    values = [*found["by_weight"], *found["at_random"]]
    low, high = (min(0.0, *values), max(1.0, *values)) if min(values) >= 0.0 and max(values) <= 1.0 else (min(values), max(values))
    size, room = found["removed"][-1], (high - low) or 1.0

    def line(heights: Sequence[float]) -> str:
        points = zip(found["removed"], heights, strict=True)
        return " ".join(f"{100 * place / size:.2f},{100 - _MARGIN - (100 - 2 * _MARGIN) * (value - low) / room:.2f}" for place, value in points)

    return {"by_weight": line(found["by_weight"]), "at_random": line(found["at_random"]), "low": low, "high": high, "words": size}
