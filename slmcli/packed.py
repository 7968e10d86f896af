"""Batches of a split that fits in memory: read and parsed once, then only gathered and padded, a whole batch at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any  # Any: tensors and tf.data datasets; TensorFlow is imported on use

import numpy as np

from slmcli.tasks.base import TrainableTask

# our choice: parsing one by one takes many times as long; more at once gains nothing and needs memory
_RECORDS = 2048


def read_features(shards: Sequence[str], task: TrainableTask) -> dict[str, Any]:
    """Return the features of all examples as `parse_batch` makes them.

    Input features are ragged, (examples, length) int32: all their numbers in one tensor, and where each example begins.

    Args:
        shards: TFRecord files.
        task: Says which features it reads.
    """
    import tensorflow as tf

    records = tf.data.TFRecordDataset(shards).batch(_RECORDS)
    blocks = list(records.map(task.parse_batch, num_parallel_calls=2, deterministic=True)) or [task.parse_batch(tf.constant([], tf.string))]
    with tf.device("CPU:0"):  # where batches are made
        return {name: tf.concat([block.pop(name) for block in blocks], axis=0) for name in list(blocks[0])}


def read_ids(shards: Sequence[str], name: str, *, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Return one feature of examples, whatever else they hold: its numbers (numbers of all,) int32, and how many each has (examples,).

    Args:
        shards: TFRecord files.
        name: The feature.
        most: Numbers that are enough; the examples after these are not read.
    """
    import tensorflow as tf

    described = {name: tf.io.RaggedFeature(tf.int64, row_splits_dtype=tf.int64)}
    records = tf.data.TFRecordDataset(shards).batch(_RECORDS)
    parsed = records.map(lambda serialized: tf.io.parse_example(serialized, described)[name], num_parallel_calls=2, deterministic=True)
    blocks: list[tuple[np.ndarray, np.ndarray]] = [(np.zeros(0, np.int32), np.zeros(0, np.int64))]
    held = 0
    for block in parsed:
        blocks.append((block.values.numpy().astype(np.int32), block.row_lengths().numpy()))
        held += len(blocks[-1][0])
        if held >= most:
            break
    return np.concatenate([ids for ids, _ in blocks]), np.concatenate([lengths for _, lengths in blocks])


def lengths_of(features: Mapping[str, Any], names: Sequence[str]) -> np.ndarray:
    """Return (names, examples) int64, the length of each input feature."""
    return np.stack([np.diff(features[name].row_splits.numpy()) for name in names])


def shuffled_batches(
    features: Mapping[str, Any],
    task: TrainableTask,
    *,
    batch_size: int,
    limits: Sequence[int],
    label_weights: Sequence[float],
    seeds: Sequence[int],
    skip_steps: int,
) -> Any:
    """Return batches of one pass over the examples for each seed, whose order it decides alone.

    Args:
        features: As `read_features` returns them.
        task: Makes (inputs, targets, sample_weight) of features.
        batch_size: Examples a batch.
        limits: Bucket limits in tokens of the longest input feature.
        label_weights: Weight of each label's examples.
        seeds: Seed of each pass.
        skip_steps: Batches to leave out at the beginning.
    """
    lengths = lengths_of(features, task.input_features)
    orders = [np.random.default_rng(seed).permutation(lengths.shape[1]) for seed in seeds]
    passes = [divide(order, lengths, limits, batch_size=batch_size) for order in orders]
    return _gather(features, task, _join(passes, skip_steps), label_weights)


def ordered_batches(
    features: Mapping[str, Any], task: TrainableTask, *, batch_size: int, limits: Sequence[int], label_weights: Sequence[float]
) -> Any:
    """Return batches of one pass over the examples in their order, except that a batch waits until it is full.

    A fourth part of each are the places of its examples, (batch,) int64 from 0.
    """
    lengths = lengths_of(features, task.input_features)
    division = divide(np.arange(lengths.shape[1]), lengths, limits, batch_size=batch_size)
    return _gather(features, task, division, label_weights, is_numbered=True)


