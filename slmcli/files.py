"""Files that appear complete or not at all: atomic writes, hashes, directories built aside and renamed."""

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO  # Any: JSON documents

from slmcli import __version__
from slmcli.errors import DataError, FormatVersionError, OutputError

_BLOCK_BYTES = 1 << 20


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def sha256_json(document: Any) -> str:
    """Return the SHA-256 of a JSON document, independent of the order of its keys."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def write_bytes(path: Path, content: bytes, *, option: str = "--out") -> None:
    """Write a file so that a reader sees the old content or the new one, never a part; `option` is what chose its place."""
    with new_file(path, option=option) as file:
        file.write(content)


@contextlib.contextmanager
def new_file(path: Path, *, option: str = "--out") -> Iterator[BinaryIO]:
    """Yield a file to write, which takes the place of `path` at the end of the block, and is gone when the block fails.

    Of two processes that write the same file, each writes its own whole, and the one that ends last has the name.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with explain_write_errors(path, option=option):
        _remove_abandoned_parts(path)
        try:
            with part.open("wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def write_text(path: Path, content: str, *, option: str = "--out") -> None:
    """Write UTF-8 text atomically; half a surrogate pair, as in a file's name that is no UTF-8, becomes its escape, which JSON reads back."""
    write_bytes(path, content.encode("utf-8", "backslashreplace"), option=option)


def write_json(path: Path, document: Any) -> None:
    """Write an indented JSON document atomically."""
    write_text(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path, *, format_version: int | None = None) -> Any:
    """Read a JSON document.

    Args:
        path: The file.
        format_version: The newest `format_version` this release understands, for files that carry one.

    Raises:
        DataError: The file is missing or is not JSON.
        FormatVersionError: The file's format is newer.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing. The directory is incomplete; make it again.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not valid JSON ({error}). The file is damaged; make it again.") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Check the path and its permissions.") from error
    if format_version is not None:
        check_format_version(path, document, format_version)
    return document


def check_format_version(path: Path, document: Any, newest: int) -> None:
    """Refuse a document whose format is newer than `newest`."""
    found = document.get("format_version") if isinstance(document, dict) else None
    if not isinstance(found, int):
        raise DataError(f"{path} has no format_version. It was not written by slm, or was edited; make it again.")
    if found > newest:
        raise FormatVersionError(
            f"{path} has format_version {found}; slm {__version__} reads up to {newest}. Install a newer slmcli, or make it again."
        )


@contextlib.contextmanager
def explain_write_errors(path: Path, *, option: str = "--out") -> Iterator[None]:
    """Turn the operating system's refusal to write into an error that names the repair, and the option that chooses another place."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OutputError(f"{path}: no space left on the device. Free some space, or choose another {option}.") from error
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            raise OutputError(f"{path} cannot be written ({error.strerror}). Choose another {option}, or change the permissions.") from error
        if isinstance(error, (NotADirectoryError, FileExistsError)):
            raise OutputError(f"{path}: a file stands where a directory is needed. Choose another {option}.") from error
        if isinstance(error, IsADirectoryError):
            raise OutputError(f"{path} is a directory; a file was to be written. Choose another {option}.") from error
        if isinstance(error, FileNotFoundError) and error.filename is not None and Path(os.fsdecode(error.filename)).parent == path.parent:
            raise OutputError(f"{path}: the directory {path.parent} does not exist. Make it, or choose another {option}.") from error
        raise


@contextlib.contextmanager
def new_directory(path: Path, *, marker: str, overwrite: bool = False) -> Iterator[Path]:
    """Yield a directory to fill; on success it takes the name `path`, on failure nothing is left.

    Args:
        path: The final name.
        marker: The file that shows a directory to be of our making; nothing else is ever replaced.
        overwrite: Replace an existing directory, at the last moment.

    Raises:
        OutputError: `path` exists and may not be replaced, or the place cannot be written.
    """
    check_replaceable(path, marker=marker, overwrite=overwrite)
    with part_directory(path) as part, explain_write_errors(path):
        yield part
        _replace_directory(part, path.resolve())


@contextlib.contextmanager
def part_directory(path: Path, *, option: str = "--out") -> Iterator[Path]:
    """Yield an empty directory beside `path` to work in; it goes at the end, and so do those of processes that no longer live."""
    target = path.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    with explain_write_errors(path, option=option):
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_abandoned_parts(target)
        part.mkdir()
    try:
        yield part
    finally:
        shutil.rmtree(part, ignore_errors=True)


def check_replaceable(path: Path, *, marker: str, overwrite: bool) -> None:
    """Refuse to write where something stands that is not ours, or that was not to be replaced."""
    if Path.cwd().is_relative_to(path.resolve()):
        raise OutputError(f"{path} is the current directory or holds it, and cannot be written as a whole. Choose another --out.")
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if not (path / marker).is_file():
        raise OutputError(f"{path} exists and is not slm's to replace: it has no {marker}. Choose another --out.")
    if not overwrite:
        raise OutputError(f"{path} exists already. Choose another --out, or pass --overwrite to replace it.")


def check_replaceable_file(path: Path, *, overwrite: bool, inputs: Sequence[str], option: str = "--out") -> None:
    """Refuse to write a file where none can be, over one of the inputs or into one, over what is no plain file, or unasked over anything.

    Args:
        path: The file.
        overwrite: Whether one that stands there may be replaced.
        inputs: Files and folders that are read.
        option: The option that names the file.
    """
    if any(_is_in(path.resolve(), Path(name).resolve()) for name in inputs):
        raise OutputError(f"{path} is one of the inputs, or in a folder of them, and is not written. Choose another {option}.")
    if not path.exists():
        _check_place(path, option)
        return
    if not path.is_file():
        raise OutputError(f"{path} is no plain file, and is not replaced. Choose another {option}.")
    if not overwrite:
        raise OutputError(f"{path} exists already. Choose another {option}, or pass --overwrite to replace it.")


def check_directory(path: Path, *, option: str = "--out") -> None:
    """Refuse a directory in which no file can be written, or that cannot be made, before work is done for one."""
    place = next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())
    if not place.is_dir():
        raise OutputError(f"{path}: a file stands where a directory is needed. Choose another {option}.")
    if not os.access(place, os.W_OK):
        raise OutputError(f"{path} cannot be written (Permission denied). Choose another {option}, or change the permissions.")


