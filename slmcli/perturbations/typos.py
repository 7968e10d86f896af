"""Slips on the keyboard: a neighbouring key, two letters exchanged, a letter left out."""

import numpy as np

from slmcli.perturbations.base import Perturbation, edit, pick, words_of

# our choice: with a slip a shorter word is often another word
_SHORTEST = 4
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def _neighbours() -> dict[str, str]:
    """Return the keys beside each key of a QWERTY keyboard, whose lower rows stand half a key farther right each."""
    places = {letter: (row, column) for row, letters in enumerate(_ROWS) for column, letter in enumerate(letters)}
    beside = ((0, -1), (0, 1), (-1, 0), (-1, 1), (1, -1), (1, 0))
    letters = {place: letter for letter, place in places.items()}
    return {
        letter: "".join(letters[row + down, column + right] for down, right in beside if (row + down, column + right) in letters)
        for letter, (row, column) in places.items()
    }


_KEYS = _neighbours()


def _change(text: str, generator: np.random.Generator, share: float) -> str:
    words = words_of(text)
    long = [word for word in words if len(word.text) >= _SHORTEST and word.text.isascii() and word.text.isalpha()]
    chosen = [long[place] for place in pick(len(long), generator, share=share, words=len(words))]
    return edit(text, [(word.start, word.end, _slip(word.text, generator)) for word in chosen])


def _slip(word: str, generator: np.random.Generator) -> str:
    """Return a word with one slip; its first letter, by which it is read, stays."""
    place = int(generator.integers(1, len(word)))
    letter, kind = word[place], int(generator.integers(3))
    if kind == 0 and letter.lower() in _KEYS:
        keys = _KEYS[letter.lower()]
        key = keys[int(generator.integers(len(keys)))]
        return word[:place] + (key.upper() if letter.isupper() else key) + word[place + 1 :]
    if kind == 1 and place + 1 < len(word) and word[place + 1] != letter:
        return word[:place] + word[place + 1] + letter + word[place + 2 :]
    return word[:place] + word[place + 1 :]


TYPOS = Perturbation("typos", "typos", "a slip on the keyboard: a neighbouring key, two letters exchanged, a letter left out", _change, ("latin",))
