from pathlib import Path

import pytest
from conftest import write_jsonl

from slmcli.config import ExplainSettings
from slmcli.errors import BundleError, DataError
from slmcli.explaining import open_explaining
from slmcli.important_words import explain_corpus


def explain(run: Path, **settings: object) -> dict:
    return explain_corpus(open_explaining(run, ExplainSettings.model_validate(settings)), run)


def test_words_of_a_label_are_put_together_as_they_are_after_cleaning(run: Path, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "c.jsonl", [("Lovely soup", "?"), ("the soup was LOVELY", "?"), ("lovely, lovely", "?")])
    found = explain(run, data=[str(file)], label="good")["labels"]["good"]
    assert found["texts"] == 3
    assert [(row["word"], row["count"], row["texts"]) for row in found["for"]][:1] == [("lovely", 4, 3)]


def test_a_text_counts_for_the_label_that_is_predicted(run: Path, corpus: Path) -> None:
    found = explain(run, data=[str(corpus)])
    assert set(found["labels"]) == {"bad", "good"}
    assert sum(label["texts"] for label in found["labels"].values()) == found["explained"] == found["texts"] == 96
    assert found["mean_area_between"] > 0.1


def test_the_texts_drawn_are_the_same_twice(run: Path, corpus: Path) -> None:
    settings = {"data": [str(corpus)], "texts_drawn": 12, "faithfulness": False}
    assert explain(run, **settings) == explain(run, **settings)
    assert explain(run, **settings)["mean_area_between"] is None


def test_a_corpus_without_a_word_is_refused(run: Path, tmp_path: Path) -> None:
    file = write_jsonl(tmp_path / "c.jsonl", [(" ", "?"), ("<br>", "?")])
    with pytest.raises(DataError, match=r"c\.jsonl: none of 2 texts has a word that the model reads\."):
        explain(run, data=[str(file)])


def test_a_bundle_alone_knows_no_corpus(run: Path) -> None:
    explaining = open_explaining(run / "bundle", ExplainSettings())
    with pytest.raises(BundleError, match=r"does not know its dataset\. Pass --data FILE\."):
        explain_corpus(explaining, run / "bundle")
