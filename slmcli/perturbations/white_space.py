"""Spaces written twice, and spaces between Chinese words."""

import itertools

import numpy as np

from slmcli.perturbations.base import EVERY_SCRIPT, Perturbation, edit, pick, words_of


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    words = words_of(text)
    doubled = [place for place, character in enumerate(text) if character == " "]
    between = [second.start for first, second in itertools.pairwise(words) if second.is_han and first.end == second.start]
    places = sorted({*doubled, *between})
    if not places:
        return f"  {text}  "
    return edit(text, [(places[place], places[place], " ") for place in pick(len(places), generator, share=share, words=len(words))])


WHITE_SPACE = Perturbation("white_space", "white space", "spaces twice; in Chinese, between words", _change, EVERY_SCRIPT)
