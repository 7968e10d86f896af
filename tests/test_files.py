"""Files appear complete or not at all, and what stands in the way is explained."""

import errno
import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slmcli.errors import DataError, FormatVersionError, OutputError
from slmcli.files import (
    explain_write_errors,
    new_directory,
    new_file,
    read_json,
    sha256_file,
    sha256_json,
    write_bytes,
    write_json,
    write_text,
)

MARKER = "made.json"


def make(path: Path, content: str = "new", *, overwrite: bool = False) -> None:
    """Write a marked directory with one file."""
    with new_directory(path, marker=MARKER, overwrite=overwrite) as part:
        (part / MARKER).write_text("{}")
        (part / "content.txt").write_text(content)


def fail_to_make(path: Path, error: BaseException, *, overwrite: bool = False) -> None:
    """Write half a marked directory, then raise."""
    with new_directory(path, marker=MARKER, overwrite=overwrite) as part:
        (part / "content.txt").write_text("half")
        raise error


def names(folder: Path) -> list[str]:
    """Return the names of all entries, hidden ones too."""
    return sorted(entry.name for entry in folder.iterdir())


@pytest.fixture
def dead_process() -> int:
    """The id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_sha256_file_is_the_published_hash_of_abc(tmp_path: Path) -> None:
    # FIPS 180-4, example of the one-block message "abc"
    path = tmp_path / "abc.bin"
    path.write_bytes(b"abc")
    assert sha256_file(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_sha256_file_covers_bytes_behind_the_first_block(tmp_path: Path) -> None:
    content = b"\0" * (1 << 20) + b"the end"
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    assert sha256_file(path) == hashlib.sha256(content).hexdigest()


def test_sha256_json_does_not_depend_on_the_order_of_keys() -> None:
    assert sha256_json({"a": 1, "b": {"c": 2, "d": 3}}) == sha256_json({"b": {"d": 3, "c": 2}, "a": 1})


@pytest.mark.parametrize(
    ("one", "other"),
    [({"a": 1}, {"a": 2}), ({"a": 1}, {"b": 1}), ([1, 2], [2, 1]), ("é", "e")],
    ids=["value", "key", "order of a list", "accent"],
)
def test_sha256_json_tells_documents_apart(one: Any, other: Any) -> None:
    assert sha256_json(one) != sha256_json(other)


def test_write_bytes_replaces_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "numbers.bin"
    write_bytes(path, b"old and long")
    write_bytes(path, b"new")
    assert path.read_bytes() == b"new"


def test_write_bytes_leaves_only_the_file(tmp_path: Path) -> None:
    write_bytes(tmp_path / "numbers.bin", b"1")
    assert names(tmp_path) == ["numbers.bin"]


def test_write_text_writes_utf_8(tmp_path: Path) -> None:
    write_text(tmp_path / "note.txt", "Grüße, 朋友\n")
    assert (tmp_path / "note.txt").read_bytes() == "Grüße, 朋友\n".encode()


def test_write_text_over_a_directory_is_refused_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    with pytest.raises(OutputError, match=re.escape(str(tmp_path / "reports"))):
        write_text(tmp_path / "reports", "x")


def test_write_text_in_a_missing_folder_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=re.escape(str(tmp_path / "absent"))):
        write_text(tmp_path / "absent" / "report.json", "x")


def test_a_write_that_fails_leaves_no_part(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    with pytest.raises((OutputError, OSError)):
        write_text(tmp_path / "reports", "x")
    assert names(tmp_path) == ["reports"]


def test_read_json_returns_what_write_json_wrote(tmp_path: Path) -> None:
    document = {"format_version": 1, "labels": ["gut", "很好"], "share": 0.25, "none": None}
    write_json(tmp_path / "made.json", document)
    assert read_json(tmp_path / "made.json", format_version=1) == document


def test_write_json_keeps_letters_readable(tmp_path: Path) -> None:
    write_json(tmp_path / "made.json", {"label": "很好"})
    assert (tmp_path / "made.json").read_text(encoding="utf-8") == '{\n  "label": "很好"\n}\n'


def test_read_json_names_a_missing_file(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    with pytest.raises(DataError, match=re.escape(f"{path} is missing. The directory is incomplete")):
        read_json(path)


@pytest.mark.parametrize("content", [b"", b'{"labels": [', b"\xff\xfe{}", b"labels: a"], ids=["empty", "cut short", "not UTF-8", "not JSON"])
def test_read_json_names_a_damaged_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "made.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{path} is not valid JSON")):
        read_json(path)


def test_read_json_names_a_path_that_leads_through_a_file(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_text("text,label\n")
    path = tmp_path / "corpus.csv" / "made.json"
    with pytest.raises(DataError, match=re.escape(str(path))):
        read_json(path)


def test_read_json_refuses_a_newer_format_and_says_which_it_reads(tmp_path: Path) -> None:
    path = tmp_path / "made.json"
    write_json(path, {"format_version": 7})
    with pytest.raises(FormatVersionError, match=re.escape(f"{path} has format_version 7; slm ") + r"\S+ reads up to 2\. Install a newer slmcli"):
        read_json(path, format_version=2)


@pytest.mark.parametrize("found", [1, 2], ids=["older", "same"])
def test_read_json_accepts_a_format_it_knows(tmp_path: Path, found: int) -> None:
    write_json(tmp_path / "made.json", {"format_version": found})
    assert read_json(tmp_path / "made.json", format_version=2) == {"format_version": found}


@pytest.mark.parametrize("document", [{}, [1], {"format_version": "1"}, None], ids=["no key", "list", "text", "null"])
def test_read_json_refuses_a_document_without_a_format_version(tmp_path: Path, document: Any) -> None:
    path = tmp_path / "made.json"
    write_json(path, document)
    with pytest.raises(DataError, match=re.escape(f"{path} has no format_version")):
        read_json(path, format_version=1)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "runs/a: no space left on the device"),
        (errno.EDQUOT, "runs/a: no space left on the device"),
        (errno.EACCES, "runs/a cannot be written (Permission denied)"),
        (errno.EROFS, "runs/a cannot be written (Read-only file system)"),
        (errno.ENOTDIR, "runs/a: a file stands where a directory is needed"),
        (errno.EEXIST, "runs/a: a file stands where a directory is needed"),
    ],
    ids=["full disk", "quota", "permission", "read-only", "file in the path", "file at the end"],
)
def test_a_refusal_to_write_names_the_path_and_the_repair(code: int, message: str) -> None:
    with pytest.raises(OutputError, match=re.escape(message) + ".*[Cc]hoose another --out"), explain_write_errors(Path("runs/a")):
        raise OSError(code, os.strerror(code))


def test_an_error_of_the_disk_itself_is_not_renamed() -> None:
    with pytest.raises(OSError, match="Input/output error"), explain_write_errors(Path("runs/a")):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_new_directory_takes_its_name_when_it_is_complete(tmp_path: Path) -> None:
    make(tmp_path / "out", "fresh")
    assert (tmp_path / "out" / "content.txt").read_text() == "fresh"
    assert names(tmp_path) == ["out"]


def test_a_new_directory_is_not_there_while_it_is_filled(tmp_path: Path) -> None:
    with new_directory(tmp_path / "out", marker=MARKER):
        assert not (tmp_path / "out").exists()


def test_the_folders_above_a_new_directory_are_made(tmp_path: Path) -> None:
    make(tmp_path / "a" / "b" / "out")
    assert (tmp_path / "a" / "b" / "out" / MARKER).is_file()


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), OSError(errno.ENOSPC, "full")], ids=["error", "interrupt", "full disk"])
def test_a_new_directory_that_fails_leaves_nothing(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises((ValueError, KeyboardInterrupt, OutputError)):
        fail_to_make(tmp_path / "out", error)
    assert names(tmp_path) == []


def test_an_overwrite_that_fails_leaves_the_old_directory(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(ValueError, match="no"):
        fail_to_make(tmp_path / "out", ValueError("no"), overwrite=True)
    assert (tmp_path / "out" / "content.txt").read_text() == "old"
    assert names(tmp_path) == ["out"]


def test_an_existing_directory_is_refused_without_overwrite(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    with pytest.raises(OutputError, match=re.escape(f"{tmp_path / 'out'} exists already. Choose another --out, or pass --overwrite")):
        make(tmp_path / "out")


def test_overwrite_replaces_the_whole_directory(tmp_path: Path) -> None:
    make(tmp_path / "out", "old")
    (tmp_path / "out" / "extra.txt").write_text("x")
    make(tmp_path / "out", "new", overwrite=True)
    assert names(tmp_path / "out") == ["content.txt", MARKER]
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("overwrite", [False, True], ids=["plain", "overwrite"])
def test_a_directory_that_is_not_ours_is_never_replaced(tmp_path: Path, overwrite: bool) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=re.escape(f"{tmp_path / 'out'} exists and is not slm's to replace: it has no {MARKER}")):
        make(tmp_path / "out", overwrite=overwrite)
    assert names(tmp_path / "out") == ["thesis.txt"]


def test_a_file_is_never_replaced_by_a_directory(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=re.escape(f"{tmp_path / 'out'} exists and is not slm's to replace")):
        make(tmp_path / "out", overwrite=True)


def test_a_directory_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(OutputError, match=re.escape(f"{tmp_path / 'file' / 'out'}: a file stands where a directory is needed")):
        make(tmp_path / "file" / "out")


def test_an_empty_directory_is_filled_without_overwrite(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    make(tmp_path / "out")
    assert (tmp_path / "out" / MARKER).is_file()


def test_overwrite_through_a_link_leaves_nothing_beside_it(tmp_path: Path) -> None:
    make(tmp_path / "real", "old")
    (tmp_path / "out").symlink_to("real")
    make(tmp_path / "out", "new", overwrite=True)
    assert (tmp_path / "out" / "content.txt").read_text() == "new"
    assert names(tmp_path) == ["out", "real"]


def test_the_current_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # it cannot be renamed under the feet of the shell that stands in it
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OutputError, match="Choose another --out"):
        make(Path())


def test_parts_of_ended_processes_are_removed(tmp_path: Path, dead_process: int) -> None:
    (tmp_path / f".out.{dead_process}.part").mkdir()
    make(tmp_path / "out")
    assert names(tmp_path) == ["out"]


def test_parts_of_ended_processes_are_removed_for_any_name(tmp_path: Path, dead_process: int) -> None:
    (tmp_path / f".out[1].{dead_process}.part").mkdir()
    make(tmp_path / "out[1]")
    assert names(tmp_path) == ["out[1]"]


@pytest.mark.parametrize("name", [f".out.{os.getppid()}.part", ".other.1.part", ".out.draft.part"], ids=["living process", "other output", "no id"])
def test_other_parts_are_left_alone(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    make(tmp_path / "out")
    assert names(tmp_path) == sorted([name, "out"])


def test_a_part_left_by_an_earlier_process_with_our_id_is_replaced(tmp_path: Path) -> None:
    # in a container, every run has the same process id
    (tmp_path / f".out.{os.getpid()}.part").mkdir()
    make(tmp_path / "out")
    assert names(tmp_path) == ["out"]


def test_a_file_whose_writing_fails_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("old", encoding="utf-8")
    with pytest.raises(RuntimeError, match="half way"), new_file(tmp_path / "some.txt") as file:
        file.write(b"new")
        raise RuntimeError("half way")
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [("some.txt", "old")]


WRITES = "import sys; from pathlib import Path; from slmcli.files import write_text; write_text(Path(sys.argv[1]), 'theirs')"


def test_of_two_processes_that_write_a_file_each_writes_its_own_whole(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    with new_file(path) as file:
        file.write(b"ou")
        subprocess.run([sys.executable, "-c", WRITES, str(path)], check=True)
        assert path.read_text(encoding="utf-8") == "theirs"
        file.write(b"rs")
    assert [(each.name, each.read_text(encoding="utf-8")) for each in tmp_path.iterdir()] == [("some.txt", "ours")]


def test_files_that_ended_processes_left_half_written_are_removed(tmp_path: Path, dead_process: int) -> None:
    (tmp_path / f".some.txt.{dead_process}.part").write_text("ha", encoding="utf-8")
    write_text(tmp_path / "some.txt", "whole")
    assert names(tmp_path) == ["some.txt"]


def test_files_that_other_processes_write_are_left_alone(tmp_path: Path, dead_process: int) -> None:
    others = [f".some.txt.{os.getppid()}.part", f".some.{dead_process}.part"]
    for name in others:
        (tmp_path / name).write_text("ha", encoding="utf-8")
    write_text(tmp_path / "some.txt", "whole")
    assert names(tmp_path) == sorted([*others, "some.txt"])
