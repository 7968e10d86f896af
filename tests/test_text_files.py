"""Lines of text files: byte order marks, line ends, compression, and encodings explained."""

import bz2
import gzip
import importlib
import io
import lzma
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slmcli.errors import ConfigError, DataError
from slmcli.text_files import COMPRESSIONS, STANDARD_INPUT, read_documents, read_head, read_lines, split_pair

zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

FRENCH = "Le café était fermé, mais la boulangère nous a préparé du thé bien chaud.\n"
SPANISH = "¡Hola! ¡Ven! ¡Canta!\n"
# here and there a letter that gb18030 would read as a Chinese character
ENGLISH = "A naïve painter walked from Orléans to the sea and back in a week.\n"
CHINESE = "今天的汤很好喝，我们明天还来。\n"
# a gzip header, then a block of a kind that does not exist
DAMAGED_GZIP = gzip.compress(b"")[:10] + b"\xff" * 20
# long enough to be decompressed in several steps
NOISE = random.Random(0).randbytes(30_000).hex().encode()


COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd.compress}


def lines(path: Path, encoding: str = "utf-8", *, keep_line_ends: bool = False) -> list[str]:
    """Return all lines of a file."""
    return list(read_lines(path, encoding, keep_line_ends=keep_line_ends))


def saved(path: Path, content: bytes) -> Path:
    """Write a file, compressed when its name asks for it."""
    path.write_bytes(COMPRESS.get(path.suffix, bytes)(content))
    return path


