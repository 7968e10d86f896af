"""JSON Lines: one object a line."""

import re
from pathlib import Path
from typing import Any

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.jsonl import read
from slmcli.errors import DataError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a corpus."""
    return tmp_path / "lamps.jsonl"


def values(path: Path) -> list[dict[str, Any]]:
    """Return all objects."""
    return [record.values for record in read(path, CorpusSettings())]


def test_every_line_is_an_object(file: Path) -> None:
    file.write_text('{"text": "bright lamp", "label": 1}\n{"text": "dim lamp", "label": 0}')
    assert values(file) == [{"text": "bright lamp", "label": 1}, {"text": "dim lamp", "label": 0}]


def test_a_record_tells_its_file_and_line(file: Path) -> None:
    file.write_text('{"text": "bright lamp"}\n')
    assert [(record.source, record.row) for record in read(file, CorpusSettings())] == [(str(file), 1)]


def test_empty_lines_are_passed_over_but_counted(file: Path) -> None:
    file.write_text('\n{"text": "a"}\n  \n\n{"text": "b"}\n\n')
    assert [record.row for record in read(file, CorpusSettings())] == [2, 5]


def test_a_byte_order_mark_and_windows_line_ends_do_not_matter(file: Path) -> None:
    file.write_bytes(b'\xef\xbb\xbf{"text": "a"}\r\n{"text": "b"}\r\n')
    assert values(file) == [{"text": "a"}, {"text": "b"}]


def test_an_empty_file_has_no_rows(file: Path) -> None:
    file.write_text("")
    assert values(file) == []


@pytest.mark.parametrize(
    "line",
    ['{"text": "dim', "{'text': 'dim lamp'}", "dim lamp", '{"text": "a"} {"text": "b"}', "[" * 100_000, '{"label": ' + "1" * 5000 + "}"],
    ids=["cut short", "single quotes", "plain text", "two objects", "too deep", "too long a number"],
)
def test_malformed_json_is_named_with_its_line(file: Path, line: str) -> None:
    file.write_text('{"text": "bright lamp"}\n\n' + line + "\n")
    with pytest.raises(DataError, match=re.escape(f"{file}:3: not valid JSON") + ".*Each line must be one complete object"):
        values(file)


def test_malformed_json_is_located_by_one_line_number_only(file: Path) -> None:
    file.write_text('{"text": "bright lamp"}\n{"text": dim}\n')
    with pytest.raises(DataError, match=re.escape(f"{file}:2: not valid JSON")) as caught:
        values(file)
    assert "line 1" not in str(caught.value)


@pytest.mark.parametrize("line", ["[1, 2]", '"dim lamp"', "7", "null"], ids=["list", "text", "number", "null"])
def test_a_line_that_is_no_object_is_named_and_shown(file: Path, line: str) -> None:
    file.write_text('{"text": "bright lamp"}\n' + line + "\n")
    with pytest.raises(DataError, match=re.escape(f"{file}:2: {line!r} is not a JSON object. Each line must look like {{")):
        values(file)


def test_a_long_line_that_is_no_object_is_shown_in_part(file: Path) -> None:
    file.write_text('["' + "x" * 500 + '"]\n')
    with pytest.raises(DataError, match=re.escape("'[\"" + "x" * 58 + "' is not a JSON object")):
        values(file)


def test_rows_before_a_malformed_one_are_yielded(file: Path) -> None:
    file.write_text('{"text": "bright lamp"}\nbroken\n')
    assert next(read(file, CorpusSettings())).values == {"text": "bright lamp"}
