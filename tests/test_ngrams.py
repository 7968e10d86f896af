"""N-grams: hashed by their tokens and order, counted in the training split, the frequent ones kept."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slmcli.config import PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError
from slmcli.ngrams import BUCKETS, NgramVocabulary, hash_ngrams
from slmcli.preprocessing import preprocess
from slmcli.tokenizers.base import UNKNOWN_ID


def ids(*token_ids: int) -> np.ndarray:
    return np.array(token_ids, np.int32)


def vocabulary(*texts: np.ndarray, order: int = 2, size: int = 100, min_frequency: int = 1) -> NgramVocabulary:
    counts = np.zeros(BUCKETS, np.uint32)
    for text in texts:
        np.add.at(counts, hash_ngrams(text, order), 1)
    return NgramVocabulary.build(counts, order=order, size=size, min_frequency=min_frequency)


@given(length=st.integers(0, 12), order=st.integers(2, 5))
@settings(deadline=None, derandomize=True)
def test_a_text_has_every_ngram_of_every_size(length: int, order: int) -> None:
    expected = sum(max(0, length - size + 1) for size in range(2, order + 1))
    assert len(hash_ngrams(np.arange(10, 10 + length), order)) == expected


def test_the_order_of_tokens_matters() -> None:
    assert hash_ngrams(ids(7, 8), 2) != hash_ngrams(ids(8, 7), 2)


def test_a_triple_is_not_its_first_pair() -> None:
    pairs_and_triple = hash_ngrams(ids(7, 8, 9), 3)
    assert len(set(pairs_and_triple.tolist())) == 3


def test_the_same_pair_has_the_same_bucket_anywhere() -> None:
    assert hash_ngrams(ids(7, 8), 2)[0] == hash_ngrams(ids(50, 7, 8, 60), 2)[1]


def test_different_pairs_rarely_share_a_bucket() -> None:
    pairs = np.stack(np.meshgrid(np.arange(10, 110), np.arange(10, 110)), -1).reshape(-1, 2)
    buckets = {int(hash_ngrams(pair, 2)[0]) for pair in pairs}
    assert len(buckets) > 0.998 * len(pairs)


def test_an_ngram_with_an_unknown_token_is_left_out() -> None:
    assert hash_ngrams(ids(7, UNKNOWN_ID, 8, 9), 3).tolist() == hash_ngrams(ids(8, 9), 2).tolist()


def test_the_most_frequent_ngram_has_id_1() -> None:
    found = vocabulary(ids(7, 8), ids(7, 8), ids(8, 9))
    assert (found.encode(ids(7, 8)).tolist(), found.encode(ids(8, 9)).tolist()) == ([1], [2])


def test_a_repeated_ngram_is_there_twice() -> None:
    assert vocabulary(ids(7, 8)).encode(ids(7, 8, 7, 8)).tolist() == [1, 1]


def test_an_ngram_never_counted_has_no_id() -> None:
    assert vocabulary(ids(7, 8)).encode(ids(8, 7)).tolist() == []


def test_a_rare_ngram_has_no_id() -> None:
    assert vocabulary(ids(7, 8), ids(7, 8), ids(8, 9), min_frequency=2).encode(ids(8, 9)).tolist() == []


def test_no_more_ngrams_are_kept_than_asked_for() -> None:
    assert len(vocabulary(np.arange(10, 60), size=20).buckets) == 20


@pytest.mark.parametrize("text", [ids(), ids(7)], ids=["no token", "one token"])
def test_a_text_too_short_has_no_ngrams(text: np.ndarray) -> None:
    assert vocabulary(ids(7, 8), order=3).encode(text).tolist() == []


def test_an_empty_vocabulary_knows_no_ngram() -> None:
    assert vocabulary().encode(ids(7, 8)).tolist() == []


def test_a_saved_vocabulary_gives_the_same_ids() -> None:
    found = vocabulary(np.arange(10, 60), order=3)
    again = NgramVocabulary.from_json(json.loads(json.dumps(found.to_json())))
    assert (again.encode(np.arange(20, 40)).tolist(), again.fingerprint) == (found.encode(np.arange(20, 40)).tolist(), found.fingerprint)


def corpus(directory: Path) -> Path:
    rows = [{"text": f"good {noun} here", "label": "a"} for noun in ("day", "meal", "day", "walk")] * 3
    rows += [{"text": f"bad {noun} here", "label": "b"} for noun in ("day", "meal", "night", "walk")] * 3
    path = directory / "corpus.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def make(directory: Path, **values: object) -> Path:
    wanted = PreprocessSettings(files=[str(corpus(directory))], **{"ngrams": 3, "validation_share": 0.25, "test_share": 0.0, **values})
    preprocess(wanted, directory / "dataset", overwrite=True)
    return directory / "dataset"


def test_the_examples_of_a_dataset_hold_the_ids_of_their_ngrams(tmp_path: Path) -> None:
    dataset = open_dataset(make(tmp_path))
    ngrams = dataset.load_ngrams()
    assert ngrams is not None
    for split in dataset.splits:
        for example in dataset.read(split):
            assert example.features["ngram_ids"].tolist() == ngrams.encode(example.features["token_ids"]).tolist()
    assert any(len(example.features["ngram_ids"]) for example in dataset.read("validation"))


def test_only_the_training_split_is_counted(tmp_path: Path) -> None:
    dataset = open_dataset(make(tmp_path))
    expected = vocabulary(*(example.features["token_ids"] for example in dataset.read("train")), order=3, min_frequency=2)
    ngrams = dataset.load_ngrams()
    assert ngrams is not None
    assert ngrams.buckets.tolist() == expected.buckets.tolist()


def test_more_processes_count_the_same(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = (open_dataset(make(tmp_path / name, workers=workers)) for name, workers in (("one", 1), ("two", 2)))
    assert one.description["ngrams"] == two.description["ngrams"]


def test_a_dataset_without_ngrams_has_none(tmp_path: Path) -> None:
    assert open_dataset(make(tmp_path, ngrams=1)).load_ngrams() is None


def test_a_task_without_one_text_refuses_ngrams(tmp_path: Path) -> None:
    expected = "--ngrams 3: the task pair has no stream of n-grams. Leave it out; tasks that have one: "
    with pytest.raises(ConfigError, match=expected):
        make(tmp_path, task="pair")