@pytest.fixture(params=["boats.txt", *(f"boats.txt{suffix}" for suffix in COMPRESS)])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A place for a file, compressed or not."""
    return tmp_path / str(request.param)


def test_lines_are_read_in_order(file: Path) -> None:
    assert lines(saved(file, b"red boat\n\nblue boat\n")) == ["red boat\n", "\n", "blue boat\n"]


def test_a_last_line_without_an_end_is_read(file: Path) -> None:
    assert lines(saved(file, b"red boat\nblue boat")) == ["red boat\n", "blue boat"]


def test_an_empty_file_has_no_lines(file: Path) -> None:
    assert lines(saved(file, b"")) == []


def test_a_byte_order_mark_is_left_out(file: Path) -> None:
    assert lines(saved(file, b"\xef\xbb\xbfred boat\nblue boat\n")) == ["red boat\n", "blue boat\n"]


def test_a_byte_order_mark_inside_the_text_stays(file: Path) -> None:
    assert lines(saved(file, "red boat\n\ufeffblue boat\n".encode())) == ["red boat\n", "\ufeffblue boat\n"]


def test_windows_line_ends_become_plain_ones(file: Path) -> None:
    assert lines(saved(file, b"red boat\r\nblue boat\r\n")) == ["red boat\n", "blue boat\n"]


def test_windows_line_ends_are_kept_on_request(file: Path) -> None:
    assert lines(saved(file, b"red boat\r\nblue boat\r\n"), keep_line_ends=True) == ["red boat\r\n", "blue boat\r\n"]


def test_a_unicode_line_separator_does_not_end_a_line(file: Path) -> None:
    assert lines(saved(file, "red\u2028boat\x0b\x85\n".encode())) == ["red\u2028boat\x0b\x85\n"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "gbk"])
def test_a_text_is_read_in_the_encoding_asked_for(file: Path, encoding: str) -> None:
    assert lines(saved(file, (CHINESE * 2).encode(encoding)), encoding) == [CHINESE, CHINESE]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        (SPANISH, "cp1252"),
        (ENGLISH, "cp1252"),
        (CHINESE, "gb18030"),
        ("The harbour " * 40 + CHINESE[:4], "gb18030"),
        (FRENCH, "utf-16"),
        (FRENCH, "utf-32"),
    ],
    ids=["cp1252", "cp1252 symbols", "cp1252 letters", "gb18030", "gb18030 in English", "utf-16", "utf-32"],
)
def test_a_wrong_encoding_is_refused_with_the_one_it_looks_like(file: Path, text: str, encoding: str) -> None:
    saved(file, text.encode(encoding))
    with pytest.raises(DataError, match=re.escape(f"It looks like {encoding}: pass --encoding {encoding}.")):
        lines(file)


@pytest.mark.parametrize(("text", "encoding"), [("café\n", "ascii"), (CHINESE, "gb18030")], ids=["ascii", "gb18030"])
def test_utf_8_read_as_something_else_is_recognised(file: Path, text: str, encoding: str) -> None:
    saved(file, text.encode("utf-8"))
    with pytest.raises(DataError, match=r"It looks like utf-8: pass --encoding utf-8\."):
        lines(file, encoding)


def test_a_wrong_encoding_is_located_by_line_and_byte(file: Path) -> None:
    saved(file, b"red boat\nblue boat\n" + FRENCH.encode("cp1252"))
    with pytest.raises(DataError, match=re.escape(f"{file}:3: byte 0xE9 is not valid utf-8.")):
        lines(file)


def test_bytes_of_no_known_encoding_are_to_be_converted(file: Path) -> None:
    # 0x81 is no character in cp1252, and 0x81 0xFF is none in gb18030
    saved(file, b"red \x81\xff boat\n")
    with pytest.raises(DataError, match=re.escape("byte 0x81 is not valid utf-8. Convert it to UTF-8, or pass its --encoding.")):
        lines(file)


def test_utf_16_without_its_mark_is_refused(file: Path) -> None:
    saved(file, b"red boat\n")
    with pytest.raises(DataError, match=re.escape(f"{file} is not utf-16 text")):
        lines(file, "utf-16")


@pytest.mark.parametrize("encoding", ["utf-9", "unicorn", "hex"], ids=["misspelt", "no such", "not of text"])
def test_an_unknown_encoding_is_refused_with_examples(file: Path, encoding: str) -> None:
    saved(file, b"red boat\n")
    with pytest.raises(ConfigError, match=re.escape(f"--encoding {encoding!r} is unknown. Use a name such as utf-8, gb18030")):
        lines(file, encoding)


def test_a_missing_file_is_named(file: Path) -> None:
    with pytest.raises(DataError, match=re.escape(f"{file} cannot be read (No such file or directory)")):
        lines(file)


def test_a_folder_in_place_of_a_file_is_named(file: Path) -> None:
    file.mkdir()
    with pytest.raises(DataError, match=re.escape(f"{file} cannot be read (Is a directory)")):
        lines(file)


@pytest.mark.parametrize(
    "content",
    [gzip.compress(NOISE)[:-9], gzip.compress(NOISE)[:2000], gzip.compress(NOISE)[:-8] + b"\0" * 8, DAMAGED_GZIP, b"red boat\n"],
    ids=["end missing", "half missing", "checksum wrong", "block damaged", "not gzip"],
)
def test_damaged_compression_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "boats.txt.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=re.escape(f"{path}: the gzip file is damaged or cut short") + ".*Copy or download it again"):
        lines(path)


@pytest.mark.parametrize(("suffix", "title"), [("gz", "gzip"), ("bz2", "bzip2"), ("xz", "xz"), ("zst", "Zstandard")])
@pytest.mark.parametrize("damage", [lambda content: content[:-9], lambda content: b"red boat\n", lambda content: content[:100] + b"\xff" * 20])
def test_every_compression_says_when_it_is_damaged(tmp_path: Path, suffix: str, title: str, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / f"boats.txt.{suffix}"
    path.write_bytes(damage(COMPRESS[f".{suffix}"](NOISE)))
    with pytest.raises(DataError, match=re.escape(f"{path}: the {title} file is damaged or cut short")):
        lines(path)


def test_every_compression_is_tested() -> None:
    assert {suffix.removeprefix(".") for suffix in COMPRESS} == set(COMPRESSIONS)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_compression_is_recognised_without_its_name(tmp_path: Path, suffix: str) -> None:
    (tmp_path / "boats.txt").write_bytes(COMPRESS[suffix](b"red boat\n"))
    assert lines(tmp_path / "boats.txt") == ["red boat\n"]


@pytest.mark.parametrize(
    ("unit", "documents"),
    [
        ("line", [(1, ""), (2, "red boat"), (3, "blue boat"), (4, " "), (5, ""), (6, "sea")]),
        ("paragraph", [(2, "red boat\nblue boat"), (6, "sea")]),
        ("file", [(1, "\nred boat\nblue boat\n \n\nsea\n")]),
    ],
)
def test_a_document_is_a_line_a_paragraph_or_the_file(tmp_path: Path, unit: Any, documents: list[tuple[int, str]]) -> None:
    path = saved(tmp_path / "boats.txt", b"\nred boat\r\nblue boat\n \n\nsea\n")
    assert list(read_documents(path, "utf-8", unit=unit)) == documents


def test_the_head_of_a_file_is_read_without_its_mark(file: Path) -> None:
    assert read_head(saved(file, "\ufeffrouge\nécru".encode()), "utf-8", characters=8) == ("rouge\né", False)


def test_a_head_can_be_the_whole_file(file: Path) -> None:
    assert read_head(saved(file, b"red"), "utf-8", characters=3) == ("red", True)


def test_a_text_that_begins_like_an_archive_is_a_text(tmp_path: Path) -> None:
    assert lines(saved(tmp_path / "boats.txt", b"BZhang is great\n")) == ["BZhang is great\n"]


def test_two_files_with_a_comma_between_them_are_a_pair(tmp_path: Path) -> None:
    names = [f"{tmp_path}/{letter * 130}" for letter in "ab"]
    for name in names:
        Path(name).touch()
    assert split_pair(Path(",".join(names))) == (Path(names[0]), Path(names[1]))


def test_a_file_with_a_comma_in_its_name_is_no_pair(tmp_path: Path) -> None:
    for name in ("a", "b.csv", "a,b.csv"):
        (tmp_path / name).touch()
    assert split_pair(tmp_path / "a,b.csv") is None


def test_a_wrong_byte_far_behind_is_located(file: Path) -> None:
    saved(file, b"red boat\n" * 300_000 + FRENCH.encode("cp1252"))
    with pytest.raises(DataError, match=re.escape(f"{file}:300001: byte 0xE9 is not valid utf-8. It looks like cp1252")):
        lines(file)


def test_a_file_both_cut_short_and_in_a_wrong_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "boats.txt.gz"
    path.write_bytes(gzip.compress(b"caf\xe9\n" + NOISE)[:-2000])
    with pytest.raises(DataError, match=re.escape(str(path))):
        lines(path)


def test_standard_input_is_read_like_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("\ufeffrouge\r\nécru".encode())))
    assert lines(STANDARD_INPUT) == ["rouge\n", "écru"]


def test_standard_input_in_a_wrong_encoding_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(FRENCH.encode("cp1252"))))
    with pytest.raises(DataError, match="standard input is not utf-8 text"):
        lines(STANDARD_INPUT)


def test_utf_16_without_its_mark_is_recognised(tmp_path: Path) -> None:
    saved(tmp_path / "boats.txt", "red boat\n".encode("utf-16-le"))
    with pytest.raises(
        DataError, match=re.escape("boats.txt:1: every other character is NUL. It looks like UTF-16 without its mark: pass --encoding utf-16-le")
    ):
        lines(tmp_path / "boats.txt")
