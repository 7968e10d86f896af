"""Token ids in, text out, one token at a time: what `decode` does, in pieces that stay as they are."""

import codecs
from collections.abc import Callable
from typing import Protocol

from slmcli.word_joining import WordJoiner


class Detokenizer(Protocol):
    """The text of a growing sequence of token ids.

    All that `add` and at last `finish` return, joined, is the text of the whole sequence.
    """

    def add(self, token_id: int) -> str:
        """Return the text that is certain with one more token, and was not before."""

    def finish(self) -> str:
        """Return the text that waited for more tokens."""


class TextDetokenizer:
    """Every token has a text of its own."""

    def __init__(self, text_of: Callable[[int], str]) -> None:
        self.add = text_of

    def finish(self) -> str:
        """Return nothing: nothing waits."""
        return ""


class ByteDetokenizer:
    """Every token has bytes of its own; a character waits for its last byte. Bytes that make no character are U+FFFD."""

    def __init__(self, bytes_of: Callable[[int], bytes]) -> None:
        self._bytes_of = bytes_of
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, token_id: int) -> str:
        """Return the characters that the token completes."""
        return self._decoder.decode(self._bytes_of(token_id))

    def finish(self) -> str:
        """Return what a character that was never completed is shown as."""
        return self._decoder.decode(b"", final=True)


class WordDetokenizer:
    """Every token is a word or a sign; an apostrophe waits for the next word, which decides what spaces stand around it."""

    def __init__(self, word_of: Callable[[int], str]) -> None:
        """Take what gives a token's word, empty for a token without text."""
        self._word_of = word_of
        self._joiner = WordJoiner()

    def add(self, token_id: int) -> str:
        """Return the word with the space before it."""
        word = self._word_of(token_id)
        return self._joiner.add(word) if word else ""

    def finish(self) -> str:
        """Return an apostrophe that nothing followed."""
        return self._joiner.finish()


class WordPieceDetokenizer:
    """Tokens are beginnings of words, or continue one; a word waits until the next begins."""

    def __init__(self, piece_of: Callable[[int], tuple[str, bool]]) -> None:
        """Take what gives a token's text, empty for a token without, and whether it continues a word."""
        self._piece_of = piece_of
        self._joiner = WordJoiner()
        self._word = ""

    def add(self, token_id: int) -> str:
        """Return the word before, once this token begins another."""
        piece, continues = self._piece_of(token_id)
        if continues or not piece:
            self._word += piece
            return ""
        word, self._word = self._word, piece
        return self._joiner.add(word) if word else ""

    def finish(self) -> str:
        """Return the last word."""
        return (self._joiner.add(self._word) if self._word else "") + self._joiner.finish()


# our choice: so many tokens stand before a new one when it is decoded; decoders of `tokenizers` look at one neighbour,
# and at the beginning of the text, which a window shorter than the text must not look like
_CONTEXT = 8


class WindowDetokenizer:
    """Tokens whose text depends on their neighbours, in a way that only `decode` knows.

    A new token is decoded with a few before it, and what those alone decode to is taken away. Nothing is shown while the text
    ends with U+FFFD or the token with bytes that the next may change. The end is compared with the text of the whole.
    """

    def __init__(self, decode: Callable[[list[int]], str], is_partial: Callable[[int], bool]) -> None:
        """Take what decodes a sequence, and whether a token is a part of a character."""
        self._decode = decode
        self._is_partial = is_partial
        self._token_ids: list[int] = []
        self._start = self._shown = 0  # the window's beginning, and the end of the tokens whose text was shown
        self._text: list[str] = []

    def add(self, token_id: int) -> str:
        """Return the text that the token and those held back add."""
        self._token_ids.append(token_id)
        if self._is_partial(token_id):
            return ""
        window = self._token_ids[self._start :]
        before, now = self._decode(window[: self._shown - self._start]), self._decode(window)
        if now.endswith("\ufffd") or not now.startswith(before):
            return ""
        self._shown = len(self._token_ids)
        self._move()
        self._text.append(now[len(before) :])
        return self._text[-1]

    def _move(self) -> None:
        """Let the window begin where text stands before all that is still to come, at a whole character."""
        start = len(self._token_ids) - _CONTEXT
        if start >= self._start + _CONTEXT and not any(map(self._is_partial, self._token_ids[start - 1 : start + 1])):
            context = self._decode(self._token_ids[start:])
            if context.strip() and "\ufffd" not in context:
                self._start = start

    def finish(self) -> str:
        """Return what the whole text has beyond what was shown."""
        shown = "".join(self._text)
        return self._decode(self._token_ids)[len(shown) :]
