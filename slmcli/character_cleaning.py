"""Cleaning steps that look at characters only: Unicode forms, case, white space, markup, signs, and what has a fixed form."""

import functools
import html
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from slmcli.word_cleaning import HAN, PLACEHOLDERS

# [start, end) in characters of a text, and the number of characters that take its place
Move = tuple[int, int, int]


@dataclass(frozen=True)
class Substitution:
    """Put something else in the place of every match of a pattern.

    Attributes:
        pattern: What is replaced; it matches no empty text.
        replacement: By what.
        needles: A text that has none of these has no match.
        skips_ascii: An ASCII text has no match.
    """

    pattern: re.Pattern[str]
    replacement: Callable[[re.Match[str]], str]
    needles: tuple[str, ...] = ("",)
    skips_ascii: bool = False

    def apply(self, text: str) -> str:
        """Return the text after the step."""
        if self.skips_ascii and text.isascii():
            return text
        for needle in self.needles:
            if needle in text:
                return self.pattern.sub(self.replacement, text)
        return text

    def moves(self, text: str) -> Iterator[Move]:
        """Yield, from left to right, the parts whose characters do not stay one for one."""
        for match in self.pattern.finditer(text):
            if (replacement := self.replacement(match)) != match.group():
                yield match.start(), match.end(), len(replacement)


class Surrogates:
    """Join the two halves of a character, and put U+FFFD in the place of a lone half."""

    pattern = re.compile("[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]")

    def apply(self, text: str) -> str:
        """Return the text after the step."""
        if text.isascii():
            return text
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text

    def moves(self, text: str) -> Iterator[Move]:
        """Yield, from left to right, the parts whose characters do not stay one for one."""
        return ((match.start(), match.end(), 1) for match in self.pattern.finditer(text))


class Normalization:
    """Apply a Unicode normalisation form."""

    def __init__(self, form: Literal["NFC", "NFD", "NFKC"]) -> None:
        self.normalize = functools.partial(unicodedata.normalize, form)

    def apply(self, text: str) -> str:
        """Return the text after the step."""
        return text if text.isascii() else self.normalize(text)

    def moves(self, text: str) -> Iterator[Move]:
        """Yield, from left to right, the parts whose characters do not stay one for one."""
        if text.isascii():
            return
        for match in _clusters().finditer(text):
            if (normal := self.normalize(match.group())) != match.group():
                yield match.start(), match.end(), len(normal)


class Lowercase:
    """Fold upper case to lower case, the final sigma by its neighbours."""

    def apply(self, text: str) -> str:
        """Return the text after the step."""
        return text.lower()

    def moves(self, text: str) -> Iterator[Move]:
        """Yield, from left to right, the parts whose characters do not stay one for one."""
        # the only character whose lower case is longer (Unicode 15, SpecialCasing.txt)
        return ((match.start(), match.end(), 2) for match in re.finditer("\u0130", text))


class Whitespace:
    """Collapse every run of white space to one space, and drop it at both ends."""

    pattern = re.compile(r"\s+")

    def apply(self, text: str) -> str:
        """Return the text after the step."""
        if not text.isprintable():
            return " ".join(text.split())
        # the only printable white space is the space
        while "  " in text:
            text = text.replace("  ", " ")
        return text.strip(" ")

    def moves(self, text: str) -> Iterator[Move]:
        """Yield, from left to right, the parts whose characters do not stay one for one."""
        for match in self.pattern.finditer(text):
            yield match.start(), match.end(), int(match.start() > 0 and match.end() < len(text))


@functools.lru_cache(maxsize=1)
def _clusters() -> re.Pattern[str]:
    """Return a pattern of parts that normalisation changes one by one: a character and all that may join it from behind.

    Plain ASCII is left out. A character may join the one before it when its decomposition begins with a combining mark, with
    the second half of a composition, or with a Hangul vowel or final (Unicode 15, chapter 3.11 and 3.12).
    """
    decomposed = [character for character in map(chr, range(0x300, 0x30000)) if unicodedata.decomposition(character)]
    pairs = (unicodedata.decomposition(character).split() for character in decomposed)
    seconds = {chr(int(pair[1], 16)) for pair in pairs if len(pair) == 2 and pair[0][0] != "<"}
    seconds.update(map(chr, (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))))
    marks = {character for character in map(chr, range(0x300, 0x30000)) if unicodedata.combining(character)}
    firsts = marks | seconds
    joining = firsts.union(character for character in decomposed for form in ("NFD", "NFKD") if unicodedata.normalize(form, character)[0] in firsts)
    after = "".join(sorted(joining))
    return re.compile(f"[^\\x00-\\x7f][{after}]*+|[\\x00-\\x7f][{after}]++")


def _without_accents(match: re.Match[str]) -> str:
    decomposed = unicodedata.normalize("NFD", match.group())
    bare = _accents().sub("", decomposed)
    return match.group() if bare == decomposed else unicodedata.normalize("NFC", bare)


