"""Texts whose words are marked by what they count."""

from slmcli.explanation_words import strengths
from slmcli.report.marked_words import LEGEND, Piece, cut, mark_words

TEXT = "A kind, rude host"
WORDS = [
    {"start": 0, "end": 1, "weight": 0.0},
    {"start": 2, "end": 6, "weight": 0.4},
    {"start": 8, "end": 12, "weight": -0.1},
    {"start": 13, "end": 17, "weight": 0.001},
]
MARKED = list(zip(WORDS, strengths(WORDS), strict=True))


def test_the_pieces_are_the_text() -> None:
    assert "".join(piece.text for piece in mark_words(TEXT, MARKED, 0.4)) == TEXT


def test_words_are_marked_by_sign_and_size() -> None:
    marked = {piece.text: (piece.kind, piece.sign) for piece in mark_words(TEXT, MARKED, 0.4) if piece.kind}
    assert marked == {"kind": ("for strong", "++"), "rude": ("against", "\N{MINUS SIGN}")}


def test_every_mark_is_told_apart_without_colour() -> None:
    signs = [sign for _, sign, _ in LEGEND]
    assert len(set(signs)) == len(signs) == 4


def test_a_long_text_is_cut_at_a_piece() -> None:
    assert [piece.text for piece in cut([Piece("one "), Piece("two "), Piece("three")], 8)] == ["one ", "two ", "…"]
    assert [piece.text for piece in cut([Piece("one "), Piece("two")], 8)] == ["one ", "two"]


def test_of_a_first_piece_that_is_too_long_the_beginning_is_kept() -> None:
    assert cut([Piece("x" * 20, "for", "+"), Piece("two")], 8) == [Piece("x" * 8, "for", "+"), Piece("…")]
