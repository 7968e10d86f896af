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
from slmcli.fields import LABEL_NAMES, TEXT_NAMES
from slmcli.text_files import COMPRESSIONS, read_bytes, read_head, split_pair

_SYNONYMS = {"ndjson": "jsonl", "tab": "tsv", "pq": "parquet", "conllu": "conll", "bio": "conll", "iob": "conll", "iob2": "conll", "bioes": "conll"}
# names of whose files the content is looked at too
_UNSURE = frozenset({"jsonl", "json", "txt", ""})
_HEAD_CHARACTERS = 1 << 16
_TAGGED = re.compile(r"\S+[ \t](?:.*[ \t])?(?:O|[BIESLUMW]-\S+)")
_NESTED = re.compile(r'"paragraphs"\s*:\s*\[')
# an object that begins with a list of objects, or with some plain values and then such a list: rows stand in it, it is none
_AROUND_ROWS = re.compile(r'\{\s*(?:"[^"]*"\s*:\s*(?:"[^"]{0,200}"|[-\w.]+)\s*,\s*){0,3}"[^"]*"\s*:\s*\[\s*\{')
_PARQUET = b"PAR1"


def find_format(path: Path, encoding: str) -> str:
    """Return the name of the reader for a corpus file or folder.

    Raises:
        DataError: It cannot be told, or the file cannot be read.
    """
    if path.is_dir():
        return "folder"
    if split_pair(path):
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


def format_by_name(path: Path) -> str:
    """Return the format that the name of a file tells, "" when it tells none."""
    suffixes = [suffix for suffix in (suffix.lstrip(".").lower() for suffix in path.suffixes) if suffix not in COMPRESSIONS]
    name = _SYNONYMS.get(suffixes[-1], suffixes[-1]) if suffixes else ""
    return name if name in READERS.names() and name != "folder" else ""


def _by_content(path: Path, name: str, encoding: str) -> str:
    """Return what a file holds; what its name says, when nothing speaks against it."""
    if not name and _begins_with(path, _PARQUET):
        return "parquet"
    head, is_whole = read_head(path, encoding, characters=_HEAD_CHARACTERS)
    lines = [line for line in head.split("\n")[: None if is_whole else -1] if line.strip()]
    first = head.lstrip()[:1]
    if name != "txt" and first in ("[", "{"):
        return _json_format(head.lstrip(), lines, name)
    if name in ("json", "jsonl"):
        return name
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


def _json_format(head: str, lines: Sequence[str], name: str) -> str:
    """Tell JSON Lines, arrays, SQuAD's nested objects and lists of turns apart.

    Args:
        head: The beginning of the file, without spaces before it.
        lines: Its whole lines, without empty ones.
        name: What the file's name says.
    """
    if head.startswith("["):
        return "dialogue" if _is_dialogue(_first_value(head[1:])) else "json"
    rows = [_first_value(line) for line in lines[:2]]
    is_first_line_cut = not lines
    if len(rows) == 2 and all(isinstance(row, dict) for row in rows):
        is_lines = True
    elif is_first_line_cut or (len(lines) == 1 and isinstance(rows[0], dict)):
        is_lines = name == "jsonl" or not _AROUND_ROWS.match(head)
    else:
        is_lines = name == "jsonl" and not _AROUND_ROWS.match(head)
    if is_lines:
        return "dialogue" if rows and _is_dialogue(rows[0]) else "jsonl"
    return "squad" if _NESTED.search(head) else "json"


def _is_dialogue(row: Any) -> bool:
    """Say whether an object is a dialogue as a list of turns: it has one, no response, and not both a text and a label."""
    if not isinstance(row, dict) or turns_key(row) is None or "response" in row:
        return False
    return not (row.keys() & TEXT_NAMES and row.keys() & LABEL_NAMES)


def _first_value(text: str) -> Any:
    """Return the JSON value at the beginning of a text; None when it is none, or is cut off."""
    try:
        return json.JSONDecoder().raw_decode(text.lstrip())[0]
    except (ValueError, RecursionError):
        return None


def _is_conll(lines: Sequence[str]) -> bool:
    """Say whether every line is a word with a tag, some of them outside of names."""
    words = [line.rstrip() for line in lines if not line.startswith(("#", "-DOCSTART-"))]
    return all(_TAGGED.fullmatch(word) for word in words) and any(word.endswith((" O", "\tO")) for word in words)
