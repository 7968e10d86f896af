import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.config import PreprocessSettings
from slmcli.dataset import Dataset, open_dataset
from slmcli.dividing import NOWHERE, TEST, TRAIN, VALIDATION
from slmcli.preprocessing import preprocess
from slmcli.subsets import rows_of, survey_rows, write_subset, written_order


@pytest.fixture
def source(dataset: Path) -> Dataset:
    """76 training and 10 validation examples."""
    return open_dataset(dataset)


def texts(dataset: Dataset, split: str) -> list[str]:
    return [example.text for example in dataset.read(split)]


def own_splits(source: Dataset) -> np.ndarray:
    return np.repeat(np.array([TRAIN, VALIDATION], np.uint8), [source.examples("train"), source.examples("validation")])


def some_splits(source: Dataset) -> np.ndarray:
    """Return rows in turn in train, validation, test and nowhere."""
    return np.resize(np.array([TRAIN, VALIDATION, TEST, NOWHERE], np.uint8), source.examples("train") + source.examples("validation"))


@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("fact", ["examples", "label_counts", "length_histogram"])
def test_the_counts_of_an_undivided_dataset_stay_as_preprocess_made_them(split: str, fact: str, source: Dataset, tmp_path: Path) -> None:
    subset = write_subset(source, own_splits(source), tmp_path / "subset")
    assert subset.description[fact][split] == source.description[fact][split]


def test_records_are_copied_byte_by_byte(source: Dataset, tmp_path: Path) -> None:
    subset = write_subset(source, own_splits(source), tmp_path / "subset")
    assert list(subset.read_records("train")) == list(source.read_records("train"))


@pytest.mark.parametrize(("split", "name"), [(TRAIN, "train"), (VALIDATION, "validation"), (TEST, "test")])
def test_every_split_holds_its_rows(split: int, name: str, source: Dataset, tmp_path: Path) -> None:
    splits, every = some_splits(source), [*texts(source, "train"), *texts(source, "validation")]
    subset = write_subset(source, splits, tmp_path / "subset")
    assert texts(subset, name) == [every[row] for row in rows_of(source, splits, split)]
    assert sorted(texts(subset, name)) == sorted(every[row] for row in np.flatnonzero(splits == split))


def test_counts_are_those_of_the_examples_it_holds(source: Dataset, tmp_path: Path) -> None:
    subset = write_subset(source, some_splits(source), tmp_path / "subset")
    held = {split: list(subset.read(split)) for split in ("train", "validation", "test")}
    assert subset.description["tokens"] == sum(len(example.features["token_ids"]) for each in held.values() for example in each)
    assert subset.label_counts("test") == {label: sum(example.label == label for example in held["test"]) for label in source.labels}


def test_tokenizer_ngrams_and_labels_are_the_same(source: Dataset, tmp_path: Path) -> None:
    subset, ngrams = write_subset(source, some_splits(source), tmp_path / "subset"), source.load_ngrams()
    copied = subset.load_ngrams()
    assert ngrams is not None and copied is not None
    assert (subset.load_tokenizer().fingerprint, copied.fingerprint) == (source.load_tokenizer().fingerprint, ngrams.fingerprint)
    assert subset.labels == source.labels


def test_other_rows_have_another_fingerprint(source: Dataset, tmp_path: Path) -> None:
    found = [write_subset(source, splits(source), tmp_path / splits.__name__).fingerprint for splits in (own_splits, some_splits)]
    assert len({source.fingerprint, *found}) == 3


def test_a_split_may_be_empty(source: Dataset, tmp_path: Path) -> None:
    subset = write_subset(source, own_splits(source), tmp_path / "subset")
    assert (subset.examples("test"), list(subset.read("test"))) == (0, [])


def test_more_examples_than_a_shard_holds_are_several_shards(source: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.subsets.EXAMPLES_PER_SHARD", 30)
    subset = write_subset(source, own_splits(source), tmp_path / "subset")
    assert [Path(path).name for path in subset.shards("train")] == [f"train-{shard:05d}-of-00003.tfrecord" for shard in range(3)]
    assert texts(subset, "train") == texts(source, "train")


def test_nothing_is_left_of_a_subset_that_cannot_be_written(source: Dataset, tmp_path: Path) -> None:
    with pytest.raises(IndexError):
        write_subset(source, np.zeros(5, np.uint8), tmp_path / "subset")
    assert list(tmp_path.iterdir()) == []


def test_the_rows_of_a_small_source_are_spread_among_those_of_a_large_one() -> None:
    # two rows of the second source, at a quarter and three quarters of the way
    assert written_order([4, 2]).tolist() == [0, 4, 1, 2, 5, 3]


def test_repeats_and_labels_of_all_rows_are_known(source: Dataset) -> None:
    rows = survey_rows(source)
    labels = [example.label for split in ("train", "validation") for example in source.read(split)]
    assert [source.labels[stratum - 1] for stratum in rows.found.strata] == labels
    assert len(set(rows.found.keys.tolist())) == len(labels)


@pytest.mark.parametrize(("chosen", "has_variety"), [(slice(None), True), (slice(0, 1), False)], ids=["all", "one"])
def test_one_example_has_no_variety(chosen: slice, has_variety: bool, source: Dataset) -> None:
    rows = survey_rows(source)
    is_chosen = np.zeros(len(rows.targets), bool)
    is_chosen[chosen] = True
    assert rows.has_variety(is_chosen) == has_variety


def test_examples_with_several_labels_have_no_stratum(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [{"text": f"word {number}", "tags": ["odd", "small"][: number % 3]} for number in range(30)]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(tmp_path / "corpus.jsonl")], task="multilabel", min_frequency=1), tmp_path / "dataset", overwrite=False)
    rows = survey_rows(open_dataset(tmp_path / "dataset"))
    assert set(rows.found.strata.tolist()) == {0, 1}
