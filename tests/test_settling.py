"""Which tokenizer and cleaning a corpus gets, and tokenizers taken from elsewhere."""

from pathlib import Path

import pytest

from slmcli.config import PreprocessSettings
from slmcli.errors import ConfigError, DataError
from slmcli.settling import load_tokenizer, settle_text
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
