"""Plain text, one example a line."""

import gzip
from pathlib import Path

from slmcli.config import CorpusSettings
from slmcli.corpora.text import read


def texts(path: Path) -> list[str]:
    """Return the text of every row."""
    return [record.values["text"] for record in read(path, CorpusSettings())]


def test_every_line_is_a_text(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("first note\nsecond note\n")
    assert texts(tmp_path / "notes.txt") == ["first note", "second note"]


def test_empty_lines_keep_their_place(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("first note\n\nthird note\n")
    assert texts(tmp_path / "notes.txt") == ["first note", "", "third note"]


def test_a_record_tells_its_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("first note\n\nthird note\n")
    assert [(record.source, record.row) for record in read(path, CorpusSettings())] == [(str(path), 1), (str(path), 2), (str(path), 3)]


def test_only_the_line_end_is_cut_off(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"  first note \t\r\n")
    assert texts(tmp_path / "notes.txt") == ["  first note \t"]


def test_there_is_no_label(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("first note\n")
    assert [record.values for record in read(tmp_path / "notes.txt", CorpusSettings())] == [{"text": "first note"}]


def test_a_byte_order_mark_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_bytes(b"\xef\xbb\xbffirst note\n")
    assert texts(tmp_path / "notes.txt") == ["first note"]


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "notes.txt.gz").write_bytes(gzip.compress(b"first note\nsecond note\n"))
    assert texts(tmp_path / "notes.txt.gz") == ["first note", "second note"]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("")
    assert texts(tmp_path / "notes.txt") == []
