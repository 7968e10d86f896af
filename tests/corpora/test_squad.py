"""SQuAD's nested JSON: one record a question."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from slmcli.config import CorpusSettings
from slmcli.corpora.squad import read
from slmcli.errors import DataError

CONTEXT = "The ferry leaves at nine from the old pier."
WHEN = {"id": "a", "question": "When does it leave?", "answers": [{"text": "at nine", "answer_start": 17}, {"text": "nine", "answer_start": 20}]}
WHO = {"id": "b", "question": "Who steers it?", "is_impossible": True, "answers": [], "plausible_answers": [{"text": "ferry", "answer_start": 4}]}
DOCUMENT = {"version": "v2.0", "data": [{"title": "Ferry", "paragraphs": [{"context": CONTEXT, "qas": [WHEN, WHO]}]}]}


def records(path: Path, document: Any) -> list[Any]:
    """Write a document and read it."""
    path.write_text(json.dumps(document))
    return list(read(path, CorpusSettings()))


def test_every_question_is_a_record(tmp_path: Path) -> None:
    first, second = records(tmp_path / "ferry.json", DOCUMENT)
    assert (first.row, second.row) == (1, 2)
    assert first.values == {
        "id": "a",
        "title": "Ferry",
        "context": CONTEXT,
        "question": "When does it leave?",
        "answers": {"text": ["at nine", "nine"], "answer_start": [17, 20]},
    }


def test_an_impossible_question_has_no_answers(tmp_path: Path) -> None:
    assert records(tmp_path / "ferry.json", DOCUMENT)[1].values["answers"] == {"text": [], "answer_start": []}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"data": [{"title": "Ferry"}]}, "article 1 has no list 'paragraphs' of objects."),
        ({"data": [{"paragraphs": ["text"]}]}, "article 1 has no list 'paragraphs' of objects."),
        ({"data": [{"paragraphs": [{"context": CONTEXT}]}]}, "article 1 has no list 'qas' of objects."),
        ({"data": [{"paragraphs": [{"context": "a", "qas": [{"question": "b", "answers": "c"}]}]}]}, "question 1 has no list 'answers' of objects."),
        ({"data": [{"paragraphs": [{"qas": [{"question": "b"}]}]}]}, "article 1, question 1 has no context, or it is no text."),
        ({"data": [{"paragraphs": [{"context": "a", "qas": [{"question": 7}]}]}]}, "article 1, question 1 has no question, or it is no text."),
        ({"rows": []}, "has no list 'data'."),
    ],
    ids=["no paragraphs", "paragraphs of text", "no questions", "answers of text", "no context", "a number", "no data"],
)
def test_another_form_is_refused_with_its_place(tmp_path: Path, document: Any, message: str) -> None:
    with pytest.raises(DataError, match=re.escape(message)):
        records(tmp_path / "ferry.json", document)
