"""What Python knows of each Unicode code point, as arrays: the same Unicode as the one texts were cleaned with in training."""

import functools
import html
import itertools
import re
import sys
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

_CODES = sys.maxunicode + 1
_SURROGATES = range(0xD800, 0xE000)
_BLOCK_BITS = 8
# Hangul syllables are made by arithmetic (Unicode 15, chapter 3.12)
_SYLLABLES, _LEADING, _VOWELS, _FINALS = 0xAC00, range(0x1100, 0x1113), range(0x1161, 0x1176), range(0x11A8, 0x11C3)
LONGEST_EXPANSION = 32  # more than the characters of any decomposition: U+FDFA has 18
# what html.unescape treats by itself: controls, noncharacters
_ODD_REFERENCES = (*range(0x100), *range(0xFDD0, 0xFDF0), *(plane << 16 | last for plane in range(17) for last in (0xFFFE, 0xFFFF)))


@dataclass(frozen=True)
class Table:
    """A number for each code point, in blocks of 256 of which equal ones are kept once.

    Attributes:
        blocks: (code points / 256,) int32, which block each has.
        values: (different blocks * 256,) the numbers.
    """

    blocks: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, values: np.ndarray) -> "Table":
        """Divide (code points,) numbers into blocks."""
        different, blocks = np.unique(values.reshape(-1, 1 << _BLOCK_BITS), axis=0, return_inverse=True)
        return cls(blocks.reshape(-1).astype(np.int32), different.reshape(-1))

    @classmethod
    def where(cls, holds: Callable[[str], object]) -> "Table":
        """Return of which characters something holds, as booleans; of no half of a surrogate pair."""
        flags = np.fromiter((code not in _SURROGATES and bool(holds(chr(code))) for code in range(_CODES)), bool, _CODES)
        return cls.of(flags)


@dataclass(frozen=True)
class Expansions:
    """What takes the place of a code point: nothing, one, or several.

    Attributes:
        places: For each code point `LONGEST_EXPANSION` times where its characters begin in `pool`, plus how many they are; -1: it stays.
        pool: (characters,) int32.
    """

    places: Table
    pool: np.ndarray

    @classmethod
    def of(cls, expand: Callable[[str], str]) -> "Expansions":
        """Gather what a function makes of each character."""
        places, pool = np.full(_CODES, -1, np.int32), list[int]()
        for code in range(_CODES):
            if code not in _SURROGATES and (text := expand(chr(code))) != chr(code):
                places[code] = len(pool) * LONGEST_EXPANSION + len(text)
                pool += map(ord, text)
        return cls(Table.of(places), np.array(pool, np.int32))


@functools.lru_cache(maxsize=1)
def spaces() -> Table:
    """Return which characters are white space, to `str.split` and to `re`."""
    return Table.where(str.isspace)


@functools.lru_cache(maxsize=1)
def word_characters() -> Table:
    """Return which characters count as parts of words to `re`."""
    return Table.where(re.compile(r"\w").match)


@functools.lru_cache(maxsize=2)
def decompositions(*, is_compatible: bool) -> Expansions:
    """Return the full decomposition of each character, canonical or by compatibility."""
    form: Literal["NFKD", "NFD"] = "NFKD" if is_compatible else "NFD"
    return Expansions.of(lambda character: character if character.isascii() else unicodedata.normalize(form, character))


@functools.lru_cache(maxsize=1)
def combining_classes() -> Table:
    """Return the canonical combining class of each character; 0: it starts a cluster."""
    return Table.of(np.fromiter((unicodedata.combining(chr(code)) for code in range(_CODES)), np.int32, _CODES))


@functools.lru_cache(maxsize=1)
def compositions() -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs that canonical composition joins.

    Returns:
        keys: (pairs,) int64 in rising order, the first code point times the number of code points, plus the second.
        composites: (pairs,) int32, what each becomes.
    """
    pairs = {}
    for code in range(0x80, _CODES):
        parts = unicodedata.decomposition(chr(code)).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            first, second = (int(part, 16) for part in parts)
            if unicodedata.normalize("NFC", chr(first) + chr(second)) == chr(code):
                pairs[first * _CODES + second] = code
    for number, (leading, vowel) in enumerate(itertools.product(_LEADING, _VOWELS)):
        syllable = _SYLLABLES + number * (len(_FINALS) + 1)
        pairs[leading * _CODES + vowel] = syllable
        pairs.update({syllable * _CODES + final: syllable + place for place, final in enumerate(_FINALS, 1)})
    keys = sorted(pairs)
    return np.array(keys, np.int64), np.array([pairs[key] for key in keys], np.int32)


@functools.lru_cache(maxsize=1)
def seconds() -> Table:
    """Return which characters can join the one before them."""
    flags = np.zeros(_CODES, bool)
    flags[compositions()[0] % _CODES] = True
    return Table.of(flags)


@functools.lru_cache(maxsize=1)
def lower_case() -> Expansions:
    """Return the lower case of each character that stands alone."""
    return Expansions.of(str.lower)


@functools.lru_cache(maxsize=1)
def sigma_neighbours() -> tuple[Table, Table]:
    """Return which characters are cased, and which are passed over, where Python looks around a capital sigma."""
    cased = Table.where(lambda character: (character + "\u03a3").lower().endswith("\u03c2"))
    ends = Table.where(lambda character: ("A" + character + "\u03a3").lower().endswith("\u03c2"))
    return cased, Table(*_without(ends, cased))


def _without(first: Table, second: Table) -> tuple[np.ndarray, np.ndarray]:
    """Return the parts of a table of what the first has and the second has not."""
    flags = [table.values.reshape(-1, 1 << _BLOCK_BITS)[table.blocks].reshape(-1) for table in (first, second)]
    left = Table.of(flags[0] & ~flags[1])
    return left.blocks, left.values


@dataclass(frozen=True)
class References:
    """What HTML's character references stand for, as `html.unescape` says.

    Attributes:
        names: Names without `&`, with `;` where that belongs to them.
        places: For each name as in `Expansions`.
        pool: (characters,) int32.
        odd: (numbers,) int32 in rising order, those of which the character is another one, or none.
        meant: (numbers,) int32, that character; -1: none.
    """

    names: list[str]
    places: np.ndarray
    pool: np.ndarray
    odd: np.ndarray
    meant: np.ndarray


@functools.lru_cache(maxsize=1)
def references() -> References:
    """Return HTML's character references."""
    from html.entities import html5

    names, places, pool = sorted(html5), list[int](), list[int]()
    for name in names:
        places.append(len(pool) * LONGEST_EXPANSION + len(html5[name]))
        pool += map(ord, html5[name])
    odd = sorted({*_ODD_REFERENCES})
    meant = [ord(text) if (text := html.unescape(f"&#{code};")) else -1 for code in odd]
    return References(names, np.array(places, np.int32), np.array(pool, np.int32), np.array(odd, np.int32), np.array(meant, np.int32))
