"""A folder with one sub-folder per label and one text file per example."""

import gzip
import os
import re
from pathlib import Path

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.folder import read
from slmcli.errors import DataError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the labels `good` and `bad`, still without texts."""
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    return tmp_path


def rows(folder: Path, encoding: str = "utf-8") -> list[tuple[str, str]]:
    """Return text and label of every example."""
    return [(record.values["text"], record.values["label"]) for record in read(folder, CorpusSettings(encoding=encoding))]


def test_the_folder_of_a_file_is_its_label(folder: Path) -> None:
    (folder / "good" / "1.txt").write_text("soft bed")
    (folder / "bad" / "1.txt").write_text("hard bed")
    assert rows(folder) == [("hard bed", "bad"), ("soft bed", "good")]


def test_files_come_in_the_order_of_their_names(folder: Path) -> None:
    (folder / "good" / "b.txt").write_text("second")
    (folder / "good" / "a.txt").write_text("first")
    assert [text for text, _ in rows(folder)] == ["first", "second"]


def test_a_record_tells_its_file(folder: Path) -> None:
    (folder / "good" / "1.txt").write_text("soft bed")
    assert [(record.source, record.row) for record in read(folder, CorpusSettings())] == [(str(folder / "good" / "1.txt"), 1)]


def test_a_text_of_several_lines_is_one_example(folder: Path) -> None:
    (folder / "good" / "1.txt").write_bytes(b"\xef\xbb\xbfsoft bed\r\nquiet room\r\n")
    assert rows(folder) == [("soft bed\nquiet room\n", "good")]


def test_an_empty_file_is_an_empty_text(folder: Path) -> None:
    (folder / "good" / "1.txt").write_text("")
    assert rows(folder) == [("", "good")]


def test_a_compressed_file_is_read(folder: Path) -> None:
    (folder / "good" / "1.txt.gz").write_bytes(gzip.compress(b"soft bed"))
    assert rows(folder) == [("soft bed", "good")]


def test_the_encoding_asked_for_is_used(folder: Path) -> None:
    (folder / "good" / "1.txt").write_bytes("床很软".encode("gb18030"))
    assert rows(folder, "gb18030") == [("床很软", "good")]


@pytest.mark.parametrize("name", ["good/notes.md", "good/.DS_Store", "readme.txt"], ids=["other suffix", "hidden", "beside the labels"])
def test_other_files_are_left_out(folder: Path, name: str) -> None:
    (folder / "good" / "1.txt").write_text("soft bed")
    (folder / name).write_text("not an example")
    assert rows(folder) == [("soft bed", "good")]


def test_a_pipe_in_a_folder_is_left_out(folder: Path) -> None:
    (folder / "good" / "1.txt").write_text("soft bed")
    os.mkfifo(folder / "good" / "2.txt")
    assert rows(folder) == [("soft bed", "good")]


def test_hidden_folders_are_no_labels(folder: Path) -> None:
    (folder / ".cache").mkdir()
    (folder / ".cache" / "1.txt").write_text("not an example")
    (folder / "good" / "1.txt").write_text("soft bed")
    assert rows(folder) == [("soft bed", "good")]


def test_text_files_beside_each_other_are_documents_without_labels(folder: Path) -> None:
    (folder / "b.txt").write_text("second\nnote\n")
    (folder / "a.txt").write_text("first note")
    assert [record.values for record in read(folder, CorpusSettings())] == [{"text": "first note"}, {"text": "second\nnote\n"}]


def test_a_folder_can_have_a_document_a_line(folder: Path) -> None:
    (folder / "good" / "1.txt").write_text("soft bed\nwarm bath\n")
    records = list(read(folder, CorpusSettings(document="line")))
    assert [(record.row, record.values) for record in records] == [
        (1, {"text": "soft bed", "label": "good"}),
        (2, {"text": "warm bath", "label": "good"}),
    ]


def test_a_folder_without_texts_is_refused_with_the_layout(folder: Path) -> None:
    (folder / "good" / "a.csv").write_text("soft bed")
    expected = f"{folder} has no sub-folders with .txt files. A folder corpus is FOLDER/LABEL/NAME.txt; for a table give the file itself."
    with pytest.raises(DataError, match=re.escape(expected)):
        rows(folder)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"{tmp_path} has no sub-folders with .txt files.")):
        rows(tmp_path)


def test_a_file_in_a_wrong_encoding_is_named(folder: Path) -> None:
    (folder / "good" / "1.txt").write_bytes(b"caf\xe9 au lait, sans sucre\n")
    with pytest.raises(DataError, match=re.escape(f"{folder / 'good' / '1.txt'}:1: byte 0xE9 is not valid utf-8.")):
        rows(folder)
