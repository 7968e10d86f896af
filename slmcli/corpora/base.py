"""What every reader shares: the record it yields and lines of text files with their errors explained."""

import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO  # Any: a table's cell

from slmcli.errors import ConfigError, DataError

STANDARD_INPUT = Path("-")
_GUESSES = ("utf-8", "utf-16", "gb18030", "cp1252")


@dataclass(frozen=True)
class Record:
    """One row of a corpus file.

    Attributes:
        source: The file.
        row: Line number in a text file, row number in a table, from 1.
        values: Column name to cell.
    """

    source: str
    row: int
    values: dict[str, Any]


def read_lines(path: Path, encoding: str, *, keep_line_ends: bool = False) -> Iterator[str]:
    r"""Yield the lines of a text file, gzipped or not, without a byte order mark.

    Args:
        path: The file; a name ending in `.gz` is decompressed, `-` is standard input.
        encoding: Character encoding.
        keep_line_ends: Leave `\r\n` and the like inside quoted cells as they are.

    Raises:
        DataError: The file is missing, is not text in this encoding, or its compression is damaged.
    """
    try:
        with _open(path, encoding, keep_line_ends) as file:
            first = file.readline()
            yield from (first.removeprefix("\ufeff"),) if first else ()
            yield from file
    except UnicodeDecodeError as error:
        raise DataError(_explain_encoding(path, encoding)) from error
    except UnicodeError as error:
        raise DataError(f"{path} is not {encoding} text ({error}). Pass its --encoding.") from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(f"{path}: the gzip file is damaged or cut short ({error}). Copy or download it again.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror or error}). Give the path of a corpus file.") from error


def parse_object(line: str, where: str) -> dict[str, Any]:
    """Return the JSON object of a line; `where` names it in errors."""
    try:
        values = json.loads(line.strip())
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not valid JSON ({error.msg} at column {error.colno}). Each line must be one complete object.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: not valid JSON ({error}). Each line must be one complete object.") from error
    if not isinstance(values, dict):
        raise DataError(f'{where}: {line.strip()[:60]!r} is not a JSON object. Each line must look like {{"text": "…", "label": "…"}}.')
    return values


def check_names(path: Path, names: Sequence[str]) -> None:
    """Refuse a table in which one column name stands twice."""
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise DataError(
            f"{path}: column name {repeated[0]!r} stands more than once in the first line. Rename it, or pass --no-header if there are no names."
        )


def _open(path: Path, encoding: str, keep_line_ends: bool) -> TextIO:
    newline = "" if keep_line_ends else None
    try:
        if path == STANDARD_INPUT and sys.stdin is None:
            raise DataError("standard input is closed. Give it text, or name a file with --input.")
        if path == STANDARD_INPUT:
            return io.TextIOWrapper(sys.stdin.buffer, encoding=encoding, newline=newline)
        if path.suffix.lower() == ".gz":
            return io.TextIOWrapper(gzip.open(path, "rb"), encoding=encoding, newline=newline)
        return path.open(encoding=encoding, newline=newline)
    except LookupError as error:
        raise ConfigError(f"--encoding {encoding!r} is unknown. Use a name such as utf-8, gb18030, big5, cp1252 or utf-16.") from error


def _explain_encoding(path: Path, encoding: str) -> str:
    if path == STANDARD_INPUT:
        return f"standard input is not {encoding} text. Convert it, or pass its --encoding."
    try:
        with gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb") as file:
            content = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        return f"{path}: the gzip file is damaged or cut short ({error}). Copy or download it again."
    line, byte = _first_bad_byte(content, encoding)
    fitting = [name for name in _GUESSES if _looks_like(content, name)]
    repair = f"It looks like {fitting[0]}: pass --encoding {fitting[0]}." if fitting else "Convert it to UTF-8, or pass its --encoding."
    return f"{path}:{line}: byte 0x{byte:02X} is not valid {encoding}. {repair}"


def _first_bad_byte(content: bytes, encoding: str) -> tuple[int, int]:
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        return content.count(b"\n", 0, error.start) + 1, content[error.start]
    return 1, content[0]


def _looks_like(content: bytes, encoding: str) -> bool:
    """Say whether the bytes decode, to text that people write: an estimate for a hint, nothing more."""
    if encoding == "utf-16" and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        return False
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return False
    if encoding == "gb18030":
        foreign = [character for character in text if ord(character) > 127]
        common = sum("\u4e00" <= character <= "\u9fff" or "\u3000" <= character <= "\u303f" or character >= "\uff00" for character in foreign)
        return common > 0.9 * len(foreign) and len(foreign) > 0.1 * len(text)
    return True
