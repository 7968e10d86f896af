"""A text whose words are marked by what they count, on a page: nothing is told by colour alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any  # Any: words are JSON documents

from slmcli.explanation_words import Strength

_KINDS = {
    Strength.STRONGLY_FOR: "for strong",
    Strength.FOR: "for",
    Strength.NEITHER: "",
    Strength.AGAINST: "against",
    Strength.STRONGLY_AGAINST: "against strong",
}


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


def mark_words(text: str, words: Sequence[tuple[Mapping[str, Any], Strength]], largest: float) -> list[Piece]:
    """Return the parts of a text in their order, those of its words marked by their weights; joined they are the text.

    Args:
        text: The text.
        words: Each with its `start`, `end` and `weight`, in order, and how it is marked.
        largest: The largest weight, whatever its sign.
    """
    pieces, position = [], 0
    for word, strength in words:
        pieces.append(Piece(text[position : word["start"]]))
        share = round(abs(word["weight"]) / (largest or 1.0), 3)
        pieces.append(Piece(text[word["start"] : word["end"]], _KINDS[strength], _sign(strength), share, word["weight"]))
        position = word["end"]
    return [piece for piece in (*pieces, Piece(text[position:])) if piece.text]


def cut(pieces: Sequence[Piece], most: int) -> list[Piece]:
    """Return the first pieces, so many characters of them, and a sign that there are more; of a first piece that is longer, its beginning."""
    kept: list[Piece] = []
    left = most
    for piece in pieces:
        if len(piece.text) > left:
            return [*(kept or [replace(piece, text=piece.text[:left])]), Piece("…")]
        kept.append(piece)
        left -= len(piece.text)
    return kept


def _sign(strength: Strength) -> str:
    """Return plus and minus signs that a page raises itself."""
    return strength.sign.replace("\u207a", "+").replace("\u207b", "\u2212")


# kind, sign and meaning of each mark
LEGEND = [(_KINDS[each], _sign(each), each.meaning) for each in Strength if each is not Strength.NEITHER]
