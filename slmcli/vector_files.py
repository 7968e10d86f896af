"""Files of word vectors that other programs write and read: GloVe text, word2vec text and binary, fastText .vec."""

import codecs
import contextlib
import gzip
import itertools
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np

from slmcli.errors import DataError
from slmcli.files import new_file
from slmcli.text_files import explain_read_errors, open_bytes

# with a header "words width" and without; what fastText calls .vec is word2vec's text
TEXT, PLAIN_TEXT, BINARY = FORMS = ("word2vec", "glove", "word2vec-binary")
_EXPECTED = "a file of word vectors"
_KINDS = "GloVe text, word2vec text or binary, or fastText .vec"
_HEADER = re.compile(rb"\s*([0-9]{1,18})[ \t]+([0-9]{1,18})\s*")
_MARK = b"\xef\xbb\xbf"  # of UTF-8
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_BLOCK_BYTES = 1 << 20  # no line of a file of vectors is as long
_SAMPLE_BYTES, _SAMPLE_LINES = 4096, 20  # our choice: what tells text from binary, and the width where no header does
_LONGEST_WORD = 65_536  # bytes
_MOST_COLUMNS = 65_536  # our choice: vectors of words have some hundreds
_VALUE = np.dtype("<f4")
_OTHERS = {
    b"PK\x03\x04": "a zip archive. Unpack it, and name one of the files in it",
    b"\xba\x16\x4f\x2f": "a model of fastText. Name its .vec file, or write one with `fasttext print-word-vectors`",
}
_ANOTHER_CASE, _EXACT = 1, 2


@dataclass(frozen=True)
class VectorFile:
    """What the beginning of a file of vectors says.

    Attributes:
        path: The file.
        form: One of FORMS.
        width: Values of a vector.
        words: How many the header promises; None without a header.
    """

    path: Path
    form: str
    width: int
    words: int | None


@dataclass(frozen=True)
class Vectors:
    """What a file of vectors has of the words that were wanted.

    Attributes:
        words: How many the file has.
        matrix: (wanted, width) float32; zeros where there is none.
        is_found: (wanted,) bool.
    """

    words: int
    matrix: np.ndarray
    is_found: np.ndarray


def look_at_vectors(path: Path) -> VectorFile:
    """Find out form and width of a file by its beginning, whatever its name; compressed by gzip, or otherwise, it is read as it is.

    Raises:
        DataError: It is missing, empty, damaged, or no file of vectors.
    """
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is no plain file. Give the path of {_EXPECTED}: {_KINDS}.")
    with explain_read_errors(path, expected=_EXPECTED), open_bytes(path) as file:
        head = file.read(_BLOCK_BYTES)
    if not head:
        raise DataError(f"{path} is empty. Give {_KINDS}.")
    for mark, title in _OTHERS.items():
        if head.startswith(mark):
            raise DataError(f"{path} is {title}.")
    first, _, rest = head.removeprefix(_MARK).partition(b"\n")
    if header := _HEADER.fullmatch(first):
        words, width = map(int, header.groups())
        form, promised = TEXT if _is_text(rest, width) else BINARY, words
    else:
        form, width, promised = PLAIN_TEXT, _guess_width(path, head), None
    if not 0 < width <= _MOST_COLUMNS:
        raise DataError(f"{path}:1: {_show(first)} is not the beginning of {_EXPECTED}. Give {_KINDS}.")
    return VectorFile(path, form, width, promised)


def _is_text(content: bytes, width: int) -> bool:
    """Say whether text follows a header: a line of so many numbers, or at least characters only."""
    if _count_numbers(content.partition(b"\n")[0]) == width:
        return True
    sample = content[:_SAMPLE_BYTES]
    try:
        codecs.getincrementaldecoder("utf-8")().decode(sample)
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(sample)


