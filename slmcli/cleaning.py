"""Clean a text before it is split into tokens; the same steps, in the same order, in training and at inference."""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from slmcli import character_cleaning as characters
from slmcli.character_cleaning import SURROGATES, Move
from slmcli.config import CleaningSettings
from slmcli.word_cleaning import Edit, conversion_edits, stem_edits, stop_word_edits, stop_words_fingerprint

_NORMAL = CleaningSettings()


class Step(Protocol):
    """One step of cleaning."""

    def apply(self, text: str) -> str:
        """Return the text after the step."""

    def moves(self, text: str) -> Iterator[Move]:
        """Yield, from left to right, the parts whose characters do not stay one for one."""


def clean(text: str, settings: CleaningSettings) -> str:
    """Return the text after the steps that the settings name, in their order.

    Lone surrogates become U+FFFD first, so that every string can be written as UTF-8.

    Raises:
        ConfigError: There are no stop words for a language.
        DataError: The stop words are not those of the training.
        MissingPackageError: A step needs a package that is not installed.
    """
    text = SURROGATES.apply(text)
    for step in _compile(tuple(settings.cleaning)):
        text = step.apply(text)
    return text


def clean_aligned(text: str, settings: CleaningSettings) -> tuple[str, list[int], list[int]]:
    """Return what `clean` returns, and where each of its characters came from.

    Returns:
        cleaned: The cleaned text.
        starts: For each of its characters, where its origin starts in `text`, in characters; never falling.
        ends: For each of its characters, where its origin ends; never falling.
    """
    starts = list(range(len(text)))
    ends = list(range(1, len(text) + 1))
    for step in (SURROGATES, *_compile(tuple(settings.cleaning))):
        if moves := list(step.moves(text)):
            starts, ends = _carry(starts, moves, at_end=False), _carry(ends, moves, at_end=True)
        text = step.apply(text)
    return text, starts, ends


def normal_form(text: str) -> str:
    """Return the text by which repeats are recognised: without markup, case, Unicode form and spacing."""
    return clean(text, _NORMAL)


def resolve(settings: CleaningSettings) -> CleaningSettings:
    """Return the settings with the lists of words fixed: `stopwords:en` becomes `stopwords:en:0a1b2c3d`, which means these words anywhere.

    Raises:
        ConfigError: There are no stop words for a language.
        DataError: The settings are resolved already, with other stop words than those here.
        MissingPackageError: A step needs a package that is not installed.
    """
    steps = []
    for step in settings.cleaning:
        name, _, argument = step.partition(":")
        language, _, fingerprint = argument.partition(":")
        steps.append(f"stopwords:{language}:{stop_words_fingerprint(language, fingerprint)}" if name == "stopwords" else step)
    _compile(tuple(steps))
    return CleaningSettings(cleaning=steps)


def _carry(places: Sequence[int], moves: Sequence[Move], *, at_end: bool) -> list[int]:
    """Return the places after the moves: what comes from a part starts where its first character did, and ends where its last did."""
    carried: list[int] = []
    position = 0
    for start, end, length in moves:
        carried += places[position:start]
        carried += [places[end - 1 if at_end else start]] * length
        position = end
    carried += places[position:]
    return carried


@functools.lru_cache(maxsize=64)
def _compile(names: tuple[str, ...]) -> tuple[Step, ...]:
    return tuple(step for name in names for step in _steps_of(name))


def _steps_of(step: str) -> tuple[Step, ...]:
    name, *arguments = step.split(":")
    if name in _WITHOUT_ARGUMENT:
        return _WITHOUT_ARGUMENT[name]
    if name in _CONVERSIONS:
        return (_Edits(conversion_edits(_CONVERSIONS[name])),)
    if name == "accents":
        return (characters.accents(),)
    if name == "repeats":
        # our choice: no English or Chinese word has a letter four times in a row
        return (characters.repeats(int(arguments[0]) if arguments else 3),)
    if name == "stem":
        return (_Edits(stem_edits(arguments[0] if arguments else "english")),)
    return (_Edits(stop_word_edits(*arguments)),)


@dataclass(frozen=True)
class _Edits:
    """Put something else in the place of the parts that a function finds."""

    find: Callable[[str], Iterator[Edit]]

    def apply(self, text: str) -> str:
        parts: list[str] = []
        position = 0
        for start, end, replacement in self.find(text):
            parts += (text[position:start], replacement)
            position = end
        return "".join((*parts, text[position:])) if position else text

    def moves(self, text: str) -> Iterator[Move]:
        for start, end, replacement in self.find(text):
            yield start, end, len(replacement)


_CONVERSIONS = {"simplified": "t2s", "traditional": "s2t"}
_WITHOUT_ARGUMENT: dict[str, tuple[Step, ...]] = {
    "broken_entities": (characters.BROKEN_ENTITIES,),
    "markup": (characters.TAGS, characters.ENTITIES),
    "nfc": (characters.Normalization("NFC"),),
    "nfd": (characters.Normalization("NFD"),),
    "nfkc": (characters.Normalization("NFKC"),),
    "urls": (characters.URLS,),
    "emails": (characters.EMAILS,),
    "mentions": (characters.MENTIONS,),
    "numbers": (characters.NUMBERS,),
    "lowercase": (characters.LOWERCASE,),
    "punctuation": (characters.PUNCTUATION,),
    "whitespace": (characters.WHITESPACE,),
}
