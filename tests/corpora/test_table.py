"""Comma- and tab-separated tables."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record
from slmcli.corpora.table import read_csv, read_tsv
from slmcli.errors import DataError

Reader = Callable[[Path, CorpusSettings], Iterator[Record]]
BOTH = pytest.mark.parametrize(("read", "mark"), [(read_csv, ","), (read_tsv, "\t")], ids=["csv", "tsv"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A place for a table."""
    return tmp_path / "soups"


def values(read: Reader, path: Path, **settings: Any) -> list[dict[str, Any]]:
    """Return the cells of all rows."""
    return [record.values for record in read(path, CorpusSettings(**settings))]


def numbers(read: Reader, path: Path) -> list[int]:
    """Return the line numbers of all rows."""
    return [record.row for record in read(path, CorpusSettings())]


@BOTH
def test_the_first_line_names_the_columns(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"text{mark}label\nwarm soup{mark}good\n")
    assert values(read, file) == [{"text": "warm soup", "label": "good"}]


@BOTH
def test_a_record_tells_its_file_and_line(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"text{mark}label\nwarm soup{mark}good\n")
    assert [(record.source, record.row) for record in read(file, CorpusSettings())] == [(str(file), 2)]


@BOTH
def test_without_a_header_columns_are_numbered_from_1(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"warm soup{mark}good\ncold soup{mark}bad\n")
    assert values(read, file, header=False) == [{"1": "warm soup", "2": "good"}, {"1": "cold soup", "2": "bad"}]


@BOTH
def test_a_byte_order_mark_does_not_stick_to_the_first_name(file: Path, read: Reader, mark: str) -> None:
    file.write_bytes(b"\xef\xbb\xbf" + f'"text"{mark}label\nwarm soup{mark}good\n'.encode())
    assert values(read, file) == [{"text": "warm soup", "label": "good"}]


@BOTH
def test_windows_line_ends_do_not_stick_to_the_last_cell(file: Path, read: Reader, mark: str) -> None:
    file.write_bytes(f"text{mark}label\r\nwarm soup{mark}good\r\n".encode())
    assert values(read, file) == [{"text": "warm soup", "label": "good"}]


@BOTH
def test_spaces_around_column_names_are_left_out(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"text {mark} label\nwarm soup{mark}good\n")
    assert values(read, file) == [{"text": "warm soup", "label": "good"}]


@BOTH
def test_empty_rows_are_passed_over_but_counted(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"\ntext{mark}label\n\nwarm soup{mark}good\n{mark}\n \ncold soup{mark}bad\n\n")
    assert numbers(read, file) == [4, 7]


@BOTH
def test_an_empty_cell_stays_empty(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"text{mark}label\nwarm soup{mark}\n")
    assert values(read, file) == [{"text": "warm soup", "label": ""}]


@BOTH
def test_a_table_of_names_alone_has_no_rows(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"text{mark}label\n")
    assert values(read, file) == []


@BOTH
def test_an_empty_file_has_no_rows(file: Path, read: Reader, mark: str) -> None:
    file.write_text("")
    assert values(read, file) == []


@BOTH
def test_a_very_long_cell_is_read_whole(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"text{mark}label\n{'x' * 200_000}{mark}good\n")
    assert len(values(read, file)[0]["text"]) == 200_000


@BOTH
@pytest.mark.parametrize(("cells", "count"), [(["cold", "soup", "bad"], 3), (["cold soup"], 1)], ids=["too many", "too few"])
def test_a_ragged_row_is_named_with_its_line(file: Path, read: Reader, mark: str, cells: list[str], count: int) -> None:
    file.write_text(f"text{mark}label\nwarm soup{mark}good\n{mark.join(cells)}\n")
    with pytest.raises(DataError, match=re.escape(f"{file}:3: {count} cells, but there are 2 columns (text, label).")):
        values(read, file)