def _guess_width(path: Path, head: bytes) -> int:
    """Return how many numbers most of the first lines end with: words have spaces in them, and some of these lines may be damaged."""
    is_whole = len(head) < _BLOCK_BYTES
    if b"\0" in head or not (is_whole or b"\n" in head):
        raise DataError(f"{path} is not text, and has no header of a word2vec binary file. Give {_KINDS}.")
    lines = head.split(b"\n")[: None if is_whole else -1]
    counts = Counter(_count_numbers(line) for line in lines[:_SAMPLE_LINES] if line.strip())
    return counts.most_common(1)[0][0] if counts else 0


def _count_numbers(line: bytes) -> int:
    """Return how many numbers a line ends with; what stands first is a word, even if it looks like one."""
    return sum(1 for _ in itertools.takewhile(_is_number, reversed(line.split()[1:])))


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def read_vectors(path: Path, wanted: Sequence[str], *, folds_case: bool = False) -> Vectors:
    """Read the vectors of some words, line by line: nothing is kept of other words, nor are their numbers looked at.

    The first of repeated words counts. A word of a text file may have spaces in it.

    Args:
        path: The file.
        wanted: The words.
        folds_case: Take a word that differs by its case alone where the file has not the word itself.

    Raises:
        DataError: What `look_at_vectors` raises; a line of another width; a value of a wanted word that is no finite number; a word of
            a text file that is not UTF-8 (of a binary file it is passed over); fewer words than the header promises.
    """
    source = look_at_vectors(path)
    found = _Found(source, wanted, folds_case)
    with explain_read_errors(path, expected=_EXPECTED), open_bytes(path) as file:
        words = _read_binary(file, found) if source.form == BINARY else _read_text(file, found)
    if source.words is not None and words < source.words:
        raise DataError(f"{path}: the header promises {source.words:,} words, and {words:,} are there. The file is cut short; copy it again.")
    return Vectors(words, found.matrix, np.frombuffer(found.ranks, np.uint8) > 0)


class _Found:
    """The vectors found so far."""

    def __init__(self, source: VectorFile, wanted: Sequence[str], folds_case: bool) -> None:
        self.source = source
        self.places = {word.encode("utf-8", "surrogatepass"): place for place, word in enumerate(wanted)}
        self.folds_case = folds_case
        self.matrix = np.zeros((len(wanted), source.width), np.float32)
        self.ranks = bytearray(len(wanted))

    def place_of(self, word: bytes) -> tuple[int, int] | None:
        """Return the row that a word's vector belongs into, and how well it fits; None when it is not wanted, or no better than what is there."""
        place, rank = self.places.get(word), _EXACT
        if place is None and self.folds_case:
            place, rank = self.places.get(_lower(word)), _ANOTHER_CASE
        return None if place is None or self.ranks[place] >= rank else (place, rank)

    def put(self, place: tuple[int, int], vector: np.ndarray, where: str) -> None:
        """Keep a vector (width,).

        Raises:
            DataError: A value is not finite as float32.
        """
        with np.errstate(over="ignore"):
            narrow = vector.astype(np.float32)
        if not np.isfinite(narrow).all():
            value = vector[~np.isfinite(narrow)][0]
            raise DataError(f"{where}: the value {value} is not a finite number. Remove this word from the file, or write it again.")
        self.matrix[place[0]] = narrow
        self.ranks[place[0]] = place[1]


def _lower(word: bytes) -> bytes:
    return word.lower() if word.isascii() else word.decode("utf-8", "surrogateescape").lower().encode("utf-8", "surrogateescape")


def _read_text(file: BinaryIO, found: _Found) -> int:
    """Read all lines; return how many words there are."""
    source, words = found.source, 0
    for number, line in enumerate(iter(partial(file.readline, _BLOCK_BYTES), b""), 1):
        text = line.rstrip().replace(b"\t", b" ")
        if number == 1:
            text = text.removeprefix(_MARK)
        if not text or (number == 1 and source.words is not None):
            continue
        words += 1
        is_plain = text.count(b" ") == source.width
        word, _, values = text.partition(b" ") if is_plain else _divide(text, source, number)
        if not word.isascii():
            _check_characters(word, source, number)
        if place := found.place_of(word):
            found.put(place, _parse(values, source, number), f"{source.path}:{number}")
    return words


