"""Fetch a published file once: from its address, a mirror, or where it was put by hand; its hash decides."""

import contextlib
import logging
import os
import socket
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

from slmcli.errors import DataError, DownloadError, SlmError
from slmcli.files import explain_write_errors, part_directory, sha256_file
from slmcli.runtime import start_tensorflow

logger = logging.getLogger(__name__)

# our choice: seconds without a single byte after which a server is taken for gone
_TIMEOUT_SECONDS = 60.0


def fetch(url: str, place: Path, *, sha256: str, source: str | None = None) -> Path:
    """Return `place` once it holds the file that is published at `url`.

    Args:
        url: The address of the file.
        place: Where the file is kept; one that stands there with the right hash is not fetched again.
        sha256: The hash that its bytes must have.
        source: Directory, or address of one, to take the file from instead, under the name of `place`.

    Raises:
        DataError: The file is another one than was published.
        DownloadError: It cannot be fetched.
        OutputError: `place` cannot be written.
    """
    if place.exists():
        _check_hash(place, sha256, f"Remove {place} and run the command again, or put the right file there.")
        return place
    address = _address(place.name, url, source)
    with part_directory(place, option="--cache") as part:
        logger.info("Fetching %s", address)
        file = _download(address, part / place.name, sha256, place)
        with explain_write_errors(place, option="--cache"):
            file.replace(place)
    return place


def _address(name: str, url: str, source: str | None) -> str:
    if source is None:
        return url
    if source.lower().startswith(("http://", "https://", "ftp://", "file://")):
        return f"{source.rstrip('/')}/{urllib.parse.quote(name)}"
    return (Path(source).expanduser().resolve() / name).as_uri()


def _download(address: str, file: Path, sha256: str, place: Path) -> Path:
    start_tensorflow()
    import keras

    try:
        with explain_write_errors(place, option="--cache"), _patience(), _progress_on_standard_error():
            keras.utils.get_file(
                file.name, address, file_hash=sha256, hash_algorithm="sha256", cache_dir=str(file.parent), cache_subdir="", force_download=True
            )
    except SlmError:
        raise
    except Exception as error:  # Keras raises a bare Exception for whatever the network does, and a ValueError for a wrong hash
        if isinstance(error, ValueError) and file.exists():
            _check_hash(file, sha256, f"It was not kept. Try again, or put the right file at {place} by hand.", name=address)
        reason = str(error).removeprefix(f"URL fetch failure on {address}: ").removeprefix("None -- ")
        raise DownloadError(f"{address} cannot be fetched ({reason}).") from error
    return file


def _check_hash(file: Path, sha256: str, repair: str, *, name: str | None = None) -> None:
    found = sha256_file(file)
    if found != sha256:
        raise DataError(f"{name or file} is not the file that was published: its SHA-256 is {found}, not {sha256}. {repair}")


@contextlib.contextmanager
def _patience() -> Iterator[None]:
    """Give up on a server that sends nothing, instead of waiting for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_TIMEOUT_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _progress_on_standard_error() -> Iterator[None]:
    """Show Keras's progress bar where a person watches; keep standard output for results."""
    import keras

    was_enabled = keras.utils.is_interactive_logging_enabled()
    if os.isatty(2) and logger.isEnabledFor(logging.INFO):
        keras.utils.enable_interactive_logging()
    else:
        keras.utils.disable_interactive_logging()
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        (keras.utils.enable_interactive_logging if was_enabled else keras.utils.disable_interactive_logging)()
