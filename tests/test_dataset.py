import json
import shutil
from pathlib import Path

import pytest

from slmcli.dataset import open_dataset
from slmcli.errors import DataError, DatasetError, FormatVersionError


@pytest.fixture
def copy(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "dataset"))


def change(path: Path, **values: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


def test_examples_come_back_as_they_were_encoded(dataset: Path) -> None:
    source = open_dataset(dataset)
    tokenizer = source.load_tokenizer()
    assert all(list(example.features["token_ids"]) == tokenizer.encode(example.text) for example in source.read("train"))


def test_the_histogram_counts_every_example(dataset: Path) -> None:
    source = open_dataset(dataset)
    assert sum(source.length_histogram("train").values()) == source.examples("train")


def test_a_directory_without_a_dataset_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"is not a dataset: it has no dataset.json. Make one with `slm preprocess FILE"):
        open_dataset(tmp_path)


def test_another_tokenizer_is_refused(copy: Path) -> None:
    tokenizer = json.loads((copy / "tokenizer.json").read_text(encoding="utf-8"))
    change(copy / "tokenizer.json", vocabulary=[*tokenizer["vocabulary"], "zebra"])
    with pytest.raises(DatasetError, match=r"were encoded with tokenizer \w{16}, but tokenizer.json is \w{16}. Make the dataset again"):
        open_dataset(copy).load_tokenizer()


def test_a_damaged_tokenizer_is_named(copy: Path) -> None:
    (copy / "tokenizer.json").write_text('{"format_version": 2, "tokenizer": "word"}', encoding="utf-8")
    with pytest.raises(DataError, match=r"tokenizer.json is not a complete tokenizer \('settings'\)"):
        open_dataset(copy).load_tokenizer()


def test_a_newer_format_is_refused(copy: Path) -> None:
    change(copy / "dataset.json", format_version=99)
    with pytest.raises(FormatVersionError, match=r"dataset.json has format_version 99; slm .* reads up to 2. Install a newer slmcli"):
        open_dataset(copy)


def test_a_changed_shard_is_named(copy: Path) -> None:
    shard = copy / "test-00000-of-00001.tfrecord"
    shard.write_bytes(shard.read_bytes()[:-9])
    with pytest.raises(DatasetError, match=r"test-00000-of-00001.tfrecord was changed since it was written"):
        list(open_dataset(copy).read("test"))


def test_a_missing_shard_is_named(copy: Path) -> None:
    (copy / "test-00000-of-00001.tfrecord").unlink()
    with pytest.raises(DatasetError, match=r"test-00000-of-00001.tfrecord is missing. The dataset is incomplete"):
        list(open_dataset(copy).read("test"))
