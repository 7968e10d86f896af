"""From an encoded dataset to batches: order by seed and epoch, buckets of similar length, padding."""

import bisect
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any  # Any: tf.data datasets; TensorFlow is imported on use

import numpy as np

from slmcli.dataset import Dataset
from slmcli.tasks.base import TrainableTask

# our choice: eight lengths keep the padding of IMDB reviews below 8 % of the work
_BUCKETS = 8
_SHUFFLE_BUFFER = 100_000
# name of a feature beside those of a task
_PLACE = "place_in_split"


def bucket_limits(histogram: Mapping[int, int], *, buckets: int = _BUCKETS) -> list[int]:
    """Return the longest length of each bucket, such that buckets hold about the same number of tokens.

    Args:
        histogram: Length in tokens to the number of examples.
        buckets: Most buckets.
    """
    total = sum(max(1, length) * count for length, count in histogram.items())
    limits: list[int] = []
    seen = 0
    for length in sorted(histogram):
        seen += max(1, length) * histogram[length]
        if seen * buckets >= (len(limits) + 1) * total:
            limits.append(max(1, length))
    return sorted({*limits, max(1, *histogram)})


def count_steps(histogram: Mapping[int, int], limits: Sequence[int], *, batch_size: int) -> int:
    """Return the batches in one pass: each bucket fills its own, and its last one may be smaller."""
    counts = [0] * len(limits)
    for length, count in histogram.items():
        counts[bisect.bisect_left(limits, max(1, length))] += count
    return sum(-(-count // batch_size) for count in counts)


def length_histogram(dataset: Dataset, task: TrainableTask, split: str) -> dict[int, int]:
    """Return how many examples of a split have each length: that of their longest input feature."""
    if task.input_features == task.token_features[:1]:
        return dataset.length_histogram(split)
    import tensorflow as tf

    features = tf.data.TFRecordDataset(dataset.shards(split)).map(task.parse, num_parallel_calls=2)
    lengths = features.map(lambda example: _longest(example, task)).batch(4096)
    return dict(Counter(length for batch in lengths for length in batch.numpy().tolist()))


def training_batches(
    dataset: Dataset,
    task: TrainableTask,
    *,
    batch_size: int,
    seed: int,
    limits: Sequence[int],
    label_weights: Sequence[float],
    epochs: range,
    skip_steps: int,
) -> Any:
    """Return batches of the training split, epoch after epoch.

    The order of an epoch depends on `seed` and the epoch's number alone, so a resumed run sees the same batches.

    Args:
        dataset: The dataset.
        task: Makes (inputs, targets, sample_weight) of features.
        batch_size: Examples a batch.
        seed: Seed of the order.
        limits: Bucket limits in tokens of the longest input feature; one limit pads everything to it.
        label_weights: Weight of each label's examples.
        epochs: Epochs to yield.
        skip_steps: Batches of the first epoch to leave out.
    """
    import tensorflow as tf

    records = tf.data.TFRecordDataset(dataset.shards("train"))
    seeds = tf.constant([_epoch_seed(seed, epoch) for epoch in epochs], tf.int64)

    def one_epoch(epoch_seed: Any) -> Any:
        shuffled = _shuffle(records, min(dataset.examples("train"), _SHUFFLE_BUFFER), epoch_seed)
        return _batches(shuffled, task, batch_size, limits, label_weights)

    return tf.data.Dataset.from_tensor_slices(seeds).flat_map(one_epoch).skip(skip_steps).prefetch(4)


def _shuffle(records: Any, buffer: int, seed: Any) -> Any:
    """Shuffle serialized examples with a seed that is a tensor, which `Dataset.shuffle` does not take."""
    import tensorflow as tf

    shuffled = tf.raw_ops.ShuffleDataset(
        input_dataset=tf.data.experimental.to_variant(records),
        buffer_size=tf.constant(buffer, tf.int64),
        seed=seed,
        seed2=tf.constant(1, tf.int64),
        output_types=[tf.string],
        output_shapes=[tf.TensorShape([])],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(shuffled, records.element_spec)


def evaluation_batches(
    dataset: Dataset, task: TrainableTask, split: str, *, batch_size: int, limits: Sequence[int], label_weights: Sequence[float] | None = None
) -> Any:
    """Return batches of one pass over a split, in an order that is always the same; every label has the weight 1 unless told otherwise."""
    import tensorflow as tf

    records = tf.data.TFRecordDataset(dataset.shards(split))
    return _batches(records, task, batch_size, limits, label_weights or [1.0] * len(task.labels)).prefetch(4)


def numbered_batches(dataset: Dataset, task: TrainableTask, split: str, *, batch_size: int, limits: Sequence[int]) -> Any:
    """Return the same batches with a fourth part, (batch,) int64: the places of the examples in the split as it is stored, from 0."""
    import tensorflow as tf

    records = tf.data.TFRecordDataset(dataset.shards(split))
    features = records.enumerate().map(lambda place, record: {**task.parse(record), _PLACE: place}, num_parallel_calls=2, deterministic=True)
    batches = _bucketed(features, task, batch_size, limits)
    weights = tf.ones(len(task.labels))
    return batches.map(lambda batch: (*_make_batch(batch, task, limits, weights), batch[_PLACE])).prefetch(4)


def _batches(records: Any, task: TrainableTask, batch_size: int, limits: Sequence[int], label_weights: Sequence[float]) -> Any:
    import tensorflow as tf

    weights = tf.constant(list(label_weights), tf.float32)
    features = records.map(task.parse, num_parallel_calls=2, deterministic=True)
    return _bucketed(features, task, batch_size, limits).map(lambda batch: _make_batch(batch, task, limits, weights))


def _bucketed(features: Any, task: TrainableTask, batch_size: int, limits: Sequence[int]) -> Any:
    import tensorflow as tf

    return features.bucket_by_sequence_length(
        lambda example: tf.maximum(_longest(example, task), 1),
        bucket_boundaries=[limit + 1 for limit in limits],
        bucket_batch_sizes=[batch_size] * (len(limits) + 1),
    )


def _make_batch(batch: Mapping[str, Any], task: TrainableTask, limits: Sequence[int], label_weights: Any) -> Any:
    """Return (inputs, targets, sample_weight) of features in batches (graph code)."""
    return task.make_batch({**batch, **_pad_to_limits(batch, task, limits)}, label_weights)


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


def share_evenly(batches: Any, devices: int) -> Any:
    """Return batches that so many devices can divide among them: filled up with examples of weight 0, and without an end.

    Keras divides a batch before it knows its shape, and with several devices asks for one batch more than it evaluates.
    The other weights grow as the batch does, so that the mean loss of a batch stays what it is.
    """
    import tensorflow as tf

    if devices == 1:
        return batches

    def fill_up(inputs: Any, targets: Any, weights: Any) -> tuple[Any, Any, Any]:
        examples = tf.shape(weights)[0]
        missing = -examples % devices
        grown = weights * tf.cast((examples + missing) / examples, weights.dtype)
        return tf.nest.map_structure(lambda values: _add_rows(values, missing), (inputs, targets, grown))

    return batches.map(fill_up).repeat()


def _add_rows(values: Any, number: Any) -> Any:
    import tensorflow as tf

    return tf.pad(values, [[0, number], *([[0, 0]] * (values.shape.rank - 1))])


def _epoch_seed(seed: int, epoch: int) -> int:
    """Return a seed of 31 bits that differs between epochs and runs."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{epoch}".encode()).digest()[:4], "little") >> 1


def label_weights_of(dataset: Dataset, *, class_weights: bool) -> list[float]:
    """Return the weight of each label's examples: 1, or by its frequency when asked for."""
    counts = dataset.label_counts("train")
    return balanced_label_weights(counts) if class_weights else [1.0] * len(counts)


def balanced_label_weights(counts: Mapping[str, int]) -> list[float]:
    """Return weights inversely proportional to label frequency, 1 on average over the examples.

    Source: King & Zeng 2001, as `class_weight="balanced"` of scikit-learn has it.
    """
    total = sum(counts.values())
    return [total / (len(counts) * count) if count else 0.0 for count in counts.values()]


def pad(sequences: Sequence[Sequence[int] | np.ndarray], *, length: int, pad_id: int) -> np.ndarray:
    """Return (batch, length) int32: token sequences padded on the right, or cut, to `length`."""
    token_ids = np.full((len(sequences), length), pad_id, np.int32)
    for row, sequence in enumerate(sequences):
        kept = sequence[:length]
        token_ids[row, : len(kept)] = kept
    return token_ids
