"""Archives give what was asked for and nothing else; lines become JSON Lines."""

import io
import json
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from slmcli.errors import DataError
from slmcli.unpacking import lines_to_json, unpack

MEMBERS = {"set/train/pos/1.txt": "good", "set/train/pos/2.txt": "fine", "set/train/unsup/3.txt": "what", "set/readme": "read me"}


def write_tar(path: Path, members: dict[str, str]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content.encode())
            tar.addfile(info, io.BytesIO(content.encode()))
    return path


def write_zip(path: Path, members: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as zipped:
        for name, content in members.items():
            zipped.writestr(name, content)
    return path


def write(kind: str, path: Path, members: dict[str, str]) -> Path:
    return {"tar": write_tar, "zip": write_zip}[kind](path / f"archive.{kind}", members)


def files(directory: Path) -> dict[str, str]:
    """Return the files below a directory with their contents."""
    return {path.relative_to(directory).as_posix(): path.read_text() for path in sorted(directory.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_member_gets_the_name_asked_for(kind: str, tmp_path: Path) -> None:
    unpack(write(kind, tmp_path, MEMBERS), kind, {"set/readme": "docs/about.txt"}, tmp_path / "out")
    assert files(tmp_path / "out") == {"docs/about.txt": "read me"}


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_folder_gives_its_files_and_no_other_folder_is_unpacked(kind: str, tmp_path: Path) -> None:
    unpack(write(kind, tmp_path, MEMBERS), kind, {"set/train/pos/": "train/pos"}, tmp_path / "out")
    assert files(tmp_path / "out") == {"train/pos/1.txt": "good", "train/pos/2.txt": "fine"}


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_members_that_begin_with_a_dot_and_a_slash_are_found(kind: str, tmp_path: Path) -> None:
    unpack(write(kind, tmp_path, {"./a.txt": "a"}), kind, {"a.txt": "a.txt"}, tmp_path / "out")
    assert files(tmp_path / "out") == {"a.txt": "a"}


@pytest.mark.parametrize("kind", ["tar", "zip"])
@pytest.mark.parametrize("name", ["../evil.txt", "/evil.txt", "data/../../evil.txt"], ids=["above", "absolute", "hidden above"])
def test_a_path_that_leads_outside_is_never_written(kind: str, name: str, tmp_path: Path) -> None:
    unpack(write(kind, tmp_path, {name: "evil", "data/a.txt": "a"}), kind, {"data/": "data"}, tmp_path / "deep" / "out")
    assert files(tmp_path / "deep") == {"out/data/a.txt": "a"}
    assert not (tmp_path / "evil.txt").exists()


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_hidden_files_of_a_folder_are_passed_over(kind: str, tmp_path: Path) -> None:
    unpack(write(kind, tmp_path, {"data/._a.txt": "resource fork", "data/a.txt": "a"}), kind, {"data/": "data"}, tmp_path / "out")
    assert files(tmp_path / "out") == {"data/a.txt": "a"}


def test_a_link_in_a_tar_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    link = tarfile.TarInfo("data/a.txt")
    link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path / "secret")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.addfile(link)
    with pytest.raises(DataError, match="has no data/a.txt; it holds no files"):
        unpack(tmp_path / "a.tar", "tar", {"data/a.txt": "a.txt"}, tmp_path / "out")


def test_a_link_in_a_zip_is_not_followed(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("a.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr(link, "/etc/hostname")
    with pytest.raises(DataError, match="has no a.txt"):
        unpack(tmp_path / "a.zip", "zip", {"a.txt": "a.txt"}, tmp_path / "out")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_missing_member_is_named_beside_what_is_there(kind: str, tmp_path: Path) -> None:
    archive = write(kind, tmp_path, {"a.txt": "a"})
    with pytest.raises(DataError, match=r"archive\.(tar|zip) has no b.txt; it holds a.txt. Correct the entry"):
        unpack(archive, kind, {"a.txt": "a.txt", "b.txt": "b.txt"}, tmp_path / "out")


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_a_damaged_archive_is_named(kind: str, tmp_path: Path) -> None:
    archive = write(kind, tmp_path, {"a.txt": "a" * 1000})
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(DataError, match=r"archive\.(tar|zip) cannot be unpacked"):
        unpack(archive, kind, {"a.txt": "a.txt"}, tmp_path / "out")


def test_lines_become_objects_of_named_groups(tmp_path: Path) -> None:
    (tmp_path / "questions.label").write_bytes("DESC:manner How ?\nLOC:city Où ?\n".encode("latin-1"))
    pattern = r"(?P<label>[A-Z]+):\S+ (?P<text>.*)"
    lines_to_json(tmp_path / "questions.label", tmp_path / "out" / "train.jsonl", pattern=pattern, encoding="latin-1")
    written = [json.loads(line) for line in (tmp_path / "out" / "train.jsonl").read_text(encoding="utf-8").splitlines()]
    assert written == [{"label": "DESC", "text": "How ?"}, {"label": "LOC", "text": "Où ?"}]


def test_a_line_that_does_not_match_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x 1\nno number\n")
    with pytest.raises(DataError, match=r"a\.txt:2: 'no number' does not match"):
        lines_to_json(tmp_path / "a.txt", tmp_path / "a.jsonl", pattern=r"(?P<text>\w) \d", encoding="utf-8")


def test_lines_in_another_encoding_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\xff")
    with pytest.raises(DataError, match=r"a\.txt is not utf-8 text"):
        lines_to_json(tmp_path / "a.txt", tmp_path / "a.jsonl", pattern="(?P<text>.*)", encoding="utf-8")
