"""Elements of a JSON document's array, one in memory at a time, however long the array is."""

import json
from collections.abc import Iterator
from typing import Any, TextIO  # Any: JSON values

from slmcli.errors import DataError

_BLOCK_CHARACTERS = 1 << 20
# our choice: one element of a corpus is a row or an article; a longer one is a string that never ends
_MOST_CHARACTERS = 1 << 28
# longer than what a literal, an escape or a number lacks when a block cuts it in two
_MARGIN = 16
_SPACE = " \t\r\n"


def read_elements(file: TextIO, where: str, *, key: str | None = None) -> Iterator[Any]:
    """Yield the elements of the document's array.

    Args:
        file: The document: an array, or an object in which an array stands.
        where: Its name in errors.
        key: The array's key in the object; None: the first whose value is an array of objects.

    Raises:
        DataError: It is not JSON, is cut short, or has no such array.
    """
    document = _Document(file, where)
    is_object = document.peek() == "{"
    if is_object:
        _find_array(document, key)
    document.take("[")
    yield from _elements(document)
    if is_object:
        _read_rest(document, is_only=key is None)
    if document.peek():
        raise document.error("there is more text behind the end of the document")


def _elements(document: "_Document") -> Iterator[Any]:
    """Yield what stands up to the closing bracket, which is taken too."""
    while document.peek() != "]":
        yield document.value()
        if document.peek() != "]":
            document.take(",")
            if document.peek() == "]":
                raise document.error("there is a comma behind the last element")
    document.take("]")


def _find_array(document: "_Document", key: str | None) -> None:
    """Move to the opening bracket of the array in an object."""
    document.take("{")
    while document.peek() != "}":
        name = document.value()
        document.take(":")
        is_array = document.peek() == "["
        if is_array and (name == key if key else document.peek(1) == "{"):
            return
        document.value()
        if document.peek() != "}":
            document.take(",")
    what = f"has no list {key!r}" if key else "holds no list of objects"
    raise DataError(f'{document.where} {what}. It must be [{{"text": "…", "label": "…"}}, …], such a list in an object, or JSON Lines.')


def _read_rest(document: "_Document", *, is_only: bool) -> None:
    """Move behind the object in which the array stands; `is_only` refuses another array of objects in it."""
    while document.peek() != "}":
        document.take(",")
        name = document.value()
        document.take(":")
        if is_only and document.peek() == "[" and document.peek(1) == "{":
            raise DataError(f"{document.where} holds more than one list of objects, {name!r} among them. Give each list a file of its own.")
        document.value()
    document.take("}")


class _Document:
    """A place in a document, and the characters that were read but not used yet."""

    def __init__(self, file: TextIO, where: str) -> None:
        self.where = where
        self._file = file
        self._text = ""
        self._place = 0
        self._line = 1
        self._is_whole = False
        self._decoder = json.JSONDecoder()
        self._read(_BLOCK_CHARACTERS)
        self._text = self._text.removeprefix("\ufeff")

    def peek(self, further: int = 0) -> str:
        """Return the next sign that is no space, or the one behind it; "" at the end of the document."""
        place = self._place
        for _ in range(further + 1):
            place = self._skip_space(place)
            place += 1
        return self._text[place - 1 : place]

    def take(self, sign: str) -> None:
        """Move behind a sign."""
        if self.peek() != sign:
            raise self.error(f"expecting {sign!r}")
        self._place = self._skip_space(self._place) + 1

    def value(self) -> Any:
        """Return the next value and move behind it."""
        start = self._skip_space(self._place)
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, start)
            except json.JSONDecodeError as error:
                if self._is_whole or not self._is_cut(error):
                    self._place = error.pos
                    raise self.error(error.msg) from error
                start = self._grow(start)
            except (ValueError, RecursionError) as error:
                raise self.error(str(error)) from error
            else:
                if self._is_whole or end < len(self._text) - _MARGIN:
                    self._place = end
                    return value
                start = self._grow(start)  # a number may go on behind what was read

    def error(self, message: str) -> DataError:
        """Return an error about the current place."""
        self._place = self._skip_space(self._place)
        line = self._line + self._text.count("\n", 0, self._place)
        if not self.peek():
            message += ": the file is cut short"
        return DataError(f"{self.where}:{line}: not valid JSON ({message}). Correct the file, or write it as JSON Lines, one object a line.")

    def _is_cut(self, error: json.JSONDecodeError) -> bool:
        return error.msg.startswith("Unterminated string") or error.pos >= len(self._text) - _MARGIN

    def _skip_space(self, place: int) -> int:
        while True:
            while place < len(self._text) and self._text[place] in _SPACE:
                place += 1
            if place < len(self._text) or self._is_whole:
                return place
            place = self._grow(place)

    def _grow(self, start: int) -> int:
        """Read more, twice as much as is kept; forget what was used. Return where `start` is now."""
        used = min(self._place, start)
        self._line += self._text.count("\n", 0, used)
        self._text = self._text[used:]
        self._place -= used
        if len(self._text) > _MOST_CHARACTERS:
            raise self.error(f"an element begins here that has no end within {_MOST_CHARACTERS:,} characters")
        self._read(max(_BLOCK_CHARACTERS, len(self._text)))
        return start - used

    def _read(self, characters: int) -> None:
        more = self._file.read(characters)
        self._text += more
        self._is_whole = len(more) < characters
