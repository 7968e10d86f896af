"""From names on a command line to the files and readers that they stand for."""

import io
import logging
import os
import re
import sys
from pathlib import Path

import pytest

from slmcli.config import CorpusSettings
from slmcli.errors import ConfigError, DataError
from slmcli.sources import expand, read_records
from slmcli.text_files import STANDARD_INPUT


def touch(folder: Path, *names: str) -> list[Path]:
    """Make files and return their paths."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("text,label\na,b\n")
    return [folder / name for name in names]


def test_a_folder_of_tables_stands_for_its_files_in_order(tmp_path: Path) -> None:
    files = touch(tmp_path, "part-1.csv", "part-2.jsonl.gz", "part-3.parquet")
    touch(tmp_path, "README.md", ".hidden.csv", "notes")
    assert expand([str(tmp_path)]) == files


@pytest.mark.parametrize("name", ["good/1.txt", "1.txt", "good/1.txt.gz"], ids=["labels", "documents", "compressed"])
def test_a_folder_of_texts_stands_for_itself(tmp_path: Path, name: str) -> None:
    touch(tmp_path, name)
    assert expand([str(tmp_path)]) == [tmp_path]


def test_a_folder_of_tables_and_texts_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "README.txt", "corpus.csv")
    expected = f"{tmp_path} holds tables such as corpus.csv and texts such as README.txt. Name the files that are the corpus."
    with pytest.raises(DataError, match=re.escape(expected)):
        expand([str(tmp_path)])


def test_folders_of_splits_are_no_labels(tmp_path: Path) -> None:
    touch(tmp_path, "train/urls.txt", "test/urls.txt", "train/pos/1.txt")
    with pytest.raises(DataError, match=re.escape(f"{tmp_path} holds train beside what there is to train on.")):
        expand([str(tmp_path)])


def test_what_is_left_out_of_a_folder_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    touch(tmp_path, "part-1.csv", "more/part-2.csv", "notes")
    with caplog.at_level(logging.INFO):
        assert expand([str(tmp_path)]) == [tmp_path / "part-1.csv"]
    assert f"{tmp_path}: 2 entries are not read, more among them" in caplog.text


def test_a_pattern_finds_folders_too(tmp_path: Path) -> None:
    files = touch(tmp_path, "a/part-1.csv", "b/part-2.csv")
    assert expand([f"{tmp_path}/*"]) == files


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    expected = f"{tmp_path / 'pipe.csv'} is a pipe or a device, which can be read only once. Write it to a file, or pass -"
    with pytest.raises(DataError, match=re.escape(expected)):
        expand([str(tmp_path / "pipe.csv")])


@pytest.mark.parametrize("name", ["test.csv", "my-dev-set.csv", "validation_1.csv", "eval.csv"])
def test_a_folder_that_mixes_splits_is_refused(tmp_path: Path, name: str) -> None:
    touch(tmp_path, "corpus.csv", name)
    expected = f"{tmp_path} holds {name} beside what there is to train on. Name what to train on, then --validation and --test."
    with pytest.raises(DataError, match=re.escape(expected)):
        expand([str(tmp_path)])


def test_a_folder_of_test_files_alone_is_read(tmp_path: Path) -> None:
    files = touch(tmp_path, "test-1.csv", "test-2.csv")
    assert expand([str(tmp_path)]) == files


def test_two_files_with_a_comma_between_them_are_one_corpus(tmp_path: Path) -> None:
    first, second = touch(tmp_path, "a.en", "a.zh")
    assert expand([f"{first},{second}"]) == [Path(f"{first},{second}")]


def test_a_missing_file_of_a_pair_is_refused(tmp_path: Path) -> None:
    (first,) = touch(tmp_path, "a.en")
    with pytest.raises(DataError, match=re.escape(f"{first},absent does not exist.")):
        expand([f"{first},absent"])


def test_a_format_asked_for_is_used_whatever_the_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("text\tlabel\nsoft bed\tgood\n")
    records = read_records(tmp_path / "a.txt", CorpusSettings(format="tsv"))
    assert [record.values for record in records] == [{"text": "soft bed", "label": "good"}]


def test_an_unknown_format_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape("corpus format 'conl' is unknown.") + ".*Did you mean 'conll'"):
        read_records(tmp_path, CorpusSettings(format="conl"))


def test_a_folder_cannot_be_read_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"--format csv: {tmp_path} is a folder. Give what the format reads, or leave --format out.")):
        read_records(tmp_path, CorpusSettings(format="csv"))


@pytest.mark.parametrize(
    ("name", "content", "values"),
    [
        ("csv", "text,label\na,b\n", {"text": "a", "label": "b"}),
        ("conll", "Ada\tB-PER\n", {"tokens": ["Ada"], "tags": ["B-PER"], "1": ["Ada"], "2": ["B-PER"]}),
        ("json", '[{"text": "a"}]', {"text": "a"}),
        ("dialogue", "Hello?\nYes?\n", {"context": ["Hello?"], "response": "Yes?"}),
        ("parallel", "Yes\t是\n", {"source": "Yes", "target": "是"}),
    ],
)
def test_standard_input_can_have_a_format(monkeypatch: pytest.MonkeyPatch, name: str, content: str, values: dict[str, object]) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    (record,) = read_records(STANDARD_INPUT, CorpusSettings(format=name))
    assert (record.source, record.values) == ("standard input", values)


@pytest.mark.parametrize("name", ["parquet", "folder"])
def test_standard_input_cannot_have_every_format(name: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"--format {name}: standard input ")):
        read_records(STANDARD_INPUT, CorpusSettings(format=name))
