from pathlib import Path

import numpy as np
import pytest
from conftest import make_session, train_tiny, write_jsonl

from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.naive_bayes import log_count_ratios
from slmcli.preprocessing import preprocess

EXAMPLES = [("kind soup kind", "good"), ("kind", "good"), ("rude soup", "bad"), ("rude rude", "bad")]


def make(path: Path, examples: list[tuple[str, str]]) -> Dataset:
    corpus = str(write_jsonl(path / "corpus.jsonl", examples))
    preprocess(PreprocessSettings(files=[corpus], validation_share=0.0, test_share=0.0, min_frequency=1), path / "dataset", overwrite=False)
    return open_dataset(path / "dataset")


def ratio(source: Dataset, token: str) -> list[float]:
    vocabulary = source.load_tokenizer().vocabulary
    return log_count_ratios(source, vocabulary_size=len(vocabulary))[vocabulary.index(token)].tolist()


def test_a_token_of_one_label_speaks_for_it(tmp_path: Path) -> None:
    # texts with "kind": 2 good, 0 bad; all counts + 1; each label has 3 + 5 = 8 in all: log(3/8) - log(1/8)
    assert ratio(make(tmp_path, EXAMPLES), "kind") == pytest.approx([np.log(3.0)], abs=1e-6)


def test_a_token_of_both_labels_says_nothing(tmp_path: Path) -> None:
    assert ratio(make(tmp_path, EXAMPLES), "soup") == pytest.approx([0.0], abs=1e-6)


def test_padding_and_unknown_say_nothing(tmp_path: Path) -> None:
    assert not log_count_ratios(make(tmp_path, EXAMPLES), vocabulary_size=11)[:2].any()


def test_more_labels_have_a_column_each(tmp_path: Path) -> None:
    assert np.argmax(ratio(make(tmp_path, [*EXAMPLES, ("blue", "sky"), ("blue sea", "sky")]), "blue")) == 2


def test_more_labels_than_a_vector_holds_train_all_the_same(tmp_path: Path) -> None:
    source = make(tmp_path, [(f"word{i % 6} other{i}", f"label{i % 6}") for i in range(24)])
    assert (train_tiny(source.path, tmp_path / "run", embedding=4, epochs=1) / "bundle").is_dir()


def test_ratios_are_added_to_tokens_that_have_subwords(dataset: Path, tmp_path: Path) -> None:
    tables = []
    for start in ("uniform", "naive_bayes"):
        session = make_session(dataset, tmp_path / start, subword_buckets=1000, initial_embedding=start)
        tables.append(next(weight for weight in session.model.weights if weight.name == "embeddings").numpy())
    ratios = log_count_ratios(open_dataset(dataset), vocabulary_size=len(tables[0]))
    np.testing.assert_allclose(tables[1][:, :1] - tables[0][:, :1], 0.25 * ratios, atol=1e-6)
    np.testing.assert_array_equal(tables[1][:, 1:], tables[0][:, 1:])
