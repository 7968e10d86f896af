"""Which tokenizer and cleaning a corpus gets, and tokenizers taken from elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from slmcli.config import PreprocessSettings
from slmcli.errors import ConfigError, DataError
from slmcli.settling import given_tokenizer, load_tokenizer, settle_text
from slmcli.tasks import TASKS


@pytest.mark.parametrize(
    ("task", "tokenizer", "cleaning"),
    [
        ("sentiment", "word", ["markup", "nfkc", "lowercase", "whitespace"]),
        ("language-model", "bpe", ["nfc"]),
        ("translation", "bpe", ["nfc", "whitespace"]),
        ("ner", "word", ["nfc"]),
    ],
)
def test_the_task_decides_unless_asked(task: str, tokenizer: str, cleaning: list[str]) -> None:
    settings, steps = settle_text(PreprocessSettings(task=task), TASKS.load(task), ["warm soup"])
    assert (settings.tokenizer, steps.cleaning) == (tokenizer, cleaning)


def test_what_was_asked_for_is_taken() -> None:
    asked = PreprocessSettings(tokenizer="byte", cleaning=["nfc,lowercase"])
    settings, steps = settle_text(asked, TASKS.load("sentiment"), [])
    assert (settings.tokenizer, steps.cleaning) == ("byte", ["nfc", "lowercase"])


def test_no_cleaning_can_be_asked_for() -> None:
    assert settle_text(PreprocessSettings(cleaning=["none"]), TASKS.load("sentiment"), [])[1].cleaning == []


def test_the_tokenizer_of_a_dataset_is_found(dataset: Path) -> None:
    assert load_tokenizer(dataset).fingerprint == load_tokenizer(dataset / "tokenizer.json").fingerprint


def test_the_tokenizer_of_a_run_is_found(run: Path, dataset: Path) -> None:
    assert load_tokenizer(run).fingerprint == load_tokenizer(dataset).fingerprint


def test_a_place_without_a_tokenizer_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"--tokenizer-from .*: there is no tokenizer\. Name a dataset, run or bundle directory"):
        load_tokenizer(tmp_path)


def test_a_file_that_is_no_tokenizer_is_named(tmp_path: Path) -> None:
    (tmp_path / "tokenizer.json").write_text("soup")
    with pytest.raises(DataError, match=r"tokenizer\.json is not a tokenizer: it cannot be read as JSON"):
        load_tokenizer(tmp_path)


def test_a_tokenizer_of_hugging_face_is_found(foreign_tokenizer: Path) -> None:
    tokenizer = load_tokenizer(foreign_tokenizer)
    assert (tokenizer.name, tokenizer.cleaning.cleaning) == ("huggingface", [])


def test_a_folder_with_a_tokenizer_of_hugging_face_is_enough(foreign_tokenizer: Path) -> None:
    assert load_tokenizer(foreign_tokenizer.parent).fingerprint == load_tokenizer(foreign_tokenizer).fingerprint


def test_cleaning_can_be_put_before_a_tokenizer_of_hugging_face(foreign_tokenizer: Path) -> None:
    tokenizer = given_tokenizer(PreprocessSettings(tokenizer_from=str(foreign_tokenizer), cleaning=["markup"]))
    assert tokenizer is not None
    assert tokenizer.encode("the <b>soup") == load_tokenizer(foreign_tokenizer).encode("the soup")


def test_without_tokenizer_from_one_is_trained() -> None:
    assert given_tokenizer(PreprocessSettings()) is None


def test_a_tokenizer_that_is_only_loaded_needs_its_file() -> None:
    expected = r"--tokenizer huggingface is not trained but loaded\. Name its tokenizer\.json file with --tokenizer-from\."
    with pytest.raises(ConfigError, match=expected):
        given_tokenizer(PreprocessSettings(tokenizer="huggingface"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"tokenizer": "bpe"}, "it is of kind word, not --tokenizer bpe"),
        ({"cleaning": ["nfc"]}, "it cleans with markup,nfkc,lowercase,whitespace, not --cleaning nfc"),
        ({"cleaning": ["none"]}, "not --cleaning none"),
        ({"splitter": "tweet"}, "--splitter tweet has no influence on it"),
        ({"vocabulary_size": 77}, "--vocabulary-size 77 has no influence on it"),
        ({"min_frequency": 5}, r"--min-frequency 5 has no influence on it\. Leave out what the tokenizer decides, or --tokenizer-from\."),
    ],
    ids=["kind", "cleaning", "no cleaning", "splitter", "size", "frequency"],
)
def test_what_contradicts_the_tokenizer_is_refused(dataset: Path, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=f"--tokenizer-from .*: .*{message}"):
        given_tokenizer(PreprocessSettings(tokenizer_from=str(dataset), **asked))


@pytest.mark.parametrize(
    "asked",
    [{"tokenizer": "word"}, {"cleaning": ["markup,nfkc,lowercase,whitespace"]}, {"ngrams": 2, "min_frequency": 5}],
    ids=["kind", "cleaning", "frequency of n-grams"],
)
def test_what_agrees_with_the_tokenizer_is_taken(dataset: Path, asked: dict[str, Any]) -> None:
    assert given_tokenizer(PreprocessSettings(tokenizer_from=str(dataset), **asked)) is not None