def _is_in(path: Path, place: Path) -> bool:
    return path == place or (place.is_dir() and path.is_relative_to(place))


def _check_place(path: Path, option: str) -> None:
    """Refuse a file in a directory that does not exist or may not be written."""
    if not path.parent.exists():
        raise OutputError(f"{path}: the directory {path.parent} does not exist. Make it, or choose another {option}.")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: a file stands where a directory is needed. Choose another {option}.")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path} cannot be written (Permission denied). Choose another {option}, or change the permissions.")


def _replace_directory(part: Path, path: Path) -> None:
    if not path.exists():
        part.rename(path)
        return
    old = path.with_name(f".{path.name}.{os.getpid()}.part-old")
    path.rename(old)
    part.rename(path)
    shutil.rmtree(old)


def _remove_abandoned_parts(path: Path) -> None:
    """Remove what processes that no longer live left behind; put back what one of them had moved aside."""
    for part in path.parent.glob(f".{glob.escape(path.name)}.*.part*"):
        owner, _, suffix = part.name.removeprefix(f".{path.name}.").partition(".")
        if not owner.isdigit() or (int(owner) != os.getpid() and _is_alive(int(owner))):
            continue
        if suffix == "part-old" and not path.exists():
            part.rename(path)
        elif suffix in ("part", "part-old"):
            _remove(part)


def _remove(part: Path) -> None:
    """Remove a file or a directory, unless that is not allowed: it may be another user's."""
    if part.is_dir() and not part.is_symlink():
        shutil.rmtree(part, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        part.unlink(missing_ok=True)


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
