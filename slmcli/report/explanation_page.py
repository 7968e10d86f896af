"""An explanation as a page: one HTML file that needs nothing else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: an explanation is a JSON document

from slmcli.explanation_words import (
    Strength,
    deletion_sentence,
    exchange_sentences,
    flip_sentence,
    marked_words,
    mean_deletion_sentence,
    method_sentence,
    prediction_sentence,
    strongest,
)
from slmcli.report.rendering import render

_KINDS = {
    Strength.STRONGLY_FOR: "for strong",
    Strength.FOR: "for",
    Strength.NEITHER: "",
    Strength.AGAINST: "against",
    Strength.STRONGLY_AGAINST: "against strong",
}
_MARGIN = 4.0


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    Attributes:
        text: The part.
        kind: CSS classes of a word that counts; "" for all else.
        sign: What stands behind it.
        share: Its weight beside the largest one, from 0 to 1.
        weight: Its weight; None for what stands between words.
    """

    text: str
    kind: str = ""
    sign: str = ""
    share: float = 0.0
    weight: float | None = None


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
        legend=[(_KINDS[each], _sign(each), each.meaning) for each in Strength if each is not Strength.NEITHER],
    )


def _text(text: Mapping[str, Any], method: str, top: int) -> dict[str, Any]:
    sentences = [method_sentence(text, method), deletion_sentence(text), flip_sentence(text), *exchange_sentences(text)]
    return {
        "facts": text,
        "headline": prediction_sentence(text),
        "parts": _parts(text),
        "words": _bars(strongest(text["words"], top)),
        "sentences": [sentence for sentence in sentences if sentence],
        "curve": _curve(text["faithfulness"]) if text["faithfulness"] else None,
    }


def _parts(text: Mapping[str, Any]) -> list[list[Piece]]:
    """Return each of the texts in pieces."""
    largest = max((abs(word["weight"]) for word in text["words"]), default=0.0) or 1.0
    return [_pieces(whole, words, largest) for whole, words in marked_words(text)]


def _pieces(text: str, words: Sequence[tuple[Mapping[str, Any], Strength]], largest: float) -> list[Piece]:
    """Return the pieces of a text in their order; joined they are the text."""
    pieces, position = [], 0
    for word, strength in words:
        pieces.append(Piece(text[position : word["start"]]))
        share = round(abs(word["weight"]) / largest, 3)
        pieces.append(Piece(text[word["start"] : word["end"]], _KINDS[strength], _sign(strength), share, word["weight"]))
        position = word["end"]
    return [piece for piece in (*pieces, Piece(text[position:])) if piece.text]


def _sign(strength: Strength) -> str:
    """Return plus and minus signs that a page raises itself."""
    return strength.sign.replace("\u207a", "+").replace("\u207b", "\u2212")


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
