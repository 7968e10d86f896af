"""The table of public data sets: every entry is whole, and its command is one that slm understands."""

import re
import shlex
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml

from slmcli.cli.preprocess import command
from slmcli.config import PreprocessSettings, build
from slmcli.errors import ConfigError, DataError
from slmcli.public_sets import PublicSet, find_set, preprocess_command, read_table
from slmcli.tasks import TASKS

TABLE = read_table()
PUBLISHERS = {"TensorFlow Datasets", "Hugging Face Datasets", "torchtext"}
FILE = {"url": "https://example.org/a/train.csv", "sha256": "0" * 64, "hash_published_by": ["somebody"]}
ENTRY = {
    "name": "tiny", "title": "a tiny set", "task": "sentiment", "language": "en", "examples": "2 train", "home_page": "https://example.org",
    "licence": "CC0", "files": [FILE], "splits": {"train": ["train.csv"]},
}  # fmt: skip


def write_table(path: Path, *entries: dict[str, Any]) -> Path:
    path.write_text(yaml.safe_dump(list(entries)), encoding="utf-8")
    return path


def options(record: PublicSet) -> dict[str, Any]:
    """Return what Click makes of the command of a data set."""
    words = shlex.split(preprocess_command(record, Path("some where")))
    assert words[:2] == ["slm", "preprocess"]
    with command.make_context("preprocess", words[2:]) as context:
        return context.params


def test_the_table_has_sets_for_many_tasks_in_two_languages() -> None:
    assert {"imdb", "ag-news", "sst2", "trec", "sms-spam", "conllpp", "squad", "multi30k", "tnews", "tiny-shakespeare"} <= set(TABLE)
    assert {record.language for record in TABLE.values()} == {"en", "zh", "en-de"}


@pytest.mark.parametrize("name", TABLE)
def test_every_set_is_for_a_task_that_exists(name: str) -> None:
    assert TABLE[name].task in TASKS.names()


@pytest.mark.parametrize("name", TABLE)
def test_every_hash_has_a_named_publisher(name: str) -> None:
    assert {publisher for file in TABLE[name].files for publisher in file.hash_published_by} <= PUBLISHERS


@pytest.mark.parametrize("name", TABLE)
def test_no_two_files_share_a_hash(name: str) -> None:
    hashes = [file.sha256 for record in TABLE.values() for file in record.files]
    assert all(hashes.count(file.sha256) == 1 for file in TABLE[name].files)


@pytest.mark.parametrize("name", TABLE)
def test_the_command_of_every_set_is_understood(name: str) -> None:
    params = options(TABLE[name])
    assert params["files"] == (",".join(f"some where/{file}" for file in TABLE[name].splits["train"]),)
    given = {key: list(value) if isinstance(value, tuple) else value for key, value in params.items() if key in PreprocessSettings.model_fields}
    build(PreprocessSettings, {key: value for key, value in given.items() if value is not None}, source="command")


def test_the_command_names_every_split_and_setting() -> None:
    settings = {"header": False, "text_column": "2", "column": ["a=1", "b=2"]}
    record = PublicSet(**{**ENTRY, "splits": {"train": ["train.csv"], "test": ["train.csv"]}, "settings": settings})
    expected = "slm preprocess d/train.csv --test d/train.csv --task sentiment --no-header --text-column 2 --column a=1 --column b=2"
    assert preprocess_command(record, Path("d")) == expected


def test_two_files_of_one_text_are_one_word_of_the_command() -> None:
    files = [{**FILE, "save_as": "a.en"}, {**FILE, "url": "https://example.org/b", "save_as": "a.de"}]
    record = PublicSet(**{**ENTRY, "task": "translation", "files": files, "splits": {"train": ["a.en", "a.de"]}})
    assert preprocess_command(record, Path("d")) == "slm preprocess d/a.en,d/a.de --task translation"


def test_the_size_is_known_when_that_of_every_file_is() -> None:
    assert PublicSet(**{**ENTRY, "files": [{**FILE, "bytes": 7}]}).bytes == 7
    assert PublicSet(**ENTRY).bytes is None


def test_an_unknown_set_is_answered_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"there is no public data set 'imbd'. Did you mean 'imdb'\? Known: imdb, "):
        find_set("imbd", TABLE)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'tiny' stands more than once"):
        read_table(write_table(tmp_path / "t.yaml", ENTRY, ENTRY))


def test_every_wrong_entry_is_named(tmp_path: Path) -> None:
    entries = [{**ENTRY, "licence": ""}, {**ENTRY, "name": "other", "files": [{**FILE, "sha256": "abc"}]}]
    with pytest.raises(DataError, match=r"tiny\.licence: .*; other\.files\.0\.sha256: "):
        read_table(write_table(tmp_path / "t.yaml", *entries))


ARCHIVE = {**FILE, "url": "https://example.org/a.zip"}
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"files": [{**FILE, "url": "ftp://example.org/a"}]}, "files.0.url"),
    "no publisher": ({"files": [{**FILE, "hash_published_by": []}]}, "hash_published_by"),
    "an archive of nothing": ({"files": [ARCHIVE]}, "a.zip is an archive: it needs `take`"),
    "a member of a plain file": ({"files": [{**FILE, "take": {"a": "b"}}]}, "train.csv is no archive"),
    "a way out": ({"files": [{**FILE, "save_as": "../train.csv"}]}, "relative path without '.' or '..'"),
    "an absolute path": ({"files": [{**ARCHIVE, "take": {"a": "/a"}}]}, "relative path without '.' or '..'"),
    "a pattern without names": ({"files": [{**FILE, "lines": {"pattern": ".*"}}]}, "it names no column"),
    "no pattern": ({"files": [{**FILE, "lines": {"pattern": "("}}]}, "it is no regular expression"),
    "a split of other files": ({"splits": {"train": ["test.csv"]}}, "not among them: test.csv"),
    "nothing to train on": ({"splits": {"test": ["train.csv"]}}, "a set needs a train split"),
    "one name twice": ({"files": [FILE, {**FILE, "url": "https://example.org/b/train.csv"}]}, "two of its files have one name"),
    "an unknown setting": ({"settings": {"text_colum": "a"}}, "Did you mean 'text_column'?"),
}


@pytest.mark.parametrize(("changes", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_entry_is_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=re.escape(message)):
        PublicSet(**{**ENTRY, **changes})
