import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import write_jsonl

from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.label_issues import write_findings, write_label_issues, write_worst_examples
from slmcli.preprocessing import preprocess
from slmcli.tasks.classification import Sentiment
from slmcli.tasks.multilabel import Multilabel
from slmcli.tasks.numbers import Score

EXAMPLES = [("好吃 😋", "good"), ("難吃 😡", "bad"), ("lovely day", "good"), ("dull day", "bad")]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Four examples that train, and the same four that validate."""
    place = tmp_path_factory.mktemp("issues")
    corpus = str(write_jsonl(place / "corpus.jsonl", EXAMPLES))
    preprocess(PreprocessSettings(files=[corpus], validation=corpus, test_share=0.0, min_frequency=1), place / "dataset", overwrite=False)
    return open_dataset(place / "dataset")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


# labels: bad, good; the first example is given the less probable one
GOOD = np.array([0.1, 0.2, 0.9, 0.3])
PROBABILITIES = np.stack([1.0 - GOOD, GOOD], axis=1)
LABEL_IDS = np.array([1, 0, 1, 0])


def test_the_worst_example_comes_first(source: Dataset, tmp_path: Path) -> None:
    write_worst_examples(tmp_path, source, Sentiment(source.labels), PROBABILITIES, LABEL_IDS, rows=np.arange(4))
    assert read(tmp_path / "worst_examples.jsonl")[0] == {
        "split": "validation", "row": 1, "text": "好吃 😋", "label": "good", "predicted": "bad", "probability": 0.1, "predicted_probability": 0.9,
        "loss": 2.302585,
    }  # fmt: skip


def test_all_examples_are_ordered_by_loss(source: Dataset, tmp_path: Path) -> None:
    write_worst_examples(tmp_path, source, Sentiment(source.labels), PROBABILITIES, LABEL_IDS, rows=np.arange(4))
    assert [line["row"] for line in read(tmp_path / "worst_examples.jsonl")] == [1, 4, 2, 3]


def test_texts_can_be_read_as_they_are(source: Dataset, tmp_path: Path) -> None:
    write_worst_examples(tmp_path, source, Sentiment(source.labels), PROBABILITIES, LABEL_IDS, rows=np.arange(4))
    assert '"好吃 😋"' in (tmp_path / "worst_examples.jsonl").read_text(encoding="utf-8")


def test_rows_in_another_order_are_told_apart(source: Dataset, tmp_path: Path) -> None:
    order = np.array([2, 0, 3, 1])
    write_worst_examples(tmp_path, source, Sentiment(source.labels), PROBABILITIES[order], LABEL_IDS[order], rows=order)
    assert read(tmp_path / "worst_examples.jsonl")[0]["text"] == "好吃 😋"


def test_at_most_fifty_examples_are_written(dataset: Path, tmp_path: Path) -> None:
    source = open_dataset(dataset)
    probabilities = np.full((60, 2), 0.5)
    assert write_worst_examples(tmp_path, source, Sentiment(source.labels), probabilities, np.zeros(60, np.int64), rows=np.zeros(60, np.int64)) == 50


def test_a_likely_label_error_has_both_labels_and_their_probabilities(source: Dataset, tmp_path: Path) -> None:
    # thresholds: bad (0.8 + 0.7) / 2 = 0.75, good (0.1 + 0.9) / 2 = 0.5
    found = write_label_issues(tmp_path, source, Sentiment(source.labels), PROBABILITIES, LABEL_IDS, rows=np.arange(4), splits=("validation",))
    assert read(tmp_path / "label_issues.jsonl") == [
        {
            "split": "validation", "row": 1, "text": "好吃 😋", "label": "good", "suggested": "bad", "probability": 0.1, "suggested_probability": 0.9,
        }
    ]  # fmt: skip
    assert found == {"count": 1, "examples": 4, "splits": ["validation"], "file": "label_issues.jsonl"}


def test_rows_of_the_second_split_are_counted_from_one_again(source: Dataset, tmp_path: Path) -> None:
    right = np.eye(2)[LABEL_IDS]
    both = np.concatenate([right, PROBABILITIES])
    labels = [source.labels.index(example.label) for split in ("train", "validation") for example in source.read(split)]
    both[:4] = np.eye(2)[labels[:4]]
    write_label_issues(tmp_path, source, Sentiment(source.labels), both, np.array(labels), rows=np.arange(8), splits=("train", "validation"))
    assert [(line["split"], line["row"]) for line in read(tmp_path / "label_issues.jsonl")] == [("validation", 1)]


def test_without_likely_errors_the_file_is_empty(source: Dataset, tmp_path: Path) -> None:
    (tmp_path / "label_issues.jsonl").write_text('{"label": "of an earlier training"}\n', encoding="utf-8")
    write_label_issues(tmp_path, source, Sentiment(source.labels), np.eye(2)[LABEL_IDS], LABEL_IDS, rows=np.arange(4), splits=("validation",))
    assert (tmp_path / "label_issues.jsonl").read_text(encoding="utf-8") == ""


def test_numbers_have_neither_file(source: Dataset, tmp_path: Path) -> None:
    assert write_findings(tmp_path, source, Score([]), np.zeros((4, 1)), np.zeros(4), rows=np.arange(4)) == {}
    assert list(tmp_path.iterdir()) == []


def test_sets_of_labels_have_the_loss_of_all_labels_together(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": f"word {tag}", "tags": [tag]}) + "\n" for tag in ("fine", "glad")), encoding="utf-8")
    settings = PreprocessSettings(files=[str(corpus)], validation=str(corpus), test_share=0.0, task="multilabel", min_frequency=1)
    preprocess(settings, tmp_path / "dataset", overwrite=False)
    probabilities, references = np.array([[0.8, 0.6], [0.1, 0.9]]), np.array([[True, False], [False, True]])
    found = write_findings(tmp_path, open_dataset(tmp_path / "dataset"), Multilabel(["fine", "glad"]), probabilities, references, rows=np.arange(2))
    # the first: 0.8 * (1 - 0.6) = 0.32, and with both labels 0.8 * 0.6
    worst = read(tmp_path / "worst_examples.jsonl")[0]
    assert (worst["labels"], worst["predicted"]) == (["fine"], ["fine", "glad"])
    assert (worst["probability"], worst["predicted_probability"]) == (0.32, 0.48)
    assert found == {"worst_examples": {"count": 2, "file": "worst_examples.jsonl"}}
