"""JSON documents: an array of objects, by itself or in an object."""

import json
import re
from pathlib import Path

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.json_array import read
from slmcli.errors import DataError

ROWS = [{"text": "bright lamp", "label": 1}, {"text": "暗灯", "label": 0}]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a corpus."""
    return tmp_path / "lamps.json"


@pytest.mark.parametrize("document", [ROWS, {"version": "1", "data": ROWS}], ids=["array", "in an object"])
def test_every_element_is_a_row(file: Path, document: object) -> None:
    file.write_text(json.dumps(document), encoding="utf-8")
    assert [(record.source, record.row, record.values) for record in read(file, CorpusSettings())] == [
        (str(file), 1, ROWS[0]),
        (str(file), 2, ROWS[1]),
    ]


def test_the_encoding_asked_for_is_used(file: Path) -> None:
    file.write_bytes(json.dumps(ROWS, ensure_ascii=False).encode("gb18030"))
    assert [record.values for record in read(file, CorpusSettings(encoding="gb18030"))] == ROWS


def test_an_element_that_is_no_object_is_named(file: Path) -> None:
    file.write_text('[{"text": "a"}, "dim lamp"]')
    with pytest.raises(DataError, match=re.escape(f"{file}: element 2 is 'dim lamp', not an object such as")):
        list(read(file, CorpusSettings()))


def test_a_file_in_a_wrong_encoding_is_named(file: Path) -> None:
    file.write_bytes(b'[{"text": "caf\xe9 noir"}]')
    with pytest.raises(DataError, match=re.escape(f"{file}:1: byte 0xE9 is not valid utf-8.")):
        list(read(file, CorpusSettings()))
