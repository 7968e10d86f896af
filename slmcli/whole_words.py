"""The whole words of raw texts, whatever their tokenizer makes of them, and the texts without some of them."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from slmcli.cleaning import clean_aligned
from slmcli.pretokens import HAN, WORD_PATTERN
from slmcli.tokenizers.base import Tokenizer, in_original
from slmcli.tokenizers.chinese import ChineseTokenizer
from slmcli.word_cleaning import chinese_segmenter

Span = tuple[int, int]

_WORDS = re.compile(rf"[{HAN}]++|{WORD_PATTERN}")
_HAN = re.compile(rf"[{HAN}]")
_JOINER = "\u200d"
_SKIN_TONES = ("\U0001f3fb", "\U0001f3ff")
_FLAG_LETTERS = ("\U0001f1e6", "\U0001f1ff")
_EMOJI_STYLES = ("\ufe00", "\ufe0f")


def find_words(text: str, tokenizer: Tokenizer) -> list[Span]:
    """Return where each word and sign that the tokenizer reads stands in a raw text, [start, end) in characters.

    Words with spaces between them are what a person calls a word; Chinese words are those of jieba, for every tokenizer. What cleaning
    takes out, such as markup, is no word. A sign keeps its combining characters: an emoji of several code points is one.
    """
    cleaned, starts, ends = clean_aligned(text, tokenizer.cleaning)
    spans = tokenizer.spans(cleaned) if isinstance(tokenizer, ChineseTokenizer) else _split(cleaned)
    raw = [in_original(start, end, starts, ends, len(text)) for start, end in spans]
    return _join(text, [(start, _end_of_marks(text, end)) for start, end in raw if start < end])


def group(words: Sequence[Span], *, most: int) -> list[Span]:
    """Return the words, or, where there are more than `most`, runs of neighbouring words, all of one number of words but the last."""
    size = -(-len(words) // most)
    return [(words[first][0], words[min(first + size, len(words)) - 1][1]) for first in range(0, len(words), max(1, size))]


def _split(cleaned: str) -> Iterator[Span]:
    for match in _WORDS.finditer(cleaned):
        if not _HAN.match(match.group()):
            yield match.span()
            continue
        start = match.start()
        for word in chinese_segmenter().cut(match.group()):
            yield start, start + len(word)
            start += len(word)


def _end_of_marks(text: str, end: int) -> int:
    while end < len(text) and _is_mark(text[end]):
        end += 1
    return end


def _is_mark(character: str) -> bool:
    """Say whether a character changes the one before it: accents, vowel signs, styles, skin tones, joiners."""
    return unicodedata.category(character)[0] == "M" or character == _JOINER or _SKIN_TONES[0] <= character <= _SKIN_TONES[1]


def _join(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return spans of which none overlaps another, and none ends inside a word or an emoji."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and (start < joined[-1][1] or (start == joined[-1][1] and _goes_on(text, joined[-1], start))):
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _goes_on(text: str, before: Span, start: int) -> bool:
    last, following = text[before[1] - 1], text[start]
    if last == _JOINER or _is_mark(following):
        return True
    if _FLAG_LETTERS[0] <= last <= _FLAG_LETTERS[1]:
        return before[1] - before[0] == 1 and _FLAG_LETTERS[0] <= following <= _FLAG_LETTERS[1]
    is_style = _EMOJI_STYLES[0] <= last <= _EMOJI_STYLES[1]
    return _is_mark(last) and not is_style and text[before[0]].isalpha() and following.isalpha()


@dataclass(frozen=True)
class DividedText:
    """A text and its words.

    Attributes:
        text: The text.
        words: Where each word, or run of words, stands, [start, end) in characters, rising, without overlap.
    """

    text: str
    words: tuple[Span, ...]

    def word(self, place: int) -> str:
        """Return a word as it stands in the text."""
        start, end = self.words[place]
        return self.text[start:end]

    def keep(self, is_kept: Sequence[bool]) -> str:
        """Return the text without the words that are not kept.

        One space goes with a word that had two; words that were kept apart by a sign alone get a space in its place.

        Args:
            is_kept: (words,) whether each stays.
        """
        if all(is_kept):
            return self.text
        parts = [self._gaps[0]]
        last = None
        for place, stays in enumerate(is_kept):
            following = self._gaps[place + 1]
            if stays:
                if last is not None and not parts[-1] and last < place - 1 and self._are_letters[last][1] and self._are_letters[place][0]:
                    parts.append(" ")
                parts += (self.word(place), following)
                last = place
            elif parts[-1][-1:].isspace() or not any(parts):
                parts[-1] += following[1:] if following[:1].isspace() else following
            else:
                parts[-1] += following
        return "".join(parts)

    @cached_property
    def _gaps(self) -> list[str]:
        """What stands before the first word, between words, and behind the last."""
        bounds = [(0, 0), *self.words, (len(self.text), len(self.text))]
        return [self.text[left[1] : right[0]] for left, right in pairwise(bounds)]

    @cached_property
    def _are_letters(self) -> list[tuple[bool, bool]]:
        """Whether the first and the last character of each word would grow together with another word's."""
        return [(_grows(self.text[start]), _grows(self.text[end - 1])) for start, end in self.words]


@dataclass(frozen=True)
class DividedTexts:
    """Texts that are read together, and their words, those of the first text first.

    Attributes:
        parts: Name of each text to the text and its words.
    """

    parts: Mapping[str, DividedText]

    @cached_property
    def words(self) -> tuple[Span, ...]:
        """Where each word stands in its own text."""
        return tuple(span for part in self.parts.values() for span in part.words)

    @cached_property
    def names(self) -> list[str]:
        """The name of the text that each word stands in."""
        return [name for name, part in self.parts.items() for _ in part.words]

    def word(self, place: int) -> str:
        """Return a word as it stands in its text."""
        start, end = self.words[place]
        return self.parts[self.names[place]].text[start:end]

    def keep(self, is_kept: Sequence[bool]) -> dict[str, str]:
        """Return the texts by name, without the words that are not kept, as `DividedText.keep` does."""
        kept, position = {}, 0
        for name, part in self.parts.items():
            kept[name] = part.keep(is_kept[position : position + len(part.words)])
            position += len(part.words)
        return kept


def _grows(character: str) -> bool:
    return (character.isalnum() or character == "_") and not _HAN.match(character)
