"""CoNLL files: sentences of words with columns, tags in BIO whatever they were."""

import logging
import re
from pathlib import Path
from typing import Any

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.conll import read, to_bio
from slmcli.errors import DataError


def records(folder: Path, text: str) -> list[Any]:
    """Write a file and read it."""
    path = folder / "harbour.conll"
    path.write_text(text, encoding="utf-8")
    return list(read(path, CorpusSettings()))


def sentences(folder: Path, text: str) -> list[tuple[list[str], list[str]]]:
    """Return words and tags."""
    return [(record.values["tokens"], record.values["tags"]) for record in records(folder, text)]


def test_an_empty_line_ends_a_sentence(tmp_path: Path) -> None:
    assert sentences(tmp_path, "Ada B-PER\nsails O\n\n \nHome O\n") == [(["Ada", "sails"], ["B-PER", "O"]), (["Home"], ["O"])]


def test_a_record_tells_the_line_of_its_first_word(tmp_path: Path) -> None:
    assert [record.row for record in records(tmp_path, "\n\nAda B-PER\nsails O\n\nHome O\n")] == [3, 6]


def test_every_column_is_there_by_its_number(tmp_path: Path) -> None:
    values = records(tmp_path, "Ada NNP I-NP B-PER\nsails VBZ I-VP O\n")[0].values
    assert (values["2"], values["3"], values["tags"]) == (["NNP", "VBZ"], ["I-NP", "I-VP"], ["B-PER", "O"])


def test_words_alone_have_no_tags(tmp_path: Path) -> None:
    assert records(tmp_path, "Ada\nsails\n")[0].values == {"tokens": ["Ada", "sails"], "1": ["Ada", "sails"]}


def test_with_tabs_a_word_may_hold_spaces_or_be_empty(tmp_path: Path) -> None:
    assert sentences(tmp_path, "New York\tB-LOC\r\n\tO\r\n") == [(["New York", ""], ["B-LOC", "O"])]


def test_marks_of_documents_are_no_sentences(tmp_path: Path) -> None:
    assert sentences(tmp_path, "-DOCSTART- -X- O O\n\nAda NNP O B-PER\n\n-DOCSTART- -X- O O\n") == [(["Ada"], ["B-PER"])]


@pytest.mark.parametrize("comment", ["# id = 7", "#id 7 of 12"], ids=["CoNLL-U", "others"])
def test_comments_before_a_sentence_are_left_out(tmp_path: Path, comment: str) -> None:
    assert sentences(tmp_path, f"{comment}\nAda B-PER\n\n{comment}\n# O\nsails O\n") == [(["Ada"], ["B-PER"]), (["#", "sails"], ["O", "O"])]


@pytest.mark.parametrize(
    ("comment", "word"),
    [("# id b domain=en", "Ada NNP X B-PER"), ("# text = Hello Paris", "Ada\tNNP\tX\tY\tB-PER"), ("# a b c d", "Ada\tNNP\tX\tY\tNN")],
    ids=["spaces", "tabs", "tabs without names"],
)
def test_a_comment_with_as_many_words_as_there_are_columns_is_a_comment(tmp_path: Path, comment: str, word: str) -> None:
    found = records(tmp_path, f"{comment}\n{word}\n\n{comment}\n{word}\n".replace("# a b c d\nAda", "Ada", 1))
    assert [record.values["tokens"] for record in found] == [["Ada"], ["Ada"]]


def test_a_word_that_begins_with_the_sign_of_comments_is_a_word(tmp_path: Path) -> None:
    assert sentences(tmp_path, "#harbour\tO\nAda\tB-PER\n") == [(["#harbour", "Ada"], ["O", "B-PER"])]


def test_words_that_were_not_written_are_left_out_of_conll_u(tmp_path: Path) -> None:
    def line(number: str, word: str) -> str:
        return "\t".join([number, word, *("_" for _ in range(8))]) + "\n"

    record = records(
        tmp_path, "# text = Im Hafen\n" + line("1-2", "Im") + line("1", "In") + line("2", "dem") + line("2.1", "x") + line("3", "Hafen")
    )[0]
    assert record.values["2"] == ["In", "dem", "Hafen"]


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("S-PER O B-LOC I-LOC E-LOC", "B-PER O B-LOC I-LOC I-LOC"),
        ("U-PER O B-LOC I-LOC L-LOC", "B-PER O B-LOC I-LOC I-LOC"),
        ("S-PER O B-LOC M-LOC E-LOC", "B-PER O B-LOC I-LOC I-LOC"),
        ("W-PER O B-LOC M-LOC E-LOC", "B-PER O B-LOC I-LOC I-LOC"),
        ("B-PER I-PER O I-LOC", "B-PER I-PER O I-LOC"),
    ],
    ids=["BIOES", "BILOU", "BMES", "BMEWO", "BIO with a mistake"],
)
def test_tags_become_bio(tags: str, expected: str) -> None:
    assert to_bio(tags.split(), scheme="BIO") == expected.split()


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ("I-PER I-PER O I-LOC", "B-PER I-PER O B-LOC"),
        ("I-PER B-PER I-PER", "B-PER B-PER I-PER"),
        ("I-PER I-LOC I-LOC", "B-PER B-LOC I-LOC"),
    ],
    ids=["after O", "after a neighbour of its type", "after another type"],
)
def test_tags_of_iob1_become_bio(tags: str, expected: str) -> None:
    assert to_bio(tags.split(), scheme="IOB1") == expected.split()


def test_the_scheme_iob1_is_recognised_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found = sentences(tmp_path, "Ada I-PER\nBo B-PER\n\nRome I-LOC\n")
    assert found == [(["Ada", "Bo"], ["B-PER", "B-PER"]), (["Rome"], ["B-LOC"])]
    assert "its tags are in the scheme IOB1; they are converted to BIO" in caplog.text


def test_tags_without_prefixes_become_bio(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        found = sentences(tmp_path, "Ada PER\nLee PER\nin O\nRome LOC\n")
    assert found == [(["Ada", "Lee", "in", "Rome"], ["B-PER", "I-PER", "O", "B-LOC"])]
    assert "its tags are in the scheme IO; they are converted to BIO" in caplog.text


def test_parts_of_speech_are_left_alone(tmp_path: Path) -> None:
    assert sentences(tmp_path, "Ada NNP\nsails VBZ\n") == [(["Ada", "sails"], ["NNP", "VBZ"])]


def test_a_word_without_a_tag_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape("harbour.conll:2: the word 'sails' has no tag. Correct the line.")):
        records(tmp_path, "Ada\tB-PER\nsails\t\n")


def test_a_mistake_in_a_bio_file_stays_for_the_report(tmp_path: Path) -> None:
    assert sentences(tmp_path, "Ada B-PER\n\nBo B-PER\n\nRome I-LOC\n")[2] == (["Rome"], ["I-LOC"])


def test_a_line_with_other_columns_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape("harbour.conll:2: 3 columns, but the line before has 2.")):
        records(tmp_path, "Ada B-PER\nsails VBZ O\n")


def test_an_empty_file_has_no_sentences(tmp_path: Path) -> None:
    assert records(tmp_path, "") == []
