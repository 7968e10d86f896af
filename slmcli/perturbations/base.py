"""What every perturbation is: a small change of a text, what a model should make of it, and how words are found and replaced.

Source: Ribeiro et al. 2020, "Beyond Accuracy: Behavioral Testing of NLP Models with CheckList", section 2.2: invariance tests, after
which the answer should stay, and directional expectation tests, after which it should move in a known direction.
"""

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from slmcli.word_cleaning import HAN, chinese_segmenter

Script = Literal["latin", "han", "other"]
# (text, generator, share of words) -> the changed text; None, or the text itself, when there is nothing to change
Change = Callable[[str, np.random.Generator, float], str | None]

EVERY_SCRIPT: tuple[Script, ...] = ("latin", "han", "other")
WITH_WORDS: tuple[Script, ...] = ("latin", "han")
# our choice: about one word in ten, what a careless writer reaches; a reader still understands every text
SHARE = 0.1
_CACHED_RUNS = 65_536
# our choice: more than the texts of one measurement, which every perturbation asks about
_CACHED_TEXTS = 8192
LETTERS = "A-Za-z\u00c0-\u024f"
# addresses, names of people and topics, tags and entities stay as they are: a slip in them is no slip in a word
_PIECES = re.compile(
    rf"(?P<fixed>https?://[!-~]+|www\.[!-~]+|[\w.+-]{{1,64}}@[\w-]{{1,63}}\.[\w.]{{1,63}}|[@#]\w+|</?[A-Za-z][^<>]{{0,200}}>|&#?[0-9A-Za-z]{{1,10}};)"
    rf"|(?P<han>[{HAN}]+)|(?P<latin>[{LETTERS}]+(?:['’][{LETTERS}]+)*)",
)


@dataclass(frozen=True)
class Perturbation:
    """A way to change a text.

    Attributes:
        name: Its name in the registry.
        title: Its name in the middle of a sentence.
        description: What it does, in half a sentence.
        change: The change itself; all that is random in it comes from the generator.
        scripts: Texts it is for, by the script that most of their words have.
        kind: invariance: the answer should stay. direction: the answer should follow `lean`.
        lean: For a direction: how far a text leans to one side, in phrases; above 0 it praises, below it blames.
        tasks: Tasks it says something about; none: every task.
        package: A package that it needs.
    """

    name: str
    title: str
    description: str
    change: Change
    scripts: tuple[Script, ...]
    kind: Literal["invariance", "direction"] = "invariance"
    lean: Callable[[str], int] | None = None
    tasks: tuple[str, ...] = ()
    package: str = ""

    def apply(self, text: str, *, seed: int, share: float = SHARE) -> str | None:
        """Return the changed text; None when there is nothing to change in it.

        The same text is changed the same way whatever other texts there are.
        """
        if not text.strip() or script_of(text) not in self.scripts:
            return None
        changed = self.change(text, generator_of(text, name=self.name, seed=seed), share)
        return None if changed is None or changed == text or not changed.strip() else changed


def generator_of(text: str, *, name: str, seed: int) -> np.random.Generator:
    """Return the random numbers that belong to a text, for one purpose and one seed."""
    key = f"{seed}\n{name}\n{text}".encode("utf-8", "surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key).digest()[:16], "big"))


@dataclass(frozen=True, slots=True)
class Word:
    """A word where it stands, [start, end) in characters of its text."""

    start: int
    end: int
    text: str
    is_han: bool


def words_of(text: str) -> list[Word]:
    """Return the words of a text in order: Latin words, and Chinese words as jieba finds them; no addresses, mentions or tags."""
    found: list[Word] = []
    for match in _PIECES.finditer(text):
        if match.lastgroup == "latin":
            found.append(Word(match.start(), match.end(), match.group(), is_han=False))
        elif match.lastgroup == "han":
            start = match.start()
            for word in _chinese_words(match.group()):
                found.append(Word(start, start + len(word), word, is_han=True))
                start += len(word)
    return found


@functools.lru_cache(maxsize=_CACHED_RUNS)
def _chinese_words(run: str) -> tuple[str, ...]:
    return tuple(chinese_segmenter().cut(run))


def fixed_spans(text: str) -> list[tuple[int, int]]:
    """Return where addresses, mentions, tags and entities stand, [start, end) in characters."""
    return [match.span() for match in _PIECES.finditer(text) if match.lastgroup == "fixed"]


@functools.lru_cache(maxsize=_CACHED_TEXTS)
def script_of(text: str) -> Script:
    """Return the script of most words of a text; a Han character counts as half a word."""
    latin = han = 0
    for match in _PIECES.finditer(text):
        latin += match.lastgroup == "latin"
        han += len(match.group()) if match.lastgroup == "han" else 0
    if not latin and not han:
        return "other"
    return "han" if han >= 2 * latin else "latin"


def pick(places: int, generator: np.random.Generator, *, share: float, words: int) -> list[int]:
    """Return some of the places where a text can be changed, in rising order: as many as the share of its words, at least one.

    Args:
        places: Number of places; 0 gives none.
        generator: Random numbers.
        share: Share of words to change.
        words: Number of words of the text.
    """
    wanted = min(places, max(1, round(share * words)))
    return sorted(generator.choice(places, wanted, replace=False).tolist()) if places else []


def edit(text: str, edits: Iterable[tuple[int, int, str]]) -> str:
    """Return a text with parts replaced, each [start, end) in characters with what takes its place; from left to right, none in another."""
    parts: list[str] = []
    position = 0
    for start, end, replacement in edits:
        parts += (text[position:start], replacement)
        position = end
    return "".join((*parts, text[position:]))


def choose(values: Sequence[str], generator: np.random.Generator) -> str:
    """Return one of the values."""
    return values[int(generator.integers(len(values)))]


def put_beside(text: str, addition: str, generator: np.random.Generator) -> str:
    """Return a text with an addition before or after it."""
    return f"{addition} {text}" if generator.integers(2) else f"{text} {addition}"


def match_case(word: str, model: str) -> str:
    """Return a lower-case word with the capitals of another one."""
    if len(model) > 1 and model.isupper():
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