@dataclass(frozen=True)
class Division:
    """Which examples are in which batch.

    Attributes:
        rows: (examples,) int32 numbers of examples, those of one batch side by side.
        starts: (batches,) int64 where the rows of each batch begin.
        ends: (batches,) int64 where they end.
        widths: (batches, input features) int64, the length to which each is padded.
    """

    rows: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    widths: np.ndarray


def divide(order: np.ndarray, lengths: np.ndarray, limits: Sequence[int], *, batch_size: int) -> Division:
    """Put examples, one after another, into the bucket of their longest input feature; a full bucket is a batch.

    What is left in the buckets at the end are smaller batches, that of the shortest texts first.

    Args:
        order: (examples,) numbers of the examples.
        lengths: (input features, examples) their lengths.
        limits: Bucket limits.
        batch_size: Examples a batch.
    """
    buckets = np.searchsorted(limits, np.maximum(lengths.max(axis=0), 1))[order]
    by_bucket = np.argsort(buckets, kind="stable")  # places in the order
    ranked = buckets[by_bucket]
    is_start = (np.arange(len(order)) - np.searchsorted(ranked, ranked)) % batch_size == 0
    starts = np.flatnonzero(is_start)
    ends = np.append(starts[1:], len(order))[: len(starts)]
    # a full batch leaves with its last example, the others after all examples
    leaves = np.where(ends - starts == batch_size, by_bucket[ends - 1], len(order))
    turns = np.argsort(leaves, kind="stable")
    rows = order[by_bucket].astype(np.int32)
    return Division(rows, starts[turns], ends[turns], _widths(lengths[:, rows], starts, limits)[turns])


def _widths(lengths: np.ndarray, starts: np.ndarray, limits: Sequence[int]) -> np.ndarray:
    """Return the next limit above the longest of each batch, so that a model meets few different shapes."""
    if not len(starts):
        return np.zeros((0, len(lengths)), np.int64)
    longest = np.maximum.reduceat(lengths, starts, axis=1).T  # (batches, input features)
    known = np.asarray(limits, np.int64)
    return np.maximum(longest, known[np.minimum(np.searchsorted(known, longest), len(known) - 1)])


def _join(passes: Sequence[Division], skip_steps: int) -> Division:
    """Return all passes as one, without its first batches."""
    firsts = np.cumsum([0, *(len(each.rows) for each in passes[:-1])])
    starts, ends = (np.concatenate([getattr(each, name) + first for each, first in zip(passes, firsts, strict=True)]) for name in ("starts", "ends"))
    widths = np.concatenate([each.widths for each in passes])
    return Division(np.concatenate([each.rows for each in passes]), starts[skip_steps:], ends[skip_steps:], widths[skip_steps:])


def _gather(
    features: Mapping[str, Any], task: TrainableTask, division: Division, label_weights: Sequence[float], *, is_numbered: bool = False
) -> Any:
    """Return the batches of a division."""
    import tensorflow as tf

    with tf.device("CPU:0"):
        rows = tf.constant(division.rows)
        weights = tf.constant(list(label_weights), tf.float32)
        batches = tf.data.Dataset.from_tensor_slices((division.starts, division.ends, division.widths))

    def batch(start: Any, end: Any, widths: Any) -> tuple[Any, ...]:
        gathered = {name: tf.gather(values, rows[start:end]) for name, values in features.items()}
        padded = {name: _pad(gathered[name], widths[place]) for place, name in enumerate(task.input_features)}
        made = task.make_batch(task.stack_targets({**gathered, **padded}), weights)
        return (*made, tf.cast(rows[start:end], tf.int64)) if is_numbered else made

    return batches.map(batch)


def _pad(ragged: Any, width: Any) -> Any:
    """Return (batch, width) int32, filled with 0 on the right (graph code)."""
    import tensorflow as tf

    return tf.ensure_shape(ragged.to_tensor(shape=tf.stack([-1, width])), [None, None])
