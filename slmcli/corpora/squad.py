"""Read the JSON of SQuAD: articles with paragraphs, paragraphs with questions, questions with answers."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any  # Any: JSON values

from slmcli.config import CorpusSettings
from slmcli.corpora.base import Record, source_name
from slmcli.errors import DataError
from slmcli.json_stream import read_elements
from slmcli.text_files import open_text


def read(path: Path, settings: CorpusSettings) -> Iterator[Record]:
    """Yield `id`, `title`, `context`, `question` and `answers` of every question, numbered from 1.

    Source: Rajpurkar et al. 2016, the released files; in those of version 2.0 (2018) an impossible question has no answers.
    """
    name, row = source_name(path), 0
    with open_text(path, settings.encoding) as file:
        for number, article in enumerate(read_elements(file, name, key="data"), 1):
            where = f"{name}: article {number}"
            for paragraph in _objects(article, "paragraphs", where):
                for question in _objects(paragraph, "qas", where):
                    row += 1
                    yield Record(name, row, _values(article, paragraph, question, f"{where}, question {row}"))


def _objects(parent: Any, key: str, where: str) -> list[Mapping[str, Any]]:
    found = parent.get(key) if isinstance(parent, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(each, Mapping) for each in found):
        raise DataError(f"{where} has no list {key!r} of objects. The file must be as SQuAD's are: data, paragraphs, qas, answers.")
    return found


def _values(article: Mapping[str, Any], paragraph: Mapping[str, Any], question: Mapping[str, Any], where: str) -> dict[str, Any]:
    for name, value in (("context", paragraph.get("context")), ("question", question.get("question"))):
        if not isinstance(value, str):
            raise DataError(f"{where} has no {name}, or it is no text. Correct the file.")
    answers = [] if question.get("is_impossible") is True else _objects({"answers": [], **question}, "answers", where)
    return {
        "id": question.get("id"),
        "title": article.get("title"),
        "context": paragraph.get("context"),
        "question": question.get("question"),
        "answers": {name: [answer.get(name) for answer in answers] for name in ("text", "answer_start")},
    }
