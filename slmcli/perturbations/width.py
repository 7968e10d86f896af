"""Chinese signs, letters and digits in their other width."""

import numpy as np

from slmcli.perturbations.base import Perturbation, fixed_spans

_WIDE = "，。！？；：（）"
_NARROW = ",.!?;:()"
_WIDE_LETTERS = range(0xFF10, 0xFF5B)
_TO_NARROW = {**dict(zip(map(ord, _WIDE), _NARROW, strict=True)), **{code: chr(code - 0xFEE0) for code in _WIDE_LETTERS if chr(code).isalnum()}}
_TO_WIDE = dict(zip(_NARROW, _WIDE, strict=True))


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    """Return a text with signs of full width in half width; with signs of half width in full width when it has no others."""
    narrow = text.translate(_TO_NARROW)
    if narrow != text:
        return narrow
    taken = {place for start, end in fixed_spans(text) for place in range(start, end)}
    return "".join(character if place in taken else _widen(text, place) for place, character in enumerate(text))


def _widen(text: str, place: int) -> str:
    """Return a character in full width, unless it stands between two digits, as in 3.5."""
    is_in_number = text[place - 1 : place].isdigit() and text[place + 1 : place + 2].isdigit()
    return text[place] if is_in_number else _TO_WIDE.get(text[place], text[place])


WIDTH = Perturbation(
    "width", "signs in their other width", "Chinese punctuation in half width instead of full width, or the other way round", _change, ("han",)
)
