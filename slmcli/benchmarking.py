"""Measure parts of a training by themselves: how fast batches are made, and how fast a model takes them."""

import statistics
import tempfile
import time
from pathlib import Path
from typing import Any  # Any: JSON documents, tf.data datasets

from slmcli.backbones import BACKBONES
from slmcli.backbones.base import Backbone
from slmcli.batching import bucket_limits, count_steps, length_histogram, training_batches
from slmcli.branch_settings import split_settings
from slmcli.compatibility import check_compatible
from slmcli.dataset import Dataset
from slmcli.execution import start_execution
from slmcli.members import Training
from slmcli.plan import settle
from slmcli.run import Run
from slmcli.runtime import start_tensorflow
from slmcli.session import Session
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask

_TRAINING_STEPS = 60


def benchmark_input(dataset: Dataset, *, rounds: int, threads: int, seed: int) -> dict[str, Any]:
    """Time the input pipeline alone, from shards to padded batches, and each backbone on batches that are ready.

    Args:
        dataset: The dataset.
        rounds: Passes over the training split, each timed; the median counts.
        threads: Processor threads; 0: all.
        seed: Seed of the order.

    Returns:
        `examples_per_second` and `tokens_per_second` of the pipeline, `padding_share` of its positions, `training`: examples a
        second of each backbone, and `ratio` of the pipeline to the fastest of them.

    Raises:
        ConfigError: No model can be trained for the dataset's task.
    """
    check_compatible(dataset, split_settings({"task": dataset.task}, source="options").settings)
    start_tensorflow(threads=threads, seed=seed)
    training = {name: _training_speed(dataset, name, seed) for name in BACKBONES.names() if issubclass(BACKBONES.load(name), Backbone)}
    settings = settle(split_settings({"task": dataset.task}, source="options"), dataset).settings
    pipeline = _pipeline_speed(dataset, settings.batch_size or 64, rounds, seed)
    return {
        "dataset": str(dataset.path),
        "examples": dataset.examples("train"),
        **pipeline,
        "training": {name: round(speed, 1) for name, speed in training.items()},
        "ratio": round(pipeline["examples_per_second"] / max(training.values()), 2),
    }


def _batches(dataset: Dataset, batch_size: int, epochs: range, seed: int) -> Any:
    task: TrainableTask = TASKS.load(dataset.task)(dataset.labels)
    limits = bucket_limits(length_histogram(dataset, task, "train"))
    weights = [1.0] * len(dataset.labels)
    return training_batches(dataset, task, batch_size=batch_size, seed=seed, limits=limits, label_weights=weights, epochs=epochs, skip_steps=0)


def _pipeline_speed(dataset: Dataset, batch_size: int, rounds: int, seed: int) -> dict[str, Any]:
    lengths = length_histogram(dataset, TASKS.load(dataset.task)(dataset.labels), "train")
    steps = count_steps(lengths, bucket_limits(lengths), batch_size=batch_size)
    tokens = sum(length * count for length, count in dataset.length_histogram("train").items())
    batches = iter(_batches(dataset, batch_size, range(rounds + 1), seed))
    seconds, positions = [], 0
    for _ in range(rounds + 1):
        started = time.perf_counter()
        positions = sum(_positions(next(batches)[0]) for _ in range(steps))
        seconds.append(time.perf_counter() - started)
    # the first pass also starts the pipeline
    median = statistics.median(seconds[1:])
    return {
        "batch_size": batch_size,
        "examples_per_second": round(dataset.examples("train") / median, 1),
        "tokens_per_second": round(tokens / median, 1),
        "padding_share": round(1 - tokens / max(1, positions), 4),
        "seconds": [round(each, 3) for each in seconds[1:]],
    }


def _positions(inputs: Any) -> int:
    """Return the ids in a batch, padding included."""
    return sum(int(tensor.shape.num_elements()) for tensor in (inputs.values() if isinstance(inputs, dict) else [inputs]))


def _training_speed(dataset: Dataset, name: str, seed: int) -> float:
    """Return the examples a second that a backbone trains on batches in memory."""
    plan = settle(split_settings({"task": dataset.task, "backbone": name, "seed": seed}, source="options"), dataset)
    with tempfile.TemporaryDirectory(prefix="slm-benchmark-") as directory:
        training = Training(dataset, plan, Run(Path(directory)), start_execution(plan.settings, seconds=0.0))
        session = next(member for _, member in training.members() if isinstance(member, Session))
    steps = min(_TRAINING_STEPS, session.steps_per_epoch)
    batches = _batches(dataset, session.batch_size, range(1), seed).take(steps).cache()
    examples = sum(int(targets.shape[0]) for _, targets, _ in batches)
    batches = batches.repeat()
    session.model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)  # compiles, once for each length
    started = time.perf_counter()
    session.model.fit(batches, steps_per_epoch=steps, verbose=0, shuffle=False)
    return examples / (time.perf_counter() - started)
