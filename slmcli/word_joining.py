"""Words and signs put together again as a person would have written them, one after the other.

A word tokenizer keeps no spaces, so that they are guessed. What stands before a word and the word itself decide, but for an
apostrophe, which waits for the word behind it; so text can be shown while it is being written.
"""

import re
import unicodedata
from collections.abc import Iterable

from slmcli.pretokens import HAN

# scripts without spaces between words, and their signs: Han characters, kana, full-width forms
_UNSPACED = re.compile(rf"[{HAN}\u3000-\u30ff\u31f0-\u31ff\uff00-\uffef\U00020000-\U0003ffff]")
# signs without a space before them, without one after them, and without either
_CLOSING = frozenset(".,!?:;%)]}”»…°™®‰")
_OPENING = frozenset("([{“‘«„$£€¥₹#@¿¡")
_BINDING = frozenset("/\\—‑·")
_APOSTROPHES = frozenset("'’")
# what stands behind the apostrophe of a contraction or of a possessive, and what before the one of an elision
_AFTER_APOSTROPHE = frozenset(("s", "t", "m", "d", "re", "ve", "ll", "em", "all", "clock", "n"))
_BEFORE_APOSTROPHE = frozenset(("o", "d", "l", "c", "j", "n", "qu", "y"))
_DOMAINS = frozenset(("com", "org", "net", "edu", "gov"))
# what the Penn Treebank's rules make of a straight quotation mark, and of the parts of a contraction
_TREEBANK_QUOTES = {"``": '"', "''": '"'}
_CLITICS = frozenset(("n't", "n’t"))
_EMOTICON = re.compile(r"[:;=8][-^'o]?[()\[\]DPpO/\\|*3]+|<3")
_SIGNS = re.compile(r"[^\w\s]{2,}")
_JOINER = "\u200d"


def join_words(words: Iterable[str]) -> str:
    """Return words and signs as one text."""
    joiner = WordJoiner()
    return "".join([*map(joiner.add, words), joiner.finish()])


class WordJoiner:
    """Words come in, text comes out; the same text, whenever it is asked for.

    Straight quotation marks open and close by turns. Han characters and kana stand without spaces, and so does what touches them.
    Our choice, where a text cannot tell: a hyphen binds two words, a point or colon between digits is part of a number, a comma is
    when three digits follow, and an apostrophe behind an s is a possessive where no quotation is open.
    """

    def __init__(self) -> None:
        self._last = ""  # the word before
        self._second_last = ""
        self._binds = False  # no space after the word before
        self._open: set[str] = set()  # straight quotation marks that wait for their second
        self._held = ""  # an apostrophe that the next word decides about

    def add(self, word: str) -> str:
        """Return the text that is certain once `word` has come: with it, unless it is an apostrophe."""
        text = self._release(word)
        if word in _APOSTROPHES:
            self._held = word
            return text
        if _SIGNS.fullmatch(word) and word not in _TREEBANK_QUOTES and not _EMOTICON.fullmatch(word):
            return text + self._place_signs(word)
        return text + self._place(word)

    def finish(self) -> str:
        """Return what was held back."""
        return self._release("")

    def _release(self, following: str) -> str:
        """Return the held apostrophe where `following` stands behind it."""
        sign, self._held = self._held, ""
        if not sign:
            return ""
        before, after = self._last.lower(), following.lower()
        is_inside = before[-1:].isalnum() and not _is_unspaced(before[-1:]) and (after in _AFTER_APOSTROPHE or before in _BEFORE_APOSTROPHE)
        if is_inside and following:
            return self._write("", sign, binds=True)
        if sign == "’" or ("'" not in self._open and before.endswith("s")):
            return self._write("", sign, binds=False)
        return self._place(sign)

    def _place_signs(self, signs: str) -> str:
        """Return a run of signs, which stay together."""
        return self._place(signs[0]) + "".join(self._place(sign, is_inside=True) for sign in signs[1:])

    def _place(self, word: str, *, is_inside: bool = False) -> str:
        """Return a word or sign with the space before it."""
        word = _TREEBANK_QUOTES.get(word, word)
        if word in ('"', "'"):
            closes = word in self._open
            self._open ^= {word}
            return self._write("" if closes or is_inside else self._gap(word), word, binds=not closes)
        gap = "" if is_inside else self._gap(word)
        return self._write(gap, word, binds=self._binds_the_next(word, is_bound=not gap))

    def _write(self, gap: str, word: str, *, binds: bool) -> str:
        self._second_last, self._last, self._binds = self._last, word, binds
        return gap + word

    def _binds_the_next(self, word: str, *, is_bound: bool) -> bool:
        """Return whether no space follows a word."""
        if word == "-":
            return is_bound and bool(self._last)
        if _is_flag_half(word):
            return not (is_bound and _is_flag_half(self._last))
        return word in _OPENING or word in _BINDING or word.endswith(_JOINER)

    def _gap(self, word: str) -> str:
        """Return the space before a word: one, or none."""
        last = self._last
        if not last or self._binds or word in _CLOSING or word in _BINDING or _is_mark(word):
            return ""
        if _is_unspaced(last[-1]) or _is_unspaced(word[:1]) or word.lower() in _CLITICS or (word[:1] in _APOSTROPHES and len(word) > 1):
            return ""
        is_repeated_sign = word == last and not last[-1].isalnum() and word != '"'
        is_hyphen = word == "-" and last[-1].isalnum()
        is_negative = last == "-" and word[:1].isdigit()
        return "" if is_repeated_sign or is_hyphen or is_negative or self._continues(word) else " "

    def _continues(self, word: str) -> bool:
        """Return whether a word goes on with a number, an abbreviation or an address that a sign stands in: 3.14, 1,000, 9:30, e.g."""
        before, sign = self._second_last, self._last
        if before[-1:].isdigit() and word[:1].isdigit():
            return sign in (".", ":") or (sign == "," and len(word) == 3 and len(before) <= 3)
        is_initial = len(before) == len(word) == 1 and before.isalpha() and word.isalpha() and word not in "aAI"
        return sign == "." and (is_initial or before == "www" or (word in _DOMAINS and before[-1:].isalnum()))


def _is_unspaced(character: str) -> bool:
    return _UNSPACED.match(character) is not None


def _is_mark(word: str) -> bool:
    """Return whether a sign belongs to the character before it: an accent, a variant, a skin tone, a joiner of emoji."""
    first = word[:1]
    return first == _JOINER or "\U0001f3fb" <= first <= "\U0001f3ff" or unicodedata.category(first or " ")[0] == "M"


def _is_flag_half(word: str) -> bool:
    return len(word) == 1 and "\U0001f1e6" <= word <= "\U0001f1ff"
