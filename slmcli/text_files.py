"""Files of text, compressed or not: their lines and characters, with what is wrong with them explained."""

import bz2
import codecs
import contextlib
import gzip
import io
import itertools
import lzma
import re
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, TextIO, cast  # Any: modules of the standard library with one function in common

from slmcli.errors import ConfigError, DataError

STANDARD_INPUT = Path("-")
_BLOCK_BYTES = 1 << 20
_GUESSES = ("utf-8", "utf-32", "utf-16", "gb18030", "cp1252")
_MARKS = {"utf-32": (b"\xff\xfe\0\0", b"\0\0\xfe\xff"), "utf-16": (b"\xff\xfe", b"\xfe\xff")}
# name's ending -> what such a file begins with
COMPRESSIONS = {
    "gz": re.compile(rb"\x1f\x8b\x08"),
    "bz2": re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
    "zst": re.compile(rb"\x28\xb5\x2f\xfd"),
}
_MARK_BYTES = 10  # the longest of them
_TITLES = {"gz": "gzip", "bz2": "bzip2", "xz": "xz", "zst": "Zstandard"}


def read_lines(path: Path, encoding: str, *, keep_line_ends: bool = False) -> Iterator[str]:
    r"""Yield the lines of a text file, compressed or not, without a byte order mark.

    Args:
        path: The file; `-` is standard input.
        encoding: Character encoding.
        keep_line_ends: Leave `\r\n` and the like inside quoted cells as they are.

    Raises:
        DataError: The file is missing, is not text in this encoding, or its compression is damaged.
        ConfigError: There is no such encoding.
    """
    with open_text(path, encoding, keep_line_ends=keep_line_ends) as file:
        first = file.readline()
        if first.count("\0") > 0.2 * len(first):
            raise DataError(
                f"{path}:1: every other character is NUL. It looks like UTF-16 without its mark: pass --encoding utf-16-le, or utf-16-be."
            )
        yield from (first.removeprefix("\ufeff"),) if first else ()
        yield from file


def read_head(path: Path, encoding: str, *, characters: int) -> tuple[str, bool]:
    """Return the first characters of a text file, and whether they are all of it; errors are those of `read_lines`."""
    with open_text(path, encoding) as file:
        head = file.read(characters)
        return head.removeprefix("\ufeff"), not file.read(1)


def split_pair(path: Path) -> tuple[Path, Path] | None:
    """Return the two files that a path names with a comma between them; None when it names one."""
    first, comma, second = str(path).partition(",")
    if comma and _is_file(Path(first)) and _is_file(Path(second)) and not _is_file(path):
        return Path(first), Path(second)
    return None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # two long names together can be too long for one
        return False


def read_documents(path: Path, encoding: str, *, unit: Literal["line", "paragraph", "file"]) -> Iterator[tuple[int, str]]:
    """Yield the documents of a text file, each with the number of its first line; errors are those of `read_lines`.

    Args:
        path: The file.
        encoding: Character encoding.
        unit: line: every line, empty ones too, so that what is made of them keeps their numbers; paragraph: what stands between
            empty lines; file: all of it.
    """
    lines = enumerate(read_lines(path, encoding), 1)
    if unit == "line":
        yield from ((number, line.rstrip("\r\n")) for number, line in lines)
    elif unit == "file":
        yield 1, "".join(line for _, line in lines)
    else:
        for has_text, group in itertools.groupby(lines, key=lambda row: bool(row[1].strip())):
            paragraph = list(group) if has_text else []
            if paragraph:
                yield paragraph[0][0], "".join(line for _, line in paragraph).rstrip("\r\n")


@contextlib.contextmanager
def open_text(path: Path, encoding: str, *, keep_line_ends: bool = False) -> Iterator[TextIO]:
    """Open a text file to be read inside the block; errors there are those of `read_lines`."""
    try:
        with _open(path, encoding, keep_line_ends) as file:
            yield file
    except UnicodeDecodeError as error:
        raise DataError(_explain_encoding(path, encoding)) from error
    except UnicodeError as error:
        raise DataError(f"{path} is not {encoding} text ({error}). Pass its --encoding.") from error
    except OSError as error:
        raise _explain_damage(path, error) from error
    except Exception as error:
        if _is_damage(error):
            raise _explain_damage(path, error) from error
        raise


def find_compression(path: Path) -> str | None:
    """Return how a file is compressed, by its name, else by its first bytes; None when it is not."""
    suffix = path.suffix.lower().removeprefix(".")
    if suffix in COMPRESSIONS:
        return suffix
    with path.open("rb") as file:
        first = file.read(_MARK_BYTES)
    return next((name for name, mark in COMPRESSIONS.items() if mark.match(first)), None)


