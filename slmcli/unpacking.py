"""Take files out of archives and text out of lines, each to a name that the caller chose."""

import json
import posixpath
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from slmcli.errors import DataError
from slmcli.files import explain_write_errors

_NAMES_SHOWN = 8
_DAMAGES = (tarfile.TarError, zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError)


def unpack(archive: Path, kind: str, take: Mapping[str, str], out: Path) -> None:
    """Write members of an archive into a directory.

    An archive's own paths are only compared, never written to; what is not asked for, links and hidden files of a folder are passed over.

    Args:
        archive: A tar archive, compressed or not, or a zip archive.
        kind: `tar` or `zip`.
        take: Member to its path below `out`; a member that ends in `/` is a folder, whose files, not its sub-folders, are taken.
        out: The directory.

    Raises:
        DataError: The archive is damaged, or a member is missing.
    """
    files = {_normal(member): name for member, name in take.items() if not member.endswith("/")}
    folders = {_normal(member): name for member, name in take.items() if member.endswith("/")}
    seen: list[str] = []
    found: set[str] = set()
    with _explain_damage(archive):
        for name, open_member in _tar_members(archive) if kind == "tar" else _zip_members(archive):
            seen.append(name)
            folder, base = posixpath.split(name)
            if name in files:
                found.add(name)
                _write(open_member, out / files[name])
            elif folder in folders and not base.startswith("."):
                found.add(folder)
                _write(open_member, out / folders[folder] / base)
    missing = sorted({*files, *folders} - found)
    if missing:
        raise DataError(f"{archive} has no {', '.join(missing)}; it holds {_shown(seen)}. Correct the entry of the data set.")


def lines_to_json(file: Path, out: Path, *, pattern: str, encoding: str) -> None:
    """Write every line of a text file as a JSON object of the pattern's named groups.

    Raises:
        DataError: A line does not match the pattern, or is not text in this encoding.
    """
    expression = re.compile(pattern)
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with file.open(encoding=encoding) as lines, out.open("w", encoding="utf-8") as written:
            for number, line in enumerate(lines, 1):
                match = expression.fullmatch(line.removeprefix("\ufeff" if number == 1 else "").rstrip("\n"))
                if match is None:
                    raise DataError(f"{file}:{number}: {line.strip()[:60]!r} does not match {pattern!r}. Correct the entry of the data set.")
                written.write(json.dumps(match.groupdict(), ensure_ascii=False) + "\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not {encoding} text ({error}). Correct the entry of the data set.") from error


def _tar_members(archive: Path) -> Iterator[tuple[str, Callable[[], IO[bytes] | None]]]:
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isreg():
                yield _normal(member.name), lambda member=member: tar.extractfile(member)  # type: ignore[misc]


def _zip_members(archive: Path) -> Iterator[tuple[str, Callable[[], IO[bytes] | None]]]:
    with zipfile.ZipFile(archive) as zipped:
        for member in zipped.infolist():
            if not member.is_dir() and not stat.S_ISLNK(member.external_attr >> 16):
                yield _normal(member.filename), lambda member=member: zipped.open(member)  # type: ignore[misc]


def _write(open_member: Callable[[], IO[bytes] | None], target: Path) -> None:
    source = open_member()
    if source is None:
        raise tarfile.TarError(f"{target.name} has no content")
    with source, explain_write_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(source, file)


def _normal(name: str) -> str:
    """Return one spelling for `./a/b`, `a//b` and `a/b/`; a path that leads outside keeps its leading dots and matches nothing."""
    return posixpath.normpath(name)


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
    return (", ".join(names[:_NAMES_SHOWN]) or "no files") + more


@contextmanager
def _explain_damage(archive: Path) -> Iterator[None]:
    try:
        yield
    except _DAMAGES as error:
        raise DataError(f"{archive} cannot be unpacked ({error}). Remove it, and fetch it again.") from error
