"""Which reader a file needs, by its name and its content."""

import json
import re
from pathlib import Path

import pytest

from slmcli.corpora import READERS
from slmcli.detection import find_format, is_pair
from slmcli.errors import DataError

ROW = '{"text": "warm soup", "label": "good"}'
SQUAD = json.dumps({"version": "1.1", "data": [{"title": "Ferry", "paragraphs": [{"context": "a", "qas": []}]}]})
TURNS = json.dumps({"turns": ["Hello?", "Yes?"]})
TAGGED = "Ada NNP B-PER\nsails VBZ O\n\nHome NN O\n"
CASES = {
    "csv": ("a.csv", "text,label\n"),
    "tsv": ("a.tab", "text\tlabel\n"),
    "csv whatever is in it": ("a.csv", ROW),
    "json lines": ("a.ndjson", ROW),
    "json lines called json": ("a.json", f"{ROW}\n{ROW}\n"),
    "json array": ("a.json", f"[{ROW}]"),
    "json array over lines": ("a.json", json.dumps([{"text": "a"}], indent=1)),
    "json array called jsonl": ("a.jsonl", f"[{ROW}]"),
    "json array in an object": ("a.json", f'{{"version": 2, "rows": [{ROW}]}}'),
    "json object over lines": ("a.json", json.dumps({"rows": [{"text": "a"}]}, indent=1)),
    "json without a name": ("corpus", f"[{ROW}]"),
    "json lines without a name": ("corpus", f"{ROW}\n{ROW}\n"),
    "squad": ("a.json", SQUAD),
    "squad over lines": ("a.json", json.dumps(json.loads(SQUAD), indent=2)),
    "squad without a name": ("corpus", SQUAD),
    "answers of flat squad are no rows": ("a.jsonl", '{"context": "a", "answers": [{"text": "a", "answer_start": 0}], "question": "b", "id": 1}'),
    "dialogues": ("a.jsonl", TURNS),
    "dialogues in an array": ("a.json", f"[{TURNS}]"),
    "turns with a response": ("a.jsonl", '{"turns": ["Hello?"], "response": "Yes?"}'),
    "conll by its name": ("a.conll", "words"),
    "conll by another name": ("a.iob2", "words"),
    "conll in a text file": ("train.txt", TAGGED),
    "conll with comments": ("train.txt", "-DOCSTART- -X- O\n\n# id 1\n" + TAGGED),
    "conll without a name": ("train", TAGGED),
    "fasttext": ("train.txt", "__label__good warm soup\n__label__bad cold soup\n"),
    "plain text": ("a.txt", "O\nTo be O\nnot to be\n"),
    "plain text that begins like json": ("a.txt", "[sic] they said\n"),
    "table without a name": ("SMSCorpus", "ham\tSee you\nspam\tWin now\n"),
}
EXPECTED = {
    "csv": "csv", "tsv": "tsv", "csv whatever is in it": "csv", "json lines": "jsonl", "json lines called json": "jsonl", "json array": "json",
    "json array over lines": "json", "json array called jsonl": "json", "json array in an object": "json", "json object over lines": "json",
    "json without a name": "json", "json lines without a name": "jsonl", "squad": "squad", "squad over lines": "squad",
    "squad without a name": "squad", "answers of flat squad are no rows": "jsonl", "dialogues": "dialogue", "dialogues in an array": "dialogue",
    "turns with a response": "jsonl", "conll by its name": "conll", "conll by another name": "conll", "conll in a text file": "conll",
    "conll with comments": "conll", "conll without a name": "conll", "fasttext": "fasttext", "plain text": "txt",
    "plain text that begins like json": "txt", "table without a name": "tsv",
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_name_and_content_tell_the_format(tmp_path: Path, case: str) -> None:
    name, content = CASES[case]
    (tmp_path / name).write_text(content)
    assert find_format(tmp_path / name, "utf-8") == EXPECTED[case]


def test_a_table_of_columns_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_bytes(b"PAR1\x00\x00")
    assert find_format(tmp_path / "corpus", "utf-8") == "parquet"


def test_a_folder_is_a_format(tmp_path: Path) -> None:
    assert find_format(tmp_path, "utf-8") == "folder"


def test_two_files_with_a_comma_between_them_are_parallel(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("Yes\n")
    (tmp_path / "a.zh").write_text("是\n")
    assert find_format(Path(f"{tmp_path}/a.en,{tmp_path}/a.zh"), "utf-8") == "parallel"


def test_a_file_with_a_comma_in_its_name_is_one_file(tmp_path: Path) -> None:
    (tmp_path / "a,b.csv").write_text("text,label\n")
    assert not is_pair(tmp_path / "a,b.csv")


def test_every_format_can_be_found(tmp_path: Path) -> None:
    assert set(EXPECTED.values()) | {"parquet", "folder", "parallel"} == set(READERS.names())


def test_a_file_that_tells_nothing_is_refused_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "corpus.docx").write_bytes(b"x")
    expected = f"{tmp_path / 'corpus.docx'}: the format is known neither by its name nor by its content. Pass --format, or give it one of the names"
    with pytest.raises(DataError, match=re.escape(expected)):
        find_format(tmp_path / "corpus.docx", "utf-8")
