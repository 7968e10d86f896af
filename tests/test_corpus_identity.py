"""Which files a dataset is made of, and when they are not read again."""

import os
from pathlib import Path

import pytest

from slmcli.corpus_identity import describe_sources


def write(path: Path, content: str, seconds: int = 1) -> Path:
    """Write a file that was last changed so long after 1970."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(content, encoding="utf-8")
    os.utime(path, (seconds, seconds))
    return path


def test_files_of_one_name_size_and_time_keep_their_own_hashes(tmp_path: Path) -> None:
    files = {"train": [write(tmp_path / folder / "part.jsonl", folder) for folder in ("1", "2")]}
    sources = describe_sources(files)
    assert sources[0]["sha256"] != sources[1]["sha256"]
    assert describe_sources(files, sources) == sources


def test_a_file_of_the_same_size_and_times_is_not_read_again(tmp_path: Path) -> None:
    file = write(tmp_path / "part.jsonl", "old")
    (source,) = describe_sources({"train": [file]})
    known = {**source, "is_settled": True, "sha256": "as known"}
    assert describe_sources({"train": [file]}, [known]) == [known]


def test_a_change_is_noticed_whose_size_and_time_are_put_back(tmp_path: Path) -> None:
    file = write(tmp_path / "part.jsonl", "old")
    (source,) = describe_sources({"train": [file]})
    write(file, "new")
    (now,) = describe_sources({"train": [file]}, [{**source, "is_settled": True}])
    assert now["sha256"] != source["sha256"]


def test_a_file_that_has_just_changed_is_read_again(tmp_path: Path) -> None:
    (source,) = describe_sources({"train": [write(tmp_path / "part.jsonl", "old")]})
    assert not source["is_settled"]


def test_such_files_in_another_order_are_told_apart(tmp_path: Path) -> None:
    files = [write(tmp_path / folder / "part.jsonl", folder) for folder in ("1", "2")]
    sources = describe_sources({"train": files})
    assert describe_sources({"train": files[::-1]}, sources) == sources[::-1]


@pytest.mark.parametrize(("content", "seconds"), [("new", 1), ("other", 3)], ids=["size", "time"])
def test_a_change_of_either_file_of_a_pair_is_noticed(content: str, seconds: int, tmp_path: Path) -> None:
    # together both files stay as large, or as young, as they were
    first, second = write(tmp_path / "a.de", "older"), write(tmp_path / "a.en", "old", 3)
    pair = Path(f"{first},{second}")
    sources = describe_sources({"train": [pair]})
    write(first, content, seconds)
    write(second, "older" if content == "new" else "old", 3)
    assert describe_sources({"train": [pair]}, sources) != sources


def test_a_pair_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    first, second = write(tmp_path / "a.de", "older"), write(tmp_path / "a.en", "old", 3)
    files = {"train": [Path(f"{first},{second}")]}
    known = {**describe_sources(files)[0], "is_settled": True, "sha256": "as known"}
    assert describe_sources(files, [known]) == [known]
