import random
import re
import sys

import pytest

from slmcli.pretokens import HAN, LOSSLESS_PATTERN, WORD_PATTERN

# what the patterns say in classes of characters, said with a look ahead of every character
LETTER = rf"(?:(?![{HAN}])\w)"
DEFINITIONS = {
    WORD_PATTERN: rf"[{HAN}]|{LETTER}+(?:['’]{LETTER}+)*|[^\w\s]",
    LOSSLESS_PATTERN: rf" ?{LETTER}{{1,64}}| ?[{HAN}]{{1,16}}| ?[^\w\s]{{1,16}}|\s+",
}
BOTH = pytest.mark.parametrize("pattern", DEFINITIONS, ids=["words", "lossless"])


@BOTH
def test_every_character_belongs_where_the_definition_puts_it(pattern: str) -> None:
    ours, defined = re.compile(pattern), re.compile(DEFINITIONS[pattern])
    for first in range(0, sys.maxunicode + 1, 64):
        text = "".join(f"a{sign}b'{sign}{sign}中’{sign} " for sign in map(chr, range(first, first + 64)))
        assert ours.findall(text) == defined.findall(text)


@BOTH
def test_long_and_mixed_runs_are_split_where_the_definition_splits_them(pattern: str) -> None:
    ours, defined, chance = re.compile(pattern), re.compile(DEFINITIONS[pattern]), random.Random(0)
    for _ in range(3000):
        text = "".join(chance.choice("aaaaaaé_7中豈'’ \n😀！.\u0301か\x00") * chance.choice([1, 1, 1, 20, 70]) for _ in range(chance.randrange(40)))
        assert ours.findall(text) == defined.findall(text)


def test_words_keep_inner_apostrophes_and_han_characters_stand_alone() -> None:
    assert re.findall(WORD_PATTERN, "It’s 'rock'n'roll'电影 n°5!") == ["It’s", "'", "rock'n'roll", "'", "电", "影", "n", "°", "5", "!"]