def _divide(text: bytes, source: VectorFile, number: int) -> tuple[bytes, bytes, bytes]:
    """Return a word with spaces in it, a space, and the values behind it."""
    fields = text.rsplit(b" ", source.width)
    word = fields[0].strip(b" ")
    if len(fields) <= source.width or (b" " in word and _is_number(word.rpartition(b" ")[2])):
        raise DataError(
            f"{source.path}:{number}: {_count_numbers(text)} numbers stand behind the word {_show(text.split(b' ')[0])}, where others have "
            f"{source.width}. Remove the line, or copy the file again."
        )
    return word, b" ", b" ".join(fields[1:])


def _check_characters(word: bytes, source: VectorFile, number: int) -> None:
    try:
        word.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{source.path}:{number}: the word {word!r} is not UTF-8. Convert the file to UTF-8.") from error


def _parse(text: bytes, source: VectorFile, number: int) -> np.ndarray:
    """Return the numbers of a line, (width,) float64."""
    fields = text.split(b" ")
    try:
        return np.fromiter(map(float, fields), np.float64, source.width)
    except ValueError as error:
        wrong = next(field for field in fields if not _is_number(field))
        raise DataError(f"{source.path}:{number}: {_show(wrong)} is not a number. Remove the line, or copy the file again.") from error


def _show(text: bytes) -> str:
    """Return the beginning of a text for a message."""
    return repr(text[:40].decode("utf-8", "replace"))


def _read_binary(file: BinaryIO, found: _Found) -> int:
    """Read as many entries as the header promises, or there are; return their number.

    An entry is a word in bytes, a space, and the values; some programs write a line end behind them.
    """
    source, size, position = found.source, found.source.width * _VALUE.itemsize, 0
    file.readline()
    buffer = b""
    for entry in range(source.words or 0):
        end = buffer.find(b" ", position)
        while end < 0 or len(buffer) <= end + size:
            block = file.read(_BLOCK_BYTES)
            if not block or len(buffer) - position > _LONGEST_WORD + size:
                return _check_rest(buffer[position:], source, entry)
            buffer, position = buffer[position:] + block, 0
            end = buffer.find(b" ")
        if place := found.place_of(buffer[position:end].lstrip(b"\n")):
            found.put(place, np.frombuffer(buffer, _VALUE, source.width, end + 1), f"{source.path}: entry {entry + 1:,}")
        position = end + 1 + size
    return source.words or 0


def _check_rest(rest: bytes, source: VectorFile, entry: int) -> int:
    """Refuse a part of an entry; return how many were read before it."""
    if rest.strip(b"\n"):
        raise DataError(f"{source.path}: entry {entry + 1:,} of the {source.words or 0:,} promised is damaged or cut short. Copy the file again.")
    return entry


def is_writable(word: str) -> bool:
    """Say whether a word can stand in a file of vectors: readers split lines at white space."""
    return word.split() == [word]


def write_vectors(path: Path, words: Sequence[str], matrix: np.ndarray, form: str, *, option: str = "--out") -> None:
    """Write vectors complete or not at all, compressed if the name ends in .gz; numbers of text have as many digits as float32 needs.

    Args:
        path: The file.
        words: The words; each `is_writable`.
        matrix: (words, width) float32.
        form: One of FORMS.
        option: What chose the file's place, for messages.
    """
    with new_file(path, option=option) as file, _compressed(file, path) as target:
        if form != PLAIN_TEXT:
            target.write(f"{len(words)} {matrix.shape[1]}\n".encode())
        for word, row in zip(words, matrix.astype(np.float32, copy=False), strict=True):
            values = row.astype(_VALUE).tobytes() if form == BINARY else " ".join(row.astype(str)).encode()
            target.write(word.encode("utf-8") + b" " + values + b"\n")


def _compressed(file: BinaryIO, path: Path) -> contextlib.AbstractContextManager:
    if path.suffix.lower() != ".gz":
        return contextlib.nullcontext(file)
    return gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)  # without its time: the same vectors, the same bytes
