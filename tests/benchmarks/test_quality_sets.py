import gzip
import json
from pathlib import Path

import pytest
import quality_sets
from quality_sets import SUITES, QualitySet, deal, depends_on_seed, divide, draw, prepare, take, without, write_texts

ROWS = [(f"text {number}", "ab"[number % 2]) for number in range(40)]
PLAIN = QualitySet("plain", "plain", "topic")
PUBLISHED = QualitySet("published", "published", "topic", validation="valid")


def test_dealt_parts_hold_every_row_once() -> None:
    assert sorted(row for part in deal(ROWS, 5, seed=0) for row in part) == sorted(ROWS)


def test_dealt_parts_hold_each_label_evenly() -> None:
    assert [sum(label == "a" for _, label in part) for part in deal(ROWS, 5, seed=0)] == [4] * 5


def test_equal_texts_are_dealt_to_one_part() -> None:
    parts = deal([*ROWS, ("TEXT  7", "b")], 5, seed=0)
    assert [len({("text 7", "b"), ("TEXT  7", "b")} & set(part)) for part in parts].count(2) == 1


def test_another_seed_deals_otherwise() -> None:
    assert deal(ROWS, 5, seed=0) == deal(ROWS, 5, seed=0) != deal(ROWS, 5, seed=1)


def test_taking_a_part_leaves_the_others() -> None:
    assert take([[("x", "a")], [("y", "a")], [("z", "b")]], 1) == ([("y", "a")], [("x", "a"), ("z", "b")])


def test_drawn_rows_and_the_others_are_all_different_texts() -> None:
    drawn, others = draw([*ROWS, ("TEXT 7", "b")], 10, seed=0)
    assert (len(drawn), sorted(drawn + others)) == (10, sorted(ROWS))


def test_without_leaves_out_equal_texts() -> None:
    assert without([("One ", "a"), ("two", "b")], [("one", "a")]) == [("two", "b")]


def test_validation_is_cut_out_of_the_training_rows() -> None:
    parts = divide(PLAIN, {"train": ROWS}, split="validation", seed=0, fold=0)
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 36, "validation": 4}


def test_a_test_leaves_validation_to_the_program() -> None:
    parts = divide(PLAIN, {"train": ROWS, "test": [("new", "a")]}, split="test", seed=0, fold=0)
    assert parts == {"train": ROWS, "test": [("new", "a")]}


def test_published_validation_rows_that_are_in_train_are_left_out() -> None:
    parts = divide(PUBLISHED, {"train": ROWS, "validation": [("Text 1", "b"), ("new", "a")]}, split="validation", seed=0, fold=0)
    assert parts == {"train": ROWS, "validation": [("new", "a")]}


def test_the_folds_are_the_same_for_every_seed() -> None:
    folded = QualitySet("folded", "folded", "topic", folds=5)
    first, second = (divide(folded, {"train": ROWS}, split="test", seed=seed, fold=2)["test"] for seed in (0, 1))
    assert first == second
    assert len(first) == 8


def test_few_labelled_rows_are_judged_on_others_of_the_training_file() -> None:
    few = QualitySet("few", "few", "topic", labelled=10)
    parts = divide(few, {"train": ROWS}, split="validation", seed=0, fold=0)
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 10, "test": 30}


@pytest.mark.parametrize(
    ("quality_set", "split", "expected"), [(PLAIN, "validation", True), (PLAIN, "test", False), (PUBLISHED, "validation", False)]
)
def test_files_depend_on_the_seed_where_something_is_cut(quality_set: QualitySet, split: str, expected: bool) -> None:
    assert depends_on_seed(quality_set, split) is expected


def write_corpus(directory: Path, *names: str) -> None:
    directory.mkdir()
    for name in names:
        with gzip.open(directory / f"{name}.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps({"text": text, "label": label}) + "\n" for text, label in ROWS)


def test_validation_does_not_open_the_test_file(tmp_path: Path) -> None:
    write_corpus(tmp_path / "plain", "train")
    files = prepare(PLAIN, tmp_path, tmp_path / "work", split="validation", seed=0, fold=0)
    assert (files.validation, files.test) == (tmp_path / "work" / "validation.jsonl", None)


def test_prepared_files_hold_text_and_label(tmp_path: Path) -> None:
    write_corpus(tmp_path / "plain", "train", "test")
    files = prepare(PLAIN, tmp_path, tmp_path / "work", split="test", seed=0, fold=0)
    assert files.train.read_text(encoding="utf-8").splitlines()[0] == '{"text": "text 0", "label": "a"}'


@pytest.mark.parametrize("suite", list(SUITES))
def test_names_are_unique(suite: str) -> None:
    names = [quality_set.name for quality_set in SUITES[suite]]
    assert len(names) == len(set(names))


def test_texts_without_labels_are_those_of_other_corpora_each_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"one/train.jsonl.gz": ["a", "b"], "two/train.txt.gz": ["text"], "plain/train.jsonl.gz": ["a"], "plain/unsup.jsonl.gz": ["a"]}
    monkeypatch.setattr(quality_sets, "TEXTS", {"en": fields})
    rows = {"one": [{"a": ["x", "y"], "b": "z"}, {"a": ["x", "y"], "b": " "}], "plain": [{"a": "labelled"}]}
    for name, found in rows.items():
        (tmp_path / name).mkdir()
        with gzip.open(tmp_path / name / "train.jsonl.gz", "wt", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in found)
    with gzip.open(tmp_path / "plain" / "unsup.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"a": "nobody knows"}) + "\n")
    (tmp_path / "two").mkdir()
    with gzip.open(tmp_path / "two" / "train.txt.gz", "wt", encoding="utf-8") as file:
        file.write("first line\n\nz\n")
    write_texts(PLAIN, tmp_path, tmp_path / "new" / "texts.jsonl")
    written = (tmp_path / "new" / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line) for line in written] == [{"text": text} for text in ("x y", "z", "first line", "nobody knows")]
