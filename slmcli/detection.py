"""Which reader a corpus file needs: told by its name, and by its content where names say little."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: JSON values

from slmcli.corpora import READERS
from slmcli.corpora.dialogue import turns_key
from slmcli.corpora.fasttext import PREFIX
from slmcli.errors import DataError
from slmcli.text_files import COMPRESSIONS, read_bytes, read_head

_SYNONYMS = {"ndjson": "jsonl", "tab": "tsv", "pq": "parquet", "conllu": "conll", "bio": "conll", "iob": "conll", "iob2": "conll", "bioes": "conll"}
# names of whose files the content is looked at too
_UNSURE = frozenset({"jsonl", "json", "txt", ""})
_HEAD_CHARACTERS = 1 << 16
_TAGGED = re.compile(r"\S+[ \t](?:.*[ \t])?(?:O|[BIESLU]-\S+)")
_NESTED = re.compile(r'"paragraphs"\s*:\s*\[')
_PARQUET = b"PAR1"


def find_format(path: Path, encoding: str) -> str:
    """Return the name of the reader for a corpus file or folder.

    Raises:
        DataError: It cannot be told, or the file cannot be read.
    """
    if path.is_dir():
        return "folder"
    if is_pair(path):
        return "parallel"
    name = format_by_name(path)
    if name not in _UNSURE:
        return name
    found = _by_content(path, name, encoding)
    if not found:
        suffixes = ", ".join(f".{known}" for known in READERS.names() if known != "folder")
        raise DataError(
            f"{path}: the format is known neither by its name nor by its content. Pass --format, or give it one of the names {suffixes}, "
            f"each also with {', '.join(f'.{compression}' for compression in COMPRESSIONS)}. Two parallel files are named A,B."
        )
    return found


def is_pair(path: Path) -> bool:
    """Say whether a path names two files, with a comma between them."""
    return "," in str(path) and not path.exists() and all(Path(part).is_file() for part in str(path).split(",", 1))


def format_by_name(path: Path) -> str:
    """Return the format that the name of a file tells, "" when it tells none."""
    suffixes = [suffix for suffix in (suffix.lstrip(".").lower() for suffix in path.suffixes) if suffix not in COMPRESSIONS]
    name = _SYNONYMS.get(suffixes[-1], suffixes[-1]) if suffixes else ""
    return name if name in READERS.names() and name != "folder" else ""


def _by_content(path: Path, name: str, encoding: str) -> str:
    """Return what a file holds; what its name says, when nothing speaks against it."""
    if not name and _begins_with(path, _PARQUET):
        return "parquet"
    head = read_head(path, encoding, characters=_HEAD_CHARACTERS)
    first = head.lstrip()[:1]
    if name != "txt" and first in ("[", "{"):
        return _json_format(head)
    if name in ("json", "jsonl"):
        return name
    lines = [line for line in head.split("\n")[: -1 if len(head) == _HEAD_CHARACTERS else None] if line.strip()]
    if lines and all(line.startswith(PREFIX) for line in lines):
        return "fasttext"
    if _is_conll(lines):
        return "conll"
    is_table = len({line.count("\t") for line in lines}) == 1 and "\t" in lines[0]
    return name or ("tsv" if is_table else "")


def _begins_with(path: Path, magic: bytes) -> bool:
    try:
        return read_bytes(path, len(magic)) == magic
    except DataError:
        return False  # whoever reads the file says what is wrong with it


def _json_format(head: str) -> str:
    """Tell JSON Lines, arrays, SQuAD's nested objects and lists of turns apart."""
    start = head.lstrip()
    element = _first_value(start[1:] if start.startswith("[") else start)
    if isinstance(element, dict) and turns_key(element) and "response" not in element:
        return "dialogue"
    if start.startswith("["):
        return "json"
    if _NESTED.search(head) and (not isinstance(element, dict) or "data" in element):
        return "squad"
    is_one_line = isinstance(element, dict) and isinstance(_first_value(head.lstrip().split("\n", 1)[0]), dict)
    return "jsonl" if is_one_line and not _holds_objects(element) else "json"


def _first_value(text: str) -> Any:
    """Return the JSON value at the beginning of a text; None when it is none, or is cut off."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _holds_objects(element: dict[str, Any]) -> bool:
    """Say whether an object stands around the rows of a corpus rather than being one."""
    lists = [value for value in element.values() if isinstance(value, list)]
    return any(value and isinstance(value[0], dict) for value in lists) and len(element) <= len(lists) + 2


def _is_conll(lines: Sequence[str]) -> bool:
    words = [line for line in lines if not line.startswith(("#", "-DOCSTART-"))]
    return bool(words) and all(_TAGGED.fullmatch(word.rstrip()) for word in words)
