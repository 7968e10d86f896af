"""A file is fetched once, from where it is said to be, and its hash decides."""

import hashlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slmcli.downloads import fetch
from slmcli.errors import DataError, DownloadError, OutputError

CONTENT = b"text,label\nfine,good\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
URL = "https://example.invalid/data/train.csv"


STALLED, GO_ON = threading.Event(), threading.Event()


class Server(BaseHTTPRequestHandler):
    """Serves /train.csv; breaks off in the middle of /half, stops in the middle of /stall; everything else is missing."""

    def do_GET(self) -> None:
        found = self.path == "/train.csv" or self.path.startswith(("/half/", "/stall/"))
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(CONTENT) if found else 0))
        self.end_headers()
        self.wfile.write(CONTENT if self.path == "/train.csv" else CONTENT[:10] if found else b"")
        self.wfile.flush()
        if self.path.startswith("/stall/"):
            STALLED.set()
            GO_ON.wait(60)

    def log_message(self, format: str, *args: object) -> None:
        """Be silent."""


@pytest.fixture
def address() -> Iterator[str]:
    """The address of a server on this machine."""
    STALLED.clear()
    GO_ON.clear()  # else what stalls goes on at once, since an earlier test has ended
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    GO_ON.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A directory that holds the file."""
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "train.csv").write_bytes(CONTENT)
    return tmp_path / "mirror"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the file is kept."""
    return tmp_path / "cache" / "data" / "tiny" / "train.csv"


def names_beside(place: Path) -> list[str]:
    return sorted(entry.name for entry in place.parent.iterdir())


def test_a_file_comes_from_a_directory(mirror: Path, place: Path) -> None:
    assert fetch(URL, place, sha256=SHA256, source=str(mirror)).read_bytes() == CONTENT
    assert names_beside(place) == ["train.csv"]


def test_a_file_comes_from_a_file_address(mirror: Path, place: Path) -> None:
    assert fetch(URL, place, sha256=SHA256, source=mirror.as_uri() + "/").read_bytes() == CONTENT


def test_a_file_comes_from_another_server(address: str, place: Path) -> None:
    assert fetch(URL, place, sha256=SHA256, source=address).read_bytes() == CONTENT


def test_a_file_comes_from_its_own_address(address: str, place: Path) -> None:
    assert fetch(f"{address}/train.csv", place, sha256=SHA256).read_bytes() == CONTENT


def test_nothing_reaches_standard_output(mirror: Path, place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    fetch(URL, place, sha256=SHA256, source=str(mirror))
    assert capfd.readouterr().out == ""


def test_a_file_that_is_there_is_not_fetched_again(place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    assert fetch(URL, place, sha256=SHA256, source="/nowhere") == place


def test_a_wrong_file_put_by_hand_is_named_with_both_hashes_and_left_alone(mirror: Path, place: Path) -> None:
    place.parent.mkdir(parents=True)
    place.write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(DataError, match=rf"{place} is not the file that was published: its SHA-256 is {found}, not {SHA256}. Remove {place}"):
        fetch(URL, place, sha256=SHA256, source=str(mirror))
    assert place.read_bytes() == b"other"


def test_a_wrong_file_that_was_fetched_is_named_with_both_hashes_and_not_kept(mirror: Path, place: Path) -> None:
    (mirror / "train.csv").write_bytes(b"other")
    found = hashlib.sha256(b"other").hexdigest()
    with pytest.raises(
        DataError, match=rf"mirror/train.csv is not the file .* SHA-256 is {found}, not {SHA256}. It was not kept. .* at {place} by hand"
    ):
        fetch(URL, place, sha256=SHA256, source=str(mirror))
    assert names_beside(place) == []


@pytest.mark.parametrize(
    ("path", "reason"), [("/nothing", "404 -- Not Found"), ("/half", "got only 10 out of 21 bytes")], ids=["missing", "broken off"]
)
def test_a_server_that_fails_is_named_and_leaves_nothing(path: str, reason: str, address: str, place: Path) -> None:
    with pytest.raises(DownloadError, match=rf"{address}{path}/train.csv cannot be fetched \(.*{reason}"):
        fetch(URL, place, sha256=SHA256, source=address + path)
    assert names_beside(place) == []


def test_a_server_that_does_not_answer_is_named(place: Path) -> None:
    with pytest.raises(DownloadError, match=r"http://127.0.0.1:1/train.csv cannot be fetched \(.*Connection refused"):
        fetch(URL, place, sha256=SHA256, source="http://127.0.0.1:1")


def test_an_address_that_is_none_is_named(place: Path) -> None:
    with pytest.raises(DownloadError, match=r"http://\[/train.csv cannot be fetched"):
        fetch(URL, place, sha256=SHA256, source="http://[")


def test_a_directory_without_the_file_is_named(tmp_path: Path, place: Path) -> None:
    with pytest.raises(DownloadError, match=rf"file://{tmp_path}/train.csv cannot be fetched \(.*No such file"):
        fetch(URL, place, sha256=SHA256, source=str(tmp_path))


def test_a_file_in_the_place_of_the_cache_is_named(mirror: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(OutputError, match=r"cache/train.csv: a file stands where a directory is needed. Choose another --cache"):
        fetch(URL, tmp_path / "cache" / "train.csv", sha256=SHA256, source=str(mirror))


def test_what_a_killed_process_left_is_removed(mirror: Path, place: Path) -> None:
    left = place.parent / f".train.csv.{2**22 + 1}.part"  # no process has so high a number
    left.mkdir(parents=True)
    fetch(URL, place, sha256=SHA256, source=str(mirror))
    assert names_beside(place) == ["train.csv"]


def test_a_download_that_is_terminated_leaves_nothing(address: str, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "slmcli", "data", "get", "trec", "--from", f"{address}/stall", "--cache", str(tmp_path / "cache")]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert STALLED.wait(60)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said.splitlines()[-1:]) == (143, ["Error: terminated"])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
