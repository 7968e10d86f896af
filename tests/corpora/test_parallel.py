"""Texts in two languages, in two files or with a tab between them."""

import re
from pathlib import Path

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.parallel import read
from slmcli.errors import DataError

ENGLISH = "The kettle sings.\n\nGood night!\n"
CHINESE = "水壶在唱歌。\r\n\r\n晚安！"


def pair(folder: Path, first: str, second: str) -> Path:
    """Write two files and return the path that names both."""
    (folder / "kettle.en").write_bytes(first.encode())
    (folder / "kettle.zh").write_bytes(second.encode())
    return Path(f"{folder}/kettle.en,{folder}/kettle.zh")


def test_line_n_of_both_files_says_the_same(tmp_path: Path) -> None:
    path = pair(tmp_path, ENGLISH, CHINESE)
    assert [(record.row, *record.values.values()) for record in read(path, CorpusSettings())] == [
        (1, "The kettle sings.", "水壶在唱歌。"),
        (2, "", ""),
        (3, "Good night!", "晚安！"),
    ]


def test_a_record_names_both_files(tmp_path: Path) -> None:
    path = pair(tmp_path, ENGLISH, CHINESE)
    assert next(iter(read(path, CorpusSettings()))).source == str(path)


@pytest.mark.parametrize(("first", "second"), [("a\nb\n", "c\n"), ("a\n", "c\nd\n")], ids=["second", "first"])
def test_a_file_that_ends_early_is_named(tmp_path: Path, first: str, second: str) -> None:
    path = pair(tmp_path, first, second)
    shorter = min(("en", first), ("zh", second), key=lambda each: len(each[1]))[0]
    with pytest.raises(DataError, match=re.escape(f"{tmp_path}/kettle.{shorter} ends after line 1, ")):
        list(read(path, CorpusSettings()))


def test_a_tab_divides_the_lines_of_one_file(tmp_path: Path) -> None:
    path = tmp_path / "kettle.parallel"
    path.write_text("Go.\t走。\tfrom a list\n\nStop!\t停！\n", encoding="utf-8")
    assert [(record.row, record.values) for record in read(path, CorpusSettings())] == [
        (1, {"source": "Go.", "target": "走。"}),
        (3, {"source": "Stop!", "target": "停！"}),
    ]


def test_a_line_without_a_tab_is_named(tmp_path: Path) -> None:
    path = tmp_path / "kettle.parallel"
    path.write_text("Go.\tLos.\nStop!\n")
    with pytest.raises(DataError, match=re.escape(f"{path}:2: 'Stop!' has no tab. A line is a text, a tab, and its translation.")):
        list(read(path, CorpusSettings()))