@BOTH
def test_a_repeated_column_name_is_refused(file: Path, read: Reader, mark: str) -> None:
    file.write_text(f"text{mark}label{mark}text\na{mark}b{mark}c\n")
    expected = f"{file}: column name 'text' stands more than once in the first line. Rename it, or pass --no-header"
    with pytest.raises(DataError, match=re.escape(expected)):
        values(read, file)


def test_a_quoted_csv_cell_may_hold_commas_and_quotes(file: Path) -> None:
    file.write_text('text,label\n"warm, ""very"" warm",good\n')
    assert values(read_csv, file) == [{"text": 'warm, "very" warm', "label": "good"}]


def test_a_quoted_csv_cell_keeps_its_line_ends(file: Path) -> None:
    file.write_bytes(b'text,label\r\n"warm\r\nsoup",good\r\n')
    assert values(read_csv, file) == [{"text": "warm\r\nsoup", "label": "good"}]


def test_a_csv_row_has_the_number_of_its_first_line(file: Path) -> None:
    file.write_text('text,label\n"warm\n\nsoup",good\ncold soup,bad\n')
    assert numbers(read_csv, file) == [2, 5]


def test_a_ragged_csv_row_behind_a_long_cell_is_named_with_its_line(file: Path) -> None:
    file.write_text('text,label\n"warm\nsoup",good\ncold,soup,bad\n')
    with pytest.raises(DataError, match=re.escape(f"{file}:4: 3 cells")):
        values(read_csv, file)


def test_an_unclosed_csv_quote_is_named_with_the_line_it_starts_on(file: Path) -> None:
    file.write_text('text,label\nwarm soup,good\n"cold soup,bad\nold soup,bad\n')
    with pytest.raises(DataError, match=re.escape(f"{file}:3: the row that starts here is not valid csv") + ".*Check its double quotes"):
        values(read_csv, file)


def test_text_behind_a_closing_csv_quote_is_refused(file: Path) -> None:
    file.write_text('text,label\n"warm" soup,good\n')
    with pytest.raises(DataError, match=re.escape(f"{file}:2: the row that starts here is not valid csv")):
        values(read_csv, file)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ('a 5" spoon', 'a 5" spoon'),
        ('"so" they said', '"so" they said'),
        ('"unclosed', '"unclosed'),
        ('"', '"'),
        ('"the whole cell"', "the whole cell"),
        ('"with ""inner"" quotes"', 'with "inner" quotes'),
        ('"hot" or "cold"', '"hot" or "cold"'),
        ('""', ""),
    ],
    ids=["inch", "at the start", "unclosed", "alone", "whole", "doubled", "two pairs", "empty pair"],
)
def test_tsv_quotes_count_only_around_a_whole_cell(file: Path, cell: str, expected: str) -> None:
    file.write_text(f"text\tlabel\n{cell}\tgood\n")
    assert values(read_tsv, file) == [{"text": expected, "label": "good"}]


def test_a_stray_tsv_quote_does_not_swallow_the_next_row(file: Path) -> None:
    file.write_text('text\tlabel\n"warm soup\tgood\ncold soup"\tbad\n')
    assert [row["text"] for row in values(read_tsv, file)] == ['"warm soup', 'cold soup"']


def test_commas_are_plain_text_in_a_tsv_file(file: Path) -> None:
    file.write_text("text\tlabel\nwarm, salty\tgood\n")
    assert values(read_tsv, file) == [{"text": "warm, salty", "label": "good"}]


def test_semicolons_divide_the_cells_where_the_names_say_so(tmp_path: Path) -> None:
    path = tmp_path / "teas.csv"
    path.write_text('text;label\n"mild; soft";1,5\n')
    assert [record.values for record in read_csv(path, CorpusSettings())] == [{"text": "mild; soft", "label": "1,5"}]


def test_a_text_with_semicolons_is_one_cell_where_there_are_no_names(tmp_path: Path) -> None:
    path = tmp_path / "teas.csv"
    path.write_text("mild; soft\nstrong\n")
    assert [record.values for record in read_csv(path, CorpusSettings(header=False))] == [{"1": "mild; soft"}, {"1": "strong"}]
