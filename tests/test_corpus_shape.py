from pathlib import Path

import pytest
from conftest import write_jsonl

from slmcli import corpus_shape
from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.preprocessing import preprocess


def make(place: Path, examples: list[tuple[str, str]], **values: object) -> Dataset:
    corpus = write_jsonl(place / "corpus.jsonl", examples)
    settings = {"task": "topic", "validation_share": 0.0, "test_share": 0.0, "min_frequency": 1, **values}
    preprocess(PreprocessSettings(files=[str(corpus)], **settings), place / "dataset", overwrite=False)
    return open_dataset(place / "dataset")


@pytest.mark.parametrize(("words", "expected"), [(99, False), (100, True)])
def test_long_texts_have_a_hundred_tokens(words: int, expected: bool, tmp_path: Path) -> None:
    dataset = make(tmp_path, [(f"a{number} " + "word " * (words - 1), "xy"[number % 2]) for number in range(6)])
    assert corpus_shape.has_long_texts(dataset) is expected


def test_a_large_corpus_is_one_of_many_training_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = make(tmp_path, [(f"text {number}", "xy"[number % 2]) for number in range(6)])
    assert not corpus_shape.is_large(dataset)
    monkeypatch.setattr(corpus_shape, "_LARGE_CORPUS", 6)
    assert corpus_shape.is_large(dataset)


@pytest.mark.parametrize(("labels", "few", "expected"), [("xyz", 5, True), ("xyz", 2, False), ("xy", 5, False)])
def test_short_and_sparse_are_few_examples_of_each_of_several_labels(
    labels: str, few: int, expected: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = make(tmp_path, [(f"text {number}", labels[number % len(labels)]) for number in range(6)])
    monkeypatch.setattr(corpus_shape, "_FEW_EXAMPLES", few)
    assert corpus_shape.is_short_and_sparse(dataset) is expected


@pytest.mark.parametrize(
    ("text", "settings", "expected"),
    [
        ("the soup was cold", {}, True),
        ("汤是冷的 OK", {}, False),  # a few words of another script change nothing
        ("the soup was cold", {"tokenizer": "character"}, False),
        ("the soup was cold", {"tokenizer": "byte"}, False),
    ],
    ids=["words", "Han", "characters", "bytes"],
)
def test_words_have_more_than_one_character(text: str, settings: dict[str, str], expected: bool, tmp_path: Path) -> None:
    assert corpus_shape.reads_words(make(tmp_path, [(f"{text}", "x"), (f"{text}!", "y")], **settings)) is expected
