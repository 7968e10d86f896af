"""Neighbouring words exchanged."""

import itertools

import numpy as np

from slmcli.perturbations.base import WITH_WORDS, Perturbation, Word, edit, pick, words_of

# what they deny is decided by where they stand
_DENYING = frozenset(
    (
        "not",
        "no",
        "never",
        "nor",
        "neither",
        "without",
        "hardly",
        "barely",
        "cannot",
        "不",
        "没",
        "没有",
        "别",
        "未",
        "无",
        "非",
        "不是",
        "并不",
        "不太",
    )
)


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    words = words_of(text)
    places = [place for place, pair in enumerate(itertools.pairwise(words)) if _can_be_exchanged(*pair, text)]
    # a pair is two words
    chosen = pick(len(places), generator, share=share / 2, words=len(words))
    edits: list[tuple[int, int, str]] = []
    for first, second in ((words[places[place]], words[places[place] + 1]) for place in chosen):
        if not edits or edits[-1][1] <= first.start:
            edits.append((first.start, second.end, second.text + text[first.end : second.start] + first.text))
    return edit(text, edits)


def _can_be_exchanged(first: Word, second: Word, text: str) -> bool:
    """Say whether two words are different, of one script, with nothing but white space between them, and deny nothing."""
    between, pair = text[first.end : second.start], (first.text.lower(), second.text.lower())
    is_beside = (not between) if first.is_han else between == " "
    return is_beside and first.is_han == second.is_han and pair[0] != pair[1] and not any(map(_denies, pair))


def _denies(word: str) -> bool:
    return word in _DENYING or word.endswith(("n't", "n’t"))


WORD_ORDER = Perturbation("word_order", "word order", "two neighbouring words exchanged", _change, WITH_WORDS)
