"""Batches from memory: divided as worked by hand, and equal to those made from disk example by example."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli import packed, streamed
from slmcli.records import encode_examples, frame
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask

LABELS = ("a", "b", "c")
TARGETS: dict[str, Callable[[int], dict[str, Any]]] = {
    "sentiment": lambda row: {"label": np.array([row % 3])},
    "pair": lambda row: {"label": np.array([row % 3]), "pair_token_ids": np.arange(1, 1 + row * 5 % 9)},
    "multilabel": lambda row: {"label_ids": np.arange(row % 4)},
    "score": lambda row: {"score": np.array([row / 2], np.float32)},
    "similarity": lambda row: {"score": np.array([row / 2], np.float32), "pair_token_ids": np.arange(1, 1 + row * 5 % 9)},
}


def write_shard(place: Path, task: str, *, examples: int) -> list[str]:
    """Write examples of 0 to 7 tokens."""
    rows = [{"token_ids": np.arange(row, row + row * 3 % 8) + 1, **TARGETS[task](row)} for row in range(examples)]
    path = place / "train.tfrecord"
    path.write_bytes(b"".join(map(frame, encode_examples(rows))) if rows else b"")
    return [str(path)]


def arrays(batches: Any) -> list[list[np.ndarray]]:
    """Return all tensors of each batch."""
    import tensorflow as tf

    return [[tensor.numpy() for tensor in tf.nest.flatten(batch)] for batch in batches]


def load(task: str) -> TrainableTask:
    made: TrainableTask = TASKS.load(task)(LABELS)
    return made


def test_one_feature_is_read_without_the_others(tmp_path: Path) -> None:
    shards = write_shard(tmp_path, "sentiment", examples=5)
    ids, lengths = packed.read_ids([*shards, *shards], "token_ids", most=10**6)
    rows = [list(range(row + 1, row + 1 + row * 3 % 8)) for row in range(5)]
    assert ids.dtype == np.int32
    assert (ids.tolist(), lengths.tolist()) == ([each for row in rows + rows for each in row], [len(row) for row in rows + rows])


FORM: dict[str, Any] = {"batch_size": 4, "limits": [2, 5, 8], "label_weights": [1.0, 2.0, 3.0]}


@pytest.mark.parametrize("limits", [[2, 5, 8], [12], [3]], ids=["buckets", "one length", "longer than the last limit"])
@pytest.mark.parametrize("task", list(TARGETS))
def test_batches_from_memory_are_those_from_disk(task: str, limits: list[int], tmp_path: Path) -> None:
    shards = write_shard(tmp_path, task, examples=41)
    form = {**FORM, "limits": limits}
    found = arrays(packed.ordered_batches(packed.read_features(shards, load(task)), load(task), **form))
    expected = arrays(streamed.ordered_batches(shards, load(task), **form))
    assert len(found) == len(expected) > 10
    assert all(
        a.dtype == b.dtype and np.array_equal(a, b) for left, right in zip(found, expected, strict=True) for a, b in zip(left, right, strict=True)
    )


def test_a_full_bucket_is_a_batch_and_the_rest_follows_from_short_to_long() -> None:
    lengths = np.array([[1, 9, 2, 8, 9, 3, 0]])  # buckets up to 5 and up to 9
    found = packed.divide(np.array([6, 5, 4, 3, 2, 1, 0]), lengths, [5, 9], batch_size=2)
    batches = [found.rows[start:end].tolist() for start, end in zip(found.starts, found.ends, strict=True)]
    # in that order: 6 short, 5 short (full), 4 long, 3 long (full), 2 short, 1 long, 0 short (full)
    assert batches == [[6, 5], [4, 3], [2, 0], [1]]


def test_each_input_feature_is_as_wide_as_the_limit_above_its_longest() -> None:
    lengths = np.array([[1, 2, 4, 4], [2, 1, 9, 0]])  # two features of four examples
    found = packed.divide(np.arange(4), lengths, [3, 5, 10], batch_size=2)
    # examples 0 and 1, then what is left: 3, then 2
    assert found.widths.tolist() == [[3, 3], [5, 3], [5, 10]]


def from_memory(shards: list[str], **order: Any) -> list[list[np.ndarray]]:
    return arrays(packed.shuffled_batches(packed.read_features(shards, load("score")), load("score"), **FORM, **order))


def from_disk(shards: list[str], **order: Any) -> list[list[np.ndarray]]:
    return arrays(streamed.shuffled_batches(shards, load("score"), **FORM, **order))


def scores(batches: list[list[np.ndarray]]) -> list[float]:
    """Return the scores of all examples, which tell them apart."""
    return [float(value) for _, targets, _ in batches for value in targets[:, 0]]


both = pytest.mark.parametrize("read", [from_memory, from_disk], ids=["memory", "disk"])


@both
def test_a_pass_holds_every_example_once(read: Any, tmp_path: Path) -> None:
    found = read(write_shard(tmp_path, "score", examples=41), seeds=[5], skip_steps=0)
    assert sorted(scores(found)) == [row / 2 for row in range(41)]


@both
def test_a_pass_depends_on_its_seed_alone(read: Any, tmp_path: Path) -> None:
    shards = write_shard(tmp_path, "score", examples=41)
    assert scores(read(shards, seeds=[5, 6], skip_steps=0))[41:] == scores(read(shards, seeds=[6], skip_steps=0))


@both
def test_another_seed_gives_another_order(read: Any, tmp_path: Path) -> None:
    shards = write_shard(tmp_path, "score", examples=41)
    assert scores(read(shards, seeds=[5], skip_steps=0)) != scores(read(shards, seeds=[6], skip_steps=0))


@both
@pytest.mark.parametrize("skip_steps", [1, 11, 14])
def test_skipped_batches_leave_the_rest_as_it_was(skip_steps: int, read: Any, tmp_path: Path) -> None:
    shards = write_shard(tmp_path, "score", examples=41)
    whole, rest = read(shards, seeds=[5, 6], skip_steps=0), read(shards, seeds=[5, 6], skip_steps=skip_steps)
    assert scores(rest) == scores(whole[skip_steps:])


@both
def test_no_example_gives_no_batch(read: Any, tmp_path: Path) -> None:
    assert read(write_shard(tmp_path, "score", examples=0), seeds=[5], skip_steps=0) == []


def test_lengths_are_those_of_each_input_feature(tmp_path: Path) -> None:
    features = packed.read_features(write_shard(tmp_path, "pair", examples=4), load("pair"))
    # row * 3 % 8 tokens beside row * 5 % 9
    assert packed.lengths_of(features, ["token_ids", "pair_token_ids"]).tolist() == [[0, 3, 6, 1], [0, 5, 1, 6]]
