import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from slmcli import vector_files
from slmcli.errors import DataError, OutputError
from slmcli.vector_files import FORMS, is_writable, look_at_vectors, read_vectors, write_vectors

WORDS = ["the", "naïve", "汤"]
MATRIX = np.array([[0.5, -1.0, 0.1], [2.0, 1e-10, -3.25], [0.0, 1.0, 7.0]], np.float32)
GLOVE = "the 0.5 -1 0.1\nnaïve 2 1e-10 -3.25\n汤 0 1 7\n".encode()
FASTTEXT = b"3 3\n" + GLOVE.replace(b"\n", b" \n")
ENTRIES = [word.encode() + b" " + row.tobytes() for word, row in zip(WORDS, MATRIX, strict=True)]
BINARY = b"3 3\n" + b"".join(ENTRIES)
CONTENTS = {
    "glove": GLOVE,
    "glove without a last line end": GLOVE[:-1],
    "word2vec text": b"3 3\n" + GLOVE,
    "fastText": FASTTEXT,
    "windows": b"\xef\xbb\xbf" + FASTTEXT.replace(b"\n", b"\r\n"),
    "tabs": GLOVE.replace(b" ", b"\t"),
    "word2vec binary": BINARY,
    "word2vec binary with line ends": b"3 3\n" + b"".join(entry + b"\n" for entry in ENTRIES),
}


def write(place: Path, content: bytes, name: str = "vectors.dat") -> Path:
    path = place / name
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS)
def test_every_form_is_told_by_its_content(content: bytes, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    found = read_vectors(write(tmp_path, pack(content)), ["soup", *reversed(WORDS)])
    assert found.words == 3
    assert found.is_found.tolist() == [False, True, True, True]
    np.testing.assert_array_equal(found.matrix, [[0.0, 0.0, 0.0], *MATRIX[::-1]])


def test_the_beginning_says_form_and_width(tmp_path: Path) -> None:
    looked = [look_at_vectors(write(tmp_path, content)) for content in (GLOVE, FASTTEXT, BINARY)]
    assert [(each.form, each.width, each.words) for each in looked] == [("glove", 3, None), ("word2vec", 3, 3), ("word2vec-binary", 3, 3)]


def test_words_with_spaces_are_split_from_the_right(tmp_path: Path) -> None:
    path = write(tmp_path, b". . . 1 2\nat name@domain.com 3 4\n7 5 6\nthe 7 8\n")
    found = read_vectors(path, [". . .", "at name@domain.com", "7", "the", "at"])
    assert found.is_found.tolist() == [True, True, True, True, False]
    np.testing.assert_array_equal(found.matrix[:4], [[1, 2], [3, 4], [5, 6], [7, 8]])


def test_the_first_of_repeated_words_wins(tmp_path: Path) -> None:
    assert read_vectors(write(tmp_path, b"the 1 2\nthe 3 4\n"), ["the"]).matrix.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"The 1 2\nthe 3 4\n", [3.0, 4.0]), (b"THE 1 2\nThe 3 4\n", [1.0, 2.0]), ("ÉTÉ 1 2\nété 3 4\nThe 5 6\n".encode(), [5.0, 6.0])],
    ids=["itself", "the first", "other letters"],
)
def test_another_case_serves_where_the_word_itself_is_missing(content: bytes, expected: list[float], tmp_path: Path) -> None:
    path = write(tmp_path, content)
    assert read_vectors(path, ["the"], folds_case=True).matrix.tolist() == [expected]
    assert read_vectors(path, ["THe"]).is_found.tolist() == [False]


def test_letters_beyond_ascii_are_folded_too(tmp_path: Path) -> None:
    path = write(tmp_path, "Été 1 2\nthe 5 6\n".encode())
    assert read_vectors(path, ["été"], folds_case=True).matrix.tolist() == [[1.0, 2.0]]


def test_numbers_of_words_that_are_not_wanted_are_not_looked_at(tmp_path: Path) -> None:
    assert read_vectors(write(tmp_path, b"the 1 2\nsoup nan x\n"), ["the"]).words == 2


def test_a_word_of_a_binary_file_that_is_not_utf8_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path, BINARY.replace("naïve".encode(), b"na\xefve"))
    found = read_vectors(path, WORDS, folds_case=True)
    assert (found.words, found.is_found.tolist()) == (3, [True, False, True])


def test_entries_may_lie_across_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words, matrix = [f"word{i}" for i in range(40)], np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)
    write_vectors(tmp_path / "out.bin", words, matrix, "word2vec-binary")
    monkeypatch.setattr(vector_files, "_BLOCK_BYTES", 37)
    np.testing.assert_array_equal(read_vectors(tmp_path / "out.bin", words).matrix, matrix)