@functools.lru_cache(maxsize=1)
def _accents() -> re.Pattern[str]:
    """Return a pattern of the marks of the Latin, Greek and Cyrillic scripts (Unicode 15, Blocks.txt: Combining Diacritical Marks)."""
    blocks = (range(0x300, 0x370), range(0x1AB0, 0x1B00), range(0x1DC0, 0x1E00), range(0x20D0, 0x2100), range(0xFE20, 0xFE30))
    return re.compile("[" + "".join(chr(code) for block in blocks for code in block if unicodedata.combining(chr(code))) + "]+")


def repeats(longest: int) -> Substitution:
    """Return a step that cuts runs of one character; digits stay, because 1000 is not 10000, and white space has its own step."""
    return Substitution(re.compile(rf"([^\d\s])\1{{{longest},}}"), functools.partial(_cut, longest=longest))


def accents() -> Substitution:
    """Return a step that takes the marks off letters."""
    return Substitution(_clusters(), _without_accents, skips_ascii=True)


def _cut(match: re.Match[str], *, longest: int) -> str:
    return match.group(1) * longest


def _space(match: re.Match[str]) -> str:
    return " "


def _entity(match: re.Match[str]) -> str:
    text = match.group()
    if len(text) > 40 and text[1].startswith("#") and text[2] not in "xX":  # Python refuses decimal numbers of more than 4,300 digits
        text = f"&#{text[2:].rstrip(';').lstrip('0')[:20] or '0'};"
    return html.unescape(text)


def _broken_entity(match: re.Match[str]) -> str:
    return html.unescape("&" + match.group().removeprefix("&amp;"))


def _placeholder(match: re.Match[str], *, name: str) -> str:
    """Return the placeholder as a word of its own, whatever stands beside it."""
    text, start, end = match.string, match.start(), match.end()
    before = "" if start == 0 or text[start - 1].isspace() else " "
    after = "" if end == len(text) or text[end].isspace() else " "
    return f"{before}{name}{after}"


def _punctuation(match: re.Match[str]) -> str:
    sign = match.group()
    if match.lastgroup:
        return "" if match.lastgroup == "inner" else sign
    return " " if sign in _ASCII_SYMBOLS or unicodedata.category(sign)[0] == "P" else sign


def _replaced(pattern: str, name: str, needles: tuple[str, ...]) -> Substitution:
    return Substitution(re.compile(pattern), functools.partial(_placeholder, name=name), needles)


# ASCII signs that Unicode counts as symbols, not punctuation; other symbols, emoji among them, stay
_ASCII_SYMBOLS = frozenset("$+<=>^`|~")
# scripts written without a space beside a number or an address (Unicode 15, Blocks.txt): Han, kana, hangul
_CJK = rf"{HAN}\u3040-\u30ff\uac00-\ud7af"
_LETTER = rf"[^\W{_CJK}]"
# our choice: a tag starts with a letter, "/" or "!" right behind "<" and is short, so that "a < b and c > d" and "<3" stay
TAGS = Substitution(re.compile(r"<[a-zA-Z/!][^<>]{0,200}>"), _space, ("<",))
# what html.unescape looks at
ENTITIES = Substitution(re.compile(r"&(?:#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)"), _entity, ("&",))
# our choice: entities of which the "&" was lost, or escaped once more; only the names that no other word ends in
BROKEN_ENTITIES = Substitution(
    re.compile(r"(?:&amp;|(?<!&))#(?:x[0-9a-fA-F]{2,5}|[0-9]{2,5});|(?:&amp;|(?<![\w&]))(?:quot|amp|lt|gt|nbsp|apos);"), _broken_entity, (";",)
)
# RFC 3986, section 2, and the letters of other alphabets; a sign that ends a sentence is not the end of an address
URLS = _replaced(
    rf"(?<!{_LETTER})(?:(?:[Hh][Tt][Tt][Pp][Ss]?|[Ff][Tt][Pp])://|www\.|Www\.|WWW\.)(?={_LETTER})"
    rf"(?:{_LETTER}|[!#$%&'()*+,./:;=?@\[\]~-])*(?:{_LETTER}|[/#$%&*+=@~-])",
    "_url_",
    ("://", "www.", "Www.", "WWW."),
)
EMAILS = _replaced(r"(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]++@[A-Za-z0-9-]++(?:(?=\.[A-Za-z0-9-])\.[A-Za-z0-9-]++)++", "_email_", ("@",))
MENTIONS = _replaced(r"(?<![\w@.])@\w++", "_user_", ("@",))
# not inside a word such as mp3 or 5kg, not the end of 2.5kg
NUMBERS = _replaced(rf"(?<!{_LETTER})(?<!\d[.,])\d++(?:(?=[.,]\d)[.,]\d++)*+(?:[%\uff05\u2030]|(?!{_LETTER}))", "_number_", ("",))
PUNCTUATION = Substitution(re.compile(rf"(?P<kept>{'|'.join(sorted(PLACEHOLDERS))})|(?<=\w)(?P<inner>['\u2019])(?=\w)|[^\w\s]|_"), _punctuation)
SURROGATES, LOWERCASE, WHITESPACE = Surrogates(), Lowercase(), Whitespace()
