"""Batches of a split too large for memory: records parsed, shuffled and put into buckets one by one, each time they are read."""

from collections.abc import Mapping, Sequence
from typing import Any  # Any: tensors and tf.data datasets; TensorFlow is imported on use

from slmcli.tasks.base import TrainableTask

_SHUFFLE_BUFFER = 100_000
_PLACE = "place_in_split"  # a feature beside those of a task


def shuffled_batches(
    shards: Sequence[str],
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
        shards: TFRecord files.
        task: Makes (inputs, targets, sample_weight) of features.
        batch_size: Examples a batch.
        limits: Bucket limits in tokens of the longest input feature.
        label_weights: Weight of each label's examples.
        seeds: Seed of each pass, 31 bits.
        skip_steps: Batches to leave out at the beginning.
    """
    import tensorflow as tf

    records = tf.data.TFRecordDataset(shards)

    def one_pass(seed: Any) -> Any:
        batches = _batches(_shuffle(records, seed), task, batch_size, limits, label_weights)
        return batches.map(lambda inputs, targets, weights, _: (inputs, targets, weights))

    return tf.data.Dataset.from_tensor_slices(tf.constant(seeds, tf.int64)).flat_map(one_pass).skip(skip_steps)


def ordered_batches(shards: Sequence[str], task: TrainableTask, *, batch_size: int, limits: Sequence[int], label_weights: Sequence[float]) -> Any:
    """Return batches of one pass over the examples in their order, except that a batch waits until it is full.

    A fourth part of each are the places of its examples, (batch,) int64 from 0.
    """
    import tensorflow as tf

    return _batches(tf.data.TFRecordDataset(shards), task, batch_size, limits, label_weights)


def longest_lengths(shards: Sequence[str], task: TrainableTask) -> Any:
    """Return a dataset of (examples,) int32, the length of each example's longest input feature, many at a time."""
    import tensorflow as tf

    features = tf.data.TFRecordDataset(shards).map(task.parse, num_parallel_calls=2)
    return features.map(lambda example: _longest(example, task)).batch(4096)


def _shuffle(records: Any, seed: Any) -> Any:
    """Shuffle serialized examples with a seed that is a tensor, which `Dataset.shuffle` does not take."""
    import tensorflow as tf

    shuffled = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(records),
        buffer_size=tf.constant(_SHUFFLE_BUFFER, tf.int64),
        seed=seed,
        seed2=tf.constant(1, tf.int64),
        output_types=[tf.string],
        output_shapes=[tf.TensorShape([])],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(shuffled, records.element_spec)


def _batches(records: Any, task: TrainableTask, batch_size: int, limits: Sequence[int], label_weights: Sequence[float]) -> Any:
    import tensorflow as tf

    weights = tf.constant(list(label_weights), tf.float32)
    features = records.enumerate().map(lambda place, record: {**task.parse(record), _PLACE: place}, num_parallel_calls=2, deterministic=True)
    batches = features.bucket_by_sequence_length(
        lambda example: tf.maximum(_longest(example, task), 1),
        bucket_boundaries=[limit + 1 for limit in limits],
        bucket_batch_sizes=[batch_size] * (len(limits) + 1),
    )
    return batches.map(lambda batch: (*task.make_batch({**batch, **_pad_to_limits(batch, task, limits)}, weights), batch[_PLACE]))


def _longest(features: Mapping[str, Any], task: TrainableTask) -> Any:
    """Return () int32, the length of an example's longest input feature (graph code)."""
    import tensorflow as tf

    return tf.reduce_max([tf.shape(features[name])[0] for name in task.input_features])


def _pad_to_limits(batch: Mapping[str, Any], task: TrainableTask, limits: Sequence[int]) -> dict[str, Any]:
    """Pad each input feature of a batch to the next limit, so that a model meets few different shapes (graph code)."""
    import tensorflow as tf

    known, padded = tf.constant(list(limits), tf.int32), {}
    for name in task.input_features:
        length = tf.shape(batch[name])[1]
        place = tf.minimum(tf.searchsorted(known, [length])[0], len(limits) - 1)
        padded[name] = tf.pad(batch[name], [[0, 0], [0, tf.maximum(known[place] - length, 0)]])
    return padded
