"""Public data sets on disk: fetched, verified, and laid out so that our readers read them."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any  # Any: JSON documents

from slmcli import __version__
from slmcli.downloads import fetch
from slmcli.errors import DownloadError, OutputError
from slmcli.files import check_replaceable, explain_write_errors, new_directory, read_json, sha256_file, sha256_json, write_json
from slmcli.public_sets import PublicSet, PublishedFile, preprocess_command
from slmcli.unpacking import lines_to_json, unpack

logger = logging.getLogger(__name__)

FORMAT_VERSION = 1
MARKER = "source.json"


def get_public_set(record: PublicSet, out: Path, *, cache: Path, source: str | None = None, overwrite: bool = False) -> dict[str, Any]:
    """Make `out` hold the files of a public data set and return the summary that `--json` prints.

    Args:
        record: The entry of the table.
        out: The directory.
        cache: Where published files are kept, each at `data/SET/FILE`; one put there by hand is used, once its hash is right.
        source: Directory, or address of one, that holds the published files, instead of the addresses of the table.
        overwrite: Replace a data set that stands at `out`.

    Raises:
        DataError: A file is another one than was published.
        DownloadError: A file cannot be fetched.
        OutputError: Something else stands at `out`, or a place cannot be written.
    """
    if not overwrite and _is_up_to_date(record, out):
        return _summary(record, out, up_to_date=True)
    check_replaceable(out, marker=MARKER, overwrite=overwrite)
    places = _fetch_all(record, cache.expanduser() / "data" / record.name, source)
    with new_directory(out, marker=MARKER, overwrite=overwrite) as part:
        for file, place in zip(record.files, places, strict=True):
            logger.info("Unpacking %s", place)
            _lay_out(file, place, part)
        write_json(part / MARKER, _describe(record, part))
    return _summary(record, out, up_to_date=False)


def _fetch_all(record: PublicSet, directory: Path, source: str | None) -> list[Path]:
    places = [directory / file.name for file in record.files]
    for file, place in zip(record.files, places, strict=True):
        try:
            fetch(file.url, place, sha256=file.sha256, source=source)
        except DownloadError as error:
            missing = [(one, where) for one, where in zip(record.files, places, strict=True) if not where.exists()]
            raise DownloadError(f"{record.name}: {error} {_by_hand(missing)}") from error
    return places


def _by_hand(missing: Sequence[tuple[PublishedFile, Path]]) -> str:
    """Say where each missing file can be put by hand."""
    lines = [f"  {file.url}\n    to {place}\n    SHA-256 {file.sha256}" for file, place in missing]
    return "\n".join(
        [
            "Try again when the network is there, pass --from with a directory or address that holds the same files, or put by hand",
            *lines,
            "and run the same command again: it then needs no network.",
        ]
    )


def _lay_out(file: PublishedFile, place: Path, out: Path) -> None:
    if file.archive:
        unpack(place, file.archive, file.take, out)
        return
    target = out / file.outputs[0]
    if file.lines:
        lines_to_json(place, target, pattern=file.lines.pattern, encoding=file.lines.encoding)
        return
    with explain_write_errors(out):
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place, target)


def _describe(record: PublicSet, directory: Path) -> dict[str, Any]:
    facts = record.model_dump(include={"name", "title", "note", "task", "language", "home_page", "licence", "splits", "settings"})
    return {
        "format_version": FORMAT_VERSION,
        "slmcli": __version__,
        **facts,
        "fingerprint": record.fingerprint,
        "sources": [file.model_dump(include={"url", "bytes", "sha256"}) for file in record.files],
        "files": _hashes(record, directory),
    }


def _hashes(record: PublicSet, directory: Path) -> dict[str, str]:
    """Return the hash of every file; of a folder that of the names and hashes in it."""
    return {output: _hash(directory / output) for file in record.files for output in file.outputs}


def _hash(path: Path) -> str:
    if path.is_dir():
        return sha256_json([[file.name, sha256_file(file)] for file in sorted(path.iterdir()) if file.is_file()])
    return sha256_file(path) if path.is_file() else "missing"


def _is_up_to_date(record: PublicSet, out: Path) -> bool:
    """Say whether `out` holds this data set, whole; what was changed since is refused."""
    if not (out / MARKER).is_file():
        return False
    described = read_json(out / MARKER, format_version=FORMAT_VERSION)
    if (described.get("name"), described.get("fingerprint")) != (record.name, record.fingerprint):
        return False
    changed = [name for name, found in _hashes(record, out).items() if described["files"].get(name) != found]
    if changed:
        raise OutputError(f"{out / changed[0]} was changed since it was fetched. Pass --overwrite to make {out} again, or choose another --out.")
    return True


def _summary(record: PublicSet, out: Path, *, up_to_date: bool) -> dict[str, Any]:
    return {
        "data": str(out),
        "name": record.name,
        "task": record.task,
        "home_page": record.home_page,
        "licence": record.licence,
        "files": {split: [str(out / name) for name in names] for split, names in record.splits.items()},
        "command": preprocess_command(record, out),
        "up_to_date": up_to_date,
    }
