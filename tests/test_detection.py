"""Which reader a file needs, by its name and its content."""

import json
import re
from pathlib import Path

import pytest

from slmcli.corpora import READERS
from slmcli.detection import find_format
from slmcli.errors import DataError

ROW = '{"text": "warm soup", "label": "good"}'
SQUAD = json.dumps({"version": "1.1", "data": [{"title": "Ferry", "paragraphs": [{"context": "a", "qas": []}]}]})
TURNS = json.dumps({"turns": ["Hello?", "Yes?"]})
TAGGED = "Ada NNP B-PER\nsails VBZ O\n\nHome NN O\n"
# case -> the format, the file's name, its content
CASES = {
    "csv": ("csv", "a.csv", "text,label\n"),
    "tsv": ("tsv", "a.tab", "text\tlabel\n"),
    "csv whatever is in it": ("csv", "a.csv", ROW),
    "json lines": ("jsonl", "a.ndjson", ROW),
    "json lines called json": ("jsonl", "a.json", f"{ROW}\n{ROW}\n"),
    "json array": ("json", "a.json", f"[{ROW}]"),
    "json array over lines": ("json", "a.json", json.dumps([{"text": "a"}], indent=1)),
    "json array called jsonl": ("json", "a.jsonl", f"[{ROW}]"),
    "json array in an object": ("json", "a.json", f'{{"version": 2, "rows": [{ROW}]}}'),
    "json object over lines": ("json", "a.json", json.dumps({"rows": [{"text": "a"}]}, indent=1)),
    "json without a name": ("json", "corpus", f"[{ROW}]"),
    "json lines without a name": ("jsonl", "corpus", f"{ROW}\n{ROW}\n"),
    "squad": ("squad", "a.json", SQUAD),
    "squad over lines": ("squad", "a.json", json.dumps(json.loads(SQUAD), indent=2)),
    "squad without a name": ("squad", "corpus", SQUAD),
    "lists of objects in rows": ("jsonl", "a.jsonl", '{"text": "a", "label": "b", "entities": [{"start": 0}]}\n' * 3),
    "lists of objects in rows called json": ("jsonl", "a.json", '{"text": "a", "entities": [{"start": 0}]}\n' * 3),
    "lists of objects first in rows": ("jsonl", "a.jsonl", '{"answers": [{"text": "a"}], "question": "b", "context": "a"}\n' * 2),
    "one row with a list of objects": ("jsonl", "a.jsonl", '{"entities": [{"start": 0}], "text": "a"}'),
    "articles of squad, one a line": ("jsonl", "a.jsonl", '{"title": "a", "paragraphs": [{"context": "a"}]}\n' * 2),
    "a first row longer than the head": ("jsonl", "a.jsonl", json.dumps({"text": "a" * 80_000, "spans": [{"start": 0}]}) + "\n" + ROW),
    "a first row longer than the head without a name": ("jsonl", "corpus", json.dumps({"text": "a" * 80_000}) + "\n" + ROW),
    "an object around rows longer than the head": ("json", "a.json", json.dumps({"version": 1.5, "rows": [{"text": "a" * 80_000}]})),
    "empty lines before json lines": ("jsonl", "a.json", f"\n\n{ROW}\n{ROW}\n"),
    "turns beside a text and a label": ("jsonl", "a.jsonl", '{"text": "a", "label": "b", "utterances": ["c", "d"]}\n' * 2),
    "turns beside a topic": ("dialogue", "a.jsonl", '{"topic": "b", "turns": ["c", "d"]}\n' * 2),
    "a vitamin": ("txt", "a.txt", "He takes vitamin B-12\n"),
    "dialogues": ("dialogue", "a.jsonl", TURNS),
    "dialogues in an array": ("dialogue", "a.json", f"[{TURNS}]"),
    "turns with a response": ("jsonl", "a.jsonl", '{"turns": ["Hello?"], "response": "Yes?"}'),
    "conll by its name": ("conll", "a.conll", "words"),
    "conll by another name": ("conll", "a.iob2", "words"),
    "conll in a text file": ("conll", "train.txt", TAGGED),
    "conll with comments": ("conll", "train.txt", "-DOCSTART- -X- O\n\n# id 1\n" + TAGGED),
    "conll without a name": ("conll", "train", TAGGED),
    "fasttext": ("fasttext", "train.txt", "__label__good warm soup\n__label__bad cold soup\n"),
    "plain text": ("txt", "a.txt", "O\nTo be O\nnot to be\n"),
    "plain text that begins like json": ("txt", "a.txt", "[sic] they said\n"),
    "table without a name": ("tsv", "SMSCorpus", "ham\tSee you\nspam\tWin now\n"),
}


@pytest.mark.parametrize("case", CASES)
def test_name_and_content_tell_the_format(tmp_path: Path, case: str) -> None:
    expected, name, content = CASES[case]
    (tmp_path / name).write_text(content)
    assert find_format(tmp_path / name, "utf-8") == expected


def test_a_table_of_columns_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_bytes(b"PAR1\x00\x00")
    assert find_format(tmp_path / "corpus", "utf-8") == "parquet"


def test_a_folder_is_a_format(tmp_path: Path) -> None:
    assert find_format(tmp_path, "utf-8") == "folder"


def test_two_files_with_a_comma_between_them_are_parallel(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("Yes\n")
    (tmp_path / "a.zh").write_text("是\n")
    assert find_format(Path(f"{tmp_path}/a.en,{tmp_path}/a.zh"), "utf-8") == "parallel"


def test_the_first_64_kilobytes_are_judged_by_whole_lines(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("\ufeff" + "Ada B-PER\nsails O\n\n" * 8000, encoding="utf-8")
    assert find_format(tmp_path / "train.txt", "utf-8") == "conll"


def test_every_format_can_be_found() -> None:
    assert {expected for expected, _, _ in CASES.values()} | {"parquet", "folder", "parallel"} == set(READERS.names())


def test_a_file_that_tells_nothing_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "corpus.docx").write_bytes(b"x")
    expected = f"{tmp_path / 'corpus.docx'}: the format is known neither by its name nor by its content. Pass --format, or give it one of the names"
    with pytest.raises(DataError, match=re.escape(expected)):
        find_format(tmp_path / "corpus.docx", "utf-8")
