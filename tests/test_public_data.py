"""A public data set is fetched once, verified, and laid out as our readers read it; complete or not at all."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from slmcli.config import PreprocessSettings
from slmcli.errors import DataError, DownloadError, FormatVersionError, OutputError
from slmcli.preprocessing import preprocess
from slmcli.public_data import get_public_set
from slmcli.public_sets import PublicSet

TEXTS = {"good": ("kind and warm", "bright and fresh", "a lovely day"), "bad": ("rude and cold", "dull and stale", "a dreadful day")}


def tar_of(members: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as tar:
        for name, text in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            tar.addfile(info, io.BytesIO(text.encode()))
    return content.getvalue()


def zip_of(members: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as zipped:
        for name, text in members.items():
            zipped.writestr(name, text)
    return content.getvalue()


FOLDER = {f"set/{label}/{number}.txt": text for label, texts in TEXTS.items() for number, text in enumerate(texts)}
TABLE = "".join(f"{label}\t{text}\n" for label, texts in TEXTS.items() for text in texts)
PUBLISHED = {
    "set.tar.gz": tar_of({**FOLDER, "set/unsup/0.txt": "no label"}),
    "set.zip": zip_of({"inside/rows.tsv": TABLE, "inside/readme": "no data"}),
    "set.tsv": TABLE.encode(),
    "set.label": "".join(f"{label}:x {text}\n" for label, texts in TEXTS.items() for text in texts).encode(),
}
KINDS: dict[str, dict[str, Any]] = {
    "set.tar.gz": {"file": {"take": {"set/good/": "train/good", "set/bad/": "train/bad"}}, "splits": {"train": ["train"]}},
    "set.zip": {
        "file": {"take": {"inside/rows.tsv": "rows.tsv"}}, "splits": {"train": ["rows.tsv"]},
        "settings": {"header": False, "text_column": "2", "label_column": "1"},
    },
    "set.tsv": {"file": {}, "splits": {"train": ["set.tsv"]}, "settings": {"header": False, "text_column": "2", "label_column": "1"}},
    "set.label": {
        "file": {"save_as": "rows.jsonl", "lines": {"pattern": r"(?P<label>\w+):x (?P<text>.*)"}}, "splits": {"train": ["rows.jsonl"]},
    },
}  # fmt: skip


def record(published: str = "set.tsv", **changes: Any) -> PublicSet:
    """Return the entry of a tiny data set."""
    kind = KINDS[published]
    sha256 = hashlib.sha256(PUBLISHED[published]).hexdigest()
    entry = {
        "name": "tiny", "title": "a tiny set", "task": "sentiment", "language": "en", "examples": "6 train", "home_page": "https://example.org",
        "licence": "CC0", "splits": kind["splits"], "settings": kind.get("settings", {}),
        "files": [{"url": f"https://example.invalid/{published}", "sha256": sha256, "hash_published_by": ["somebody"], **kind["file"]}],
    }  # fmt: skip
    return PublicSet(**{**entry, **changes})


@pytest.fixture
def mirror(tmp_path: Path) -> Path:
    """A directory with the published files."""
    place = tmp_path / "mirror"
    place.mkdir()
    for name, content in PUBLISHED.items():
        (place / name).write_bytes(content)
    return place


def get(one: PublicSet, tmp_path: Path, *, source: Path | None = None, overwrite: bool = False) -> dict[str, Any]:
    mirror = str(source or tmp_path / "mirror")
    return get_public_set(one, tmp_path / "out", cache=tmp_path / "cache", source=mirror, overwrite=overwrite)


@pytest.mark.parametrize("name", KINDS)
def test_what_is_fetched_can_be_preprocessed_as_its_entry_says(name: str, tmp_path: Path, mirror: Path) -> None:
    one = record(name)
    result = get(one, tmp_path)
    settings = PreprocessSettings(files=result["files"]["train"], task=one.task, min_frequency=1, **one.settings)
    made = preprocess(settings, tmp_path / "dataset", overwrite=False)
    assert (sum(made["examples"].values()), made["labels"]) == (6, ["bad", "good"])


def test_the_directory_says_where_it_is_from(tmp_path: Path, mirror: Path) -> None:
    get(record(), tmp_path)
    written = json.loads((tmp_path / "out" / "source.json").read_text())
    sha256 = hashlib.sha256(PUBLISHED["set.tsv"]).hexdigest()
    assert (written["format_version"], written["name"], written["licence"], written["home_page"]) == (1, "tiny", "CC0", "https://example.org")
    assert written["sources"] == [{"url": "https://example.invalid/set.tsv", "bytes": None, "sha256": sha256}]
    assert written["files"] == {"set.tsv": sha256}


def test_the_result_names_the_files_and_the_next_command(tmp_path: Path, mirror: Path) -> None:
    result = get(record(), tmp_path)
    assert result["files"] == {"train": [f"{tmp_path}/out/set.tsv"]}
    assert result["command"] == f"slm preprocess {tmp_path}/out/set.tsv --task sentiment --no-header --text-column 2 --label-column 1"
    assert result["up_to_date"] is False


@pytest.mark.parametrize("name", KINDS)
def test_a_set_that_is_there_is_up_to_date_without_any_source(name: str, tmp_path: Path, mirror: Path) -> None:
    get(record(name), tmp_path)
    (tmp_path / "cache" / "data" / "tiny" / name).unlink()
    assert get(record(name), tmp_path, source=tmp_path / "nowhere")["up_to_date"] is True


@pytest.mark.parametrize(("name", "file"), [("set.tsv", "set.tsv"), ("set.tar.gz", "train/bad/0.txt")], ids=["a file", "in a folder"])
def test_a_set_that_was_changed_is_refused(name: str, file: str, tmp_path: Path, mirror: Path) -> None:
    get(record(name), tmp_path)
    (tmp_path / "out" / file).write_text("changed")
    with pytest.raises(OutputError, match=r"out/\S+ was changed since it was fetched. Pass --overwrite"):
        get(record(name), tmp_path)


def test_a_set_that_lost_a_file_is_refused(tmp_path: Path, mirror: Path) -> None:
    get(record(), tmp_path)
    (tmp_path / "out" / "set.tsv").unlink()
    with pytest.raises(OutputError, match=r"out/set.tsv was changed since it was fetched"):
        get(record(), tmp_path)


def test_overwrite_makes_it_again(tmp_path: Path, mirror: Path) -> None:
    get(record(), tmp_path)
    (tmp_path / "out" / "set.tsv").write_text("changed")
    get(record(), tmp_path, overwrite=True)
    assert (tmp_path / "out" / "set.tsv").read_bytes() == PUBLISHED["set.tsv"]


@pytest.mark.parametrize(
    "changes", [{"name": "other"}, {"files": record("set.label").files, "splits": {"train": ["rows.jsonl"]}}], ids=["set", "files"]
)
def test_another_set_is_refused_without_overwrite(changes: dict[str, Any], tmp_path: Path, mirror: Path) -> None:
    get(record(), tmp_path)
    with pytest.raises(OutputError, match=r"out exists already. Choose another --out, or pass --overwrite"):
        get(record(**changes), tmp_path)


def test_a_directory_of_something_else_is_never_replaced(tmp_path: Path, mirror: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="it has no source.json"):
        get(record(), tmp_path, overwrite=True)


def test_a_directory_of_a_newer_release_is_refused(tmp_path: Path, mirror: Path) -> None:
    get(record(), tmp_path)
    path = tmp_path / "out" / "source.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format_version": 2}))
    with pytest.raises(FormatVersionError, match="source.json has format_version 2"):
        get(record(), tmp_path)


def test_without_a_network_every_missing_file_is_named_with_its_place_and_hash(tmp_path: Path) -> None:
    files = [{**record(name).files[0].model_dump(), "save_as": name, "lines": None} for name in ("set.tsv", "set.label")]
    hashes = [file["sha256"] for file in files]
    lines = [f"https://example.invalid/{name}\n    to {tmp_path}/cache/data/tiny/{name}\n    SHA-256 " for name in ("set.tsv", "set.label")]
    with pytest.raises(DownloadError, match=r"tiny: file://\S+/nowhere/set.tsv cannot be fetched") as caught:
        get(record(files=files), tmp_path, source=tmp_path / "nowhere")
    assert [line + sha256 in str(caught.value) for line, sha256 in zip(lines, hashes, strict=True)] == [True, True]
    assert not (tmp_path / "out").exists()


def test_a_file_put_by_hand_needs_no_network(tmp_path: Path) -> None:
    place = tmp_path / "cache" / "data" / "tiny" / "set.tsv"
    place.parent.mkdir(parents=True)
    place.write_bytes(PUBLISHED["set.tsv"])
    get(record(), tmp_path, source=tmp_path / "nowhere")
    assert (tmp_path / "out" / "set.tsv").read_bytes() == PUBLISHED["set.tsv"]


def test_a_wrong_file_leaves_no_directory(tmp_path: Path, mirror: Path) -> None:
    (mirror / "set.tsv").write_bytes(b"other")
    with pytest.raises(DataError, match="is not the file that was published"):
        get(record(), tmp_path)
    assert not (tmp_path / "out").exists()


def test_an_entry_that_does_not_fit_its_archive_leaves_no_directory(tmp_path: Path, mirror: Path) -> None:
    files = [{**record("set.zip").files[0].model_dump(), "take": {"inside/rows.csv": "rows.tsv"}}]
    with pytest.raises(DataError, match=r"set.zip has no inside/rows.csv; it holds inside/rows.tsv, inside/readme"):
        get(record("set.zip", files=files), tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["cache", "mirror"]
