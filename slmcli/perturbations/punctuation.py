"""Signs left out, or written twice."""

import re

import numpy as np

from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation, edit, fixed_spans

# signs between two letters or digits belong to a word or a number: don't, 4.50, two-hour
_SIGNS = re.compile(
    r"""(?<!\w)[.,;:!?"'()\[\]…—–“”‘’-]+|[.,;:!?"'()\[\]…—–“”‘’-]+(?!\w)|[。，！？；：、（）《》【】「」『』～·]+|[,;:!?"()\[\]…—–“”]+"""
)
_ENDS = re.compile(r"[.!?,。！？，]+(?!\w)|[。！？，]+")


def _outside(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    """Return the matches that touch no address, mention, tag or entity."""
    taken = {place for start, end in fixed_spans(text) for place in range(start, end)}
    return [match for match in pattern.finditer(text) if taken.isdisjoint(range(*match.span()))]


def _remove(text: str, generator: np.random.Generator, share: float) -> str:
    return edit(text, [(*match.span(), _gap(text, *match.span())) for match in _outside(_SIGNS, text)])


def _gap(text: str, start: int, end: int) -> str:
    """Return what is left where signs stood: a space between two words that would grow together."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return " " if before.isalnum() and after.isalnum() and (before + after).isascii() else ""


def _double(text: str, generator: np.random.Generator, share: float) -> str:
    return edit(text, [(match.end(), match.end(), match.group()[-1]) for match in _outside(_ENDS, text)])


NO_PUNCTUATION = Perturbation("no_punctuation", "no punctuation", "no punctuation", _remove, EVERY_SCRIPT)
DOUBLED_PUNCTUATION = Perturbation(
    "doubled_punctuation", "doubled punctuation", "full stops, commas, question and exclamation marks twice", _double, EVERY_SCRIPT
)
