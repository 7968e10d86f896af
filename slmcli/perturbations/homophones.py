"""Chinese characters that are written for each other, because they sound or look alike."""

import functools
from pathlib import Path

import numpy as np

from slmcli.perturbations.base import Perturbation, choose, edit, pick, words_of

TABLE = Path(__file__).parent / "homophones.txt"


@functools.lru_cache(maxsize=1)
def confusions() -> dict[str, str]:
    """Return the characters that each character is written for."""
    found: dict[str, str] = {}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        for group in line.partition("#")[0].split():
            for character in group:
                others = found.get(character, "") + group
                found[character] = "".join(other for other in dict.fromkeys(others) if other != character)
    return found


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    table, words = confusions(), words_of(text)
    places = [place for word in words if word.is_han for place in range(word.start, word.end) if text[place] in table]
    chosen = [places[place] for place in pick(len(places), generator, share=share, words=len(words))]
    return edit(text, [(place, place + 1, choose(table[text[place]], generator)) for place in chosen])


HOMOPHONES = Perturbation("homophones", "homophones", "a Chinese character taken for one that sounds or looks alike", _change, ("han",))