DAMAGED = {
    "empty": (b"", "vectors.dat is empty. Give GloVe text, word2vec text or binary, or fastText .vec."),
    "no numbers": (b"dear sir\n", "vectors.dat:1: 'dear sir' is not the beginning of a file of word vectors. Give GloVe text"),
    "no text": (b"\0\1\2\3", "vectors.dat is not text, and has no header of a word2vec binary file"),
    "zip": (b"PK\x03\x04...", "vectors.dat is a zip archive. Unpack it, and name one of the files in it."),
    "fastText model": (b"\xba\x16\x4f\x2f...", "vectors.dat is a model of fastText. Name its .vec file"),
    "width of zero": (b"3 0\nthe\n", "vectors.dat:1: '3 0' is not the beginning of a file of word vectors"),
    "fewer numbers": (b"the 1 2 3\nsoup 1 2\n", r"vectors.dat:2: 2 numbers stand behind the word 'soup', where others have 3. Remove the line"),
    "more numbers": (b"2 3\nthe 1 2 3\nsoup 1 2 3 4\n", r"vectors.dat:3: 4 numbers stand behind the word 'soup', where others have 3"),
    "another width": (b"2 3\nthe 1 2\nsoup 1 2\n", r"vectors.dat:2: 2 numbers stand behind the word 'the', where others have 3"),
    "no number": (b"soup 1 2\nthe 1 2,5\n", r"vectors.dat:2: '2,5' is not a number. Remove the line, or copy the file again."),
    "not finite": (b"soup 1 2\nthe 1 nan\n", "vectors.dat:2: the value nan is not a finite number. Remove this word from the file"),
    "beyond float32": (b"soup 1 2\nthe 1e39 2\n", r"vectors.dat:2: the value 1e\+39 is not a finite number"),
    "latin-1": (b"the 1 2\nna\xefve 1 2\n", r"vectors.dat:2: the word b'na\\xefve' is not UTF-8. Convert the file to UTF-8."),
    "promised text": (b"1200 2\nthe 1 2\n", "vectors.dat: the header promises 1,200 words, and 1 are there. The file is cut short; copy it again."),
    "promised binary": (BINARY.replace(b"3 3", b"5 3"), "vectors.dat: the header promises 5 words, and 3 are there"),
    "cut binary": (BINARY[:-1], "vectors.dat: entry 3 of the 3 promised is damaged or cut short. Copy the file again."),
    "no finite binary": (
        BINARY.replace(np.float32(0.5).tobytes(), np.float32("inf").tobytes()),
        "vectors.dat: entry 1: the value inf is not a finite number",
    ),
    "cut gzip": (gzip.compress(GLOVE)[:-9], "vectors.dat: the compressed file is damaged or cut short"),
}


@pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
def test_what_is_wrong_is_named_with_its_place(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_vectors(write(tmp_path, content), ["the"])


def test_a_word_without_an_end_is_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vector_files, "_LONGEST_WORD", 100)
    monkeypatch.setattr(vector_files, "_BLOCK_BYTES", 64)
    path = write(tmp_path, BINARY + b"\1" * 1000)
    path.write_bytes(path.read_bytes().replace(b"3 3", b"9 3"))
    with pytest.raises(DataError, match="entry 4 of the 9 promised is damaged"):
        read_vectors(path, ["the"])


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none.vec cannot be read \(No such file or directory\). Give the path of a file of word vectors."):
        read_vectors(tmp_path / "none.vec", ["the"])


def test_a_directory_is_no_file_of_vectors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no plain file. Give the path of a file of word vectors"):
        look_at_vectors(tmp_path)


@pytest.mark.parametrize("name", ["out.txt", "out.vec.gz"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_written_is_read_back_to_the_last_bit(form: str, name: str, tmp_path: Path) -> None:
    matrix = np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32)
    write_vectors(tmp_path / name, WORDS, matrix, form)
    assert look_at_vectors(tmp_path / name).form == form
    np.testing.assert_array_equal(read_vectors(tmp_path / name, WORDS).matrix, matrix)
    assert (tmp_path / name).read_bytes().startswith(b"\x1f\x8b") == name.endswith(".gz")


def test_text_has_no_more_digits_than_are_needed(tmp_path: Path) -> None:
    write_vectors(tmp_path / "out.txt", WORDS, MATRIX, "word2vec")
    assert (tmp_path / "out.txt").read_text(encoding="utf-8").splitlines()[:2] == ["3 3", "the 0.5 -1.0 0.1"]


def test_the_same_vectors_are_the_same_compressed_bytes(tmp_path: Path) -> None:
    for name in ("a.gz", "b.gz"):
        write_vectors(tmp_path / name, WORDS, MATRIX, "glove")
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()


def test_a_file_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no does not exist. Make it, or choose another FILE"):
        write_vectors(tmp_path / "no" / "out.txt", WORDS, MATRIX, "glove", option="FILE")
    with pytest.raises(ValueError, match="zip"):
        write_vectors(tmp_path / "out.txt", WORDS[:2], MATRIX, "glove")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("word", "expected"), [("soup", True), ("a b", False), (" ", False), ("", False), ("\u3000", False), ("##s", True)])
def test_words_with_white_space_cannot_be_written(word: str, expected: bool) -> None:
    assert is_writable(word) is expected