def open_bytes(path: Path) -> BinaryIO:
    """Open a file to read its bytes, decompressed.

    Raises:
        OSError: It cannot be opened.
    """
    compression = find_compression(path)
    if compression is None:
        return path.open("rb")
    return cast(BinaryIO, _module(compression).open(path, "rb"))


def read_bytes(path: Path, size: int = -1) -> bytes:
    """Return the first bytes of a file, all by default, decompressed.

    Raises:
        DataError: The file is missing, or its compression is damaged.
    """
    with explain_read_errors(path), open_bytes(path) as file:
        return file.read(size)


@contextlib.contextmanager
def explain_read_errors(path: Path, *, expected: str = "a corpus file") -> Iterator[None]:
    """Turn what the operating system or a decompressor says of a file into a `DataError`; `expected` is what should have been named."""
    try:
        yield
    except Exception as error:
        if _is_damage(error) or isinstance(error, OSError):
            raise _explain_damage(path, error, expected) from error
        raise


def _module(compression: str) -> Any:
    """Return the module that reads a kind of compression; Zstandard's is loaded when it is needed."""
    if compression != "zst":
        return {"gz": gzip, "bz2": bz2, "xz": lzma}[compression]
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd


def _open(path: Path, encoding: str, keep_line_ends: bool) -> TextIO:
    if path == STANDARD_INPUT and sys.stdin is None:
        raise DataError("standard input is closed. Give it text, or name a file.")
    binary = sys.stdin.buffer if path == STANDARD_INPUT else open_bytes(path)
    try:
        return io.TextIOWrapper(binary, encoding=encoding, newline="" if keep_line_ends else None)
    except LookupError as error:
        binary.close()
        raise ConfigError(f"--encoding {encoding!r} is unknown. Use a name such as utf-8, gb18030, big5, cp1252 or utf-16.") from error


def _is_damage(error: Exception) -> bool:
    """Say whether a decompressor raised it; the Zstandard module has an error of its own, and may not be loaded."""
    return isinstance(error, (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError)) or type(error).__name__ == "ZstdError"


def _explain_damage(path: Path, error: Exception, expected: str = "a corpus file") -> DataError:
    compression = _TITLES.get(path.suffix.lower().removeprefix("."), "compressed")
    # bz2 says with a plain OSError without a number that its data are damaged
    if _is_damage(error) or (isinstance(error, OSError) and error.errno is None):
        return DataError(f"{path}: the {compression} file is damaged or cut short ({error}). Copy or download it again.")
    reason = error.strerror if isinstance(error, OSError) else None
    return DataError(f"{path} cannot be read ({reason or error}). Give the path of {expected}.")


def _explain_encoding(path: Path, encoding: str) -> str:
    if path == STANDARD_INPUT:
        return f"standard input is not {encoding} text. Convert it, or pass its --encoding."
    try:
        with open_bytes(path) as file:
            first = file.read(_BLOCK_BYTES)
            line, byte, near = _find_bad_byte(itertools.chain([first], iter(lambda: file.read(_BLOCK_BYTES), b"")), encoding)
    except Exception as error:
        if _is_damage(error) or isinstance(error, OSError):
            return str(_explain_damage(path, error))
        raise
    fitting = [name for name in _GUESSES if _looks_like(near, first[:4], name)]
    repair = f"It looks like {fitting[0]}: pass --encoding {fitting[0]}." if fitting else "Convert it to UTF-8, or pass its --encoding."
    return f"{path}:{line}: byte 0x{byte:02X} is not valid {encoding}. {repair}"


def _find_bad_byte(blocks: Iterable[bytes], encoding: str) -> tuple[int, int, bytes]:
    """Return line and value of the first byte that is not text, and some whole lines around it."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line, block = 1, b""
    for number, block in enumerate(blocks):
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            near = block if number == 0 else block[block.find(b"\n") + 1 :]
            return line + error.object.count(b"\n", 0, error.start), error.object[error.start], near
        line += block.count(b"\n")
    return line, block[-1], block  # the last character is cut short


def _looks_like(content: bytes, start: bytes, encoding: str) -> bool:
    """Say whether the bytes decode, to text that people write: an estimate for a hint, nothing more."""
    if encoding in _MARKS and not start.startswith(_MARKS[encoding]):
        return False
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(content)
    except UnicodeDecodeError:
        return False
    if encoding == "gb18030":
        foreign = [character for character in text if ord(character) > 127]
        common = sum("\u4e00" <= character <= "\u9fff" or "\u3000" <= character <= "\u303f" or character >= "\uff00" for character in foreign)
        # two bytes above ASCII make a Chinese character; in a French text one stands alone
        return common > 0.9 * len(foreign) and sum(byte > 127 for byte in content) > 1.8 * len(foreign)
    return True
