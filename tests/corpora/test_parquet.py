"""Parquet tables."""

import gzip
import re
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.parquet import read
from slmcli.errors import DataError
from slmcli.reading import read_examples

COLUMNS = {"text": ["mild tea", "strong tea", None], "label": [1, 0, None]}
# a gzip header, then a block of a kind that does not exist
DAMAGED_GZIP = gzip.compress(b"")[:10] + b"\xff" * 20


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A table of three rows."""
    path = tmp_path / "teas.parquet"
    pyarrow.parquet.write_table(pyarrow.table(COLUMNS), path)
    return path


def values(path: Path) -> list[dict[str, Any]]:
    """Return the cells of all rows."""
    return [record.values for record in read(path, CorpusSettings())]


def test_a_written_table_is_read_back(file: Path) -> None:
    assert values(file) == [{"text": "mild tea", "label": 1}, {"text": "strong tea", "label": 0}, {"text": None, "label": None}]


def test_a_record_tells_its_file_and_row(file: Path) -> None:
    assert [(record.source, record.row) for record in read(file, CorpusSettings())] == [(str(file), 1), (str(file), 2), (str(file), 3)]


def test_a_compressed_table_is_read_back(file: Path) -> None:
    packed = file.with_name("teas.parquet.gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert values(packed) == values(file)


def test_rows_are_counted_across_batches(tmp_path: Path) -> None:
    path = tmp_path / "many.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": [str(number) for number in range(1, 2501)]}), path)
    assert [record.values["text"] for record in read(path, CorpusSettings())] == [str(record.row) for record in read(path, CorpusSettings())]


def test_a_column_of_categories_is_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "teas.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"label": pyarrow.array(["good", "bad", "good"]).dictionary_encode()}), path)
    assert values(path) == [{"label": "good"}, {"label": "bad"}, {"label": "good"}]


def test_a_table_without_rows_yields_nothing(tmp_path: Path) -> None:
    path = tmp_path / "none.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": pyarrow.array([], pyarrow.string())}), path)
    assert values(path) == []


def test_a_repeated_column_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "teas.parquet"
    table = pyarrow.Table.from_arrays([pyarrow.array(["mild"]), pyarrow.array(["strong"])], names=["text", "text"])
    pyarrow.parquet.write_table(table, path)
    with pytest.raises(DataError, match=re.escape(str(path)) + ".*'text'"):
        values(path)


@pytest.mark.parametrize("content", [b"", b"text,label\n", b"PAR1" + b"\0" * 40 + b"PAR1"], ids=["empty", "csv", "only the marks"])
def test_a_file_that_is_no_parquet_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "teas.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{path} is not a readable Parquet file (") + r"[\s\S]*Write it again, or convert it to csv"):
        values(path)


def test_a_table_cut_short_is_named(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-10])
    with pytest.raises(DataError, match=re.escape(f"{file} is not a readable Parquet file (")):
        values(file)


def test_a_table_with_damaged_pages_is_named(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:4] + b"\xff" * 36 + content[40:])
    with pytest.raises(DataError, match=re.escape(f"{file} is not a readable Parquet file (")):
        values(file)


def test_a_table_with_a_column_name_that_is_no_text_is_named(file: Path) -> None:
    file.write_bytes(file.read_bytes().replace(b"label", b"l\xffbel"))
    with pytest.raises(DataError, match=re.escape(f"{file} is not a readable Parquet file ('utf-8' codec can't decode byte 0xff in position 1")):
        values(file)


@pytest.mark.parametrize("content", [gzip.compress(bytes(500))[:-9], DAMAGED_GZIP, b"PAR1"], ids=["cut short", "block damaged", "not gzip"])
def test_damaged_compression_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "teas.parquet.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{path}: the gzip file is damaged or cut short (")):
        values(path)


def unreadable() -> dict[str, tuple[pyarrow.Array, str]]:
    """Return arrays of two values of which Python has no form for the first, and how messages name it."""
    texts = pyarrow.array([b"\xffmild", b"strong"], pyarrow.binary()).view(pyarrow.string())
    large = pyarrow.array([2**62, 1], pyarrow.timestamp("us"))
    return {
        "no UTF-8": (texts, "a string that cannot be read ('utf-8' codec can't decode byte 0xff"),
        "categories": (texts.dictionary_encode(), "a dictionary<values=string, indices=int32, ordered=0> that cannot be read ('utf-8'"),
        "in a list": (pyarrow.ListArray.from_arrays([0, 1, 2], texts), "a list<element: string> that cannot be read ('utf-8'"),
        "timestamp": (large, "a timestamp[us] that cannot be read (date value out of range)."),
        "time zone": (large.view(pyarrow.timestamp("us", "Europe/Nowhere")), "a timestamp[us, tz=Europe/Nowhere] that cannot be read ("),
        "date": (pyarrow.array([2**30, 1], pyarrow.int32()).view(pyarrow.date32()), "a date32[day] that cannot be read (days=1073741824;"),
        "doubled field": (pyarrow.StructArray.from_arrays([texts, texts], names=["x", "x"]), "a struct<x: string, x: string> that cannot be read ("),
    }


@pytest.mark.parametrize("name", unreadable())
def test_a_column_that_is_not_used_cannot_fail(name: str, tmp_path: Path) -> None:
    path = tmp_path / "teas.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["mild", "strong"], "label": [1, 0], "brewed": unreadable()[name][0]}), path)
    assert [(example.text, example.label) for example in read_examples([path], CorpusSettings())] == [("mild", "1"), ("strong", "0")]


@pytest.mark.parametrize("name", unreadable())
def test_a_cell_that_is_used_and_cannot_be_read_is_named(name: str, tmp_path: Path) -> None:
    path = tmp_path / "teas.parquet"
    array, message = unreadable()[name]
    pyarrow.parquet.write_table(pyarrow.table({"text": array, "label": [1, 0]}), path)
    with pytest.raises(DataError, match=re.escape(f"{path}:1: text is {message}") + ".*Correct the row, or convert the column to text.$"):
        list(read_examples([path], CorpusSettings()))


def test_nanoseconds_in_a_column_that_is_not_used_cannot_fail(tmp_path: Path) -> None:
    path = tmp_path / "teas.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": ["mild"], "brewed": pyarrow.array([1234567891], pyarrow.timestamp("ns"))}), path)
    assert [record.values["text"] for record in read(path, CorpusSettings())] == ["mild"]


def test_readable_cells_beside_an_unreadable_one_are_read(tmp_path: Path) -> None:
    path = tmp_path / "teas.parquet"
    pyarrow.parquet.write_table(pyarrow.table({"text": unreadable()["no UTF-8"][0], "label": [1, 0]}), path)
    assert values(path)[1] == {"text": "strong", "label": 0}


def test_a_file_name_that_is_no_text_is_shown_so_that_it_can_be_written(file: Path) -> None:
    odd = file.rename(file.with_name("t\udcffas.parquet"))
    assert next(read(odd, CorpusSettings())).source == str(file.with_name("t?as.parquet"))


def test_a_missing_table_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"{tmp_path / 'teas.parquet'} is not a readable Parquet file (")):
        values(tmp_path / "teas.parquet")
