"""Measure a training on this machine: how many examples a second, where the time goes, and what a matrix product could reach."""

import contextlib
import functools
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any  # Any: settings by name, JSON documents, tf.data datasets

import numpy as np

from slmcli.arithmetic import count_operations
from slmcli.branch_settings import split_settings
from slmcli.compatibility import check_compatible
from slmcli.dataset import Dataset
from slmcli.errors import ConfigError
from slmcli.execution import start_execution
from slmcli.measuring import matrix_product_rate
from slmcli.members import Training
from slmcli.plan import settle
from slmcli.run import Run
from slmcli.runtime import peak_memory_megabytes
from slmcli.session import Session
from slmcli.tracing import compilation
from slmcli.training import estimated_seconds

_ROUNDS = 3
_BACKBONE = "conv"  # when none is named: what the presets train step by step


@dataclass(frozen=True)
class _Work:
    """What is in one batch."""

    examples: int
    length: int
    tokens: int

    @property
    def positions(self) -> int:
        return self.examples * self.length


def benchmark_train(dataset: Dataset, values: Mapping[str, Any], *, steps: int) -> dict[str, Any]:
    """Train for a few hundred steps as `slm finetune` would, and in parts.

    Args:
        dataset: The dataset.
        values: Flat settings of training and backbone.
        steps: Steps a round; one round to warm up and three that count, of which the median is reported.

    Returns:
        Speeds, seconds of a step in parts, the rate of its matrix products beside the machine's own, and memory.

    Raises:
        ConfigError: A setting is wrong, no model can be trained for the dataset's task, or several devices would train.
    """
    plan = split_settings({"backbone": _BACKBONE, **values, "task": dataset.task}, source="options")
    check_compatible(dataset, plan.settings)
    plan = settle(plan, dataset)
    execution = start_execution(plan.settings, seconds=estimated_seconds(dataset, plan))
    if len(execution.devices) > 1:
        raise ConfigError(f"slm benchmark train measures one device, and training would use {', '.join(execution.devices)}. Pass --devices 1.")
    with tempfile.TemporaryDirectory(prefix="slm-benchmark-") as directory:
        session = _session(Training(dataset, plan, Run(Path(directory)), execution))
        work, seconds = _measure(session, steps)
        operations = _operations(session, work) / sum(each.examples for each in work)
    tokens, positions, examples = (sum(getattr(each, name) for each in work) / len(work) for name in ("tokens", "positions", "examples"))
    gigaflops = 1e-9 * operations * examples / seconds["all"]
    peaks = {name: matrix_product_rate(name) for name in ("float32", "bfloat16")}
    return {
        "dataset": str(dataset.path),
        "backbone": plan.settings.backbone,
        **execution.describe(),
        "batch_size": session.batch_size,
        "steps": steps,
        "parameters": session.model.count_params(),
        "examples_per_second": round(examples / seconds["all"], 1),
        "tokens_per_second": round(tokens / seconds["all"], 1),
        "padding_share": round(1 - tokens / positions, 4),
        "seconds_per_step": {name: round(value, 6) for name, value in seconds.items()},
        "shares": {name: round(seconds[name] / seconds["all"], 4) for name in ("input", "compute", "update")},
        "operations_per_example": round(operations),
        "gigaflops": round(gigaflops, 6),
        "peak_gigaflops": {name: round(peak, 1) for name, peak in peaks.items()},
        "share_of_peak": {name: round(gigaflops / peak, 4) for name, peak in peaks.items()},
        "peak_memory_megabytes": round(peak_memory_megabytes()),
    }


def _session(training: Training) -> Session:
    """Return the training of the first member that is trained step by step.

    Raises:
        ConfigError: There is none.
    """
    found = next((member for _, member in training.members() if isinstance(member, Session)), None)
    if found is None:
        raise ConfigError(f"backbone {training.plan.settings.backbone} is solved, not trained step by step; slm finetune says how long it takes.")
    return found


def _measure(session: Session, steps: int) -> tuple[list[_Work], dict[str, float]]:
    """Return what was in each batch, and the seconds of a step in parts.

    Training, training on batches in memory, and gradients alone take turns: what disturbs the machine disturbs all of them.
    """
    model, gradients = session.model, _gradients(session)
    model.make_train_function()
    iterator = iter(_pipeline(session, steps))
    ready = [next(iterator) for _ in range(steps)]
    rounds = []
    for _ in range(1 + _ROUNDS):  # the first compiles and fills buffers
        whole = _seconds(lambda: model.train_function(iterator), steps)
        step = _seconds(functools.partial(model.train_function, iter(ready)), steps)
        rounds.append((whole, step, _seconds(functools.partial(_compute_next, gradients, iter(ready)), steps)))
    whole, step, compute = (statistics.median(times) for times in zip(*rounds[1:], strict=True))
    work, alone = _read(_pipeline(session, steps), steps)
    # the batches in memory are those of one round, and may be shorter or longer than the others
    scale = statistics.mean(each.positions for each in work) / statistics.mean(_describe(batch).positions for batch in ready)
    waiting = max(0.0, whole - scale * step)
    computing = min(scale * compute, whole - waiting)
    return work, {"all": whole, "input": waiting, "compute": computing, "update": whole - waiting - computing, "input_alone": alone}


def _compute_next(gradients: Any, batches: Iterator[Any]) -> None:
    gradients(*next(batches))


def _pipeline(session: Session, steps: int) -> Any:
    """Return the batches of training, as many as are read: one round to keep, one to warm up, and those that count."""
    number = steps * (2 + _ROUNDS)
    return session._training_batches(range(1 + number // session.steps_per_epoch), skip_steps=0).take(number)


def _seconds(step: Callable[[], Any], steps: int) -> float:
    started = time.perf_counter()
    for _ in range(steps):
        step()
    return (time.perf_counter() - started) / steps


def _token_ids(inputs: Any) -> Any:
    return inputs["token_ids"] if isinstance(inputs, Mapping) else inputs


def _describe(batch: Any) -> _Work:
    token_ids = _token_ids(batch[0])
    return _Work(token_ids.shape[0], token_ids.shape[1], int(np.count_nonzero(token_ids)))


def _read(batches: Any, steps: int) -> tuple[list[_Work], float]:
    """Read the batches without training; return what is in those that counted, and the seconds that each of them took."""
    iterator = iter(batches)
    for _ in range(2 * steps):
        next(iterator)
    started = time.perf_counter()
    found = list(iterator)
    return [_describe(batch) for batch in found], (time.perf_counter() - started) / len(found)


def _gradients(session: Session) -> Any:
    """Return a function that computes the gradients of a batch and changes nothing."""
    import tensorflow as tf

    model, is_compiled = session.model, session.execution.is_compiled

    @tf.function(reduce_retracing=True, jit_compile=is_compiled, autograph=False)
    def gradients(inputs: Any, targets: Any, weights: Any) -> Any:
        with tf.GradientTape() as tape, compilation() if is_compiled else contextlib.nullcontext():
            loss = model.compute_loss(x=inputs, y=targets, y_pred=model(inputs, training=True), sample_weight=weights)
        return tape.gradient(loss, model.trainable_weights)

    return gradients


def _operations(session: Session, work: Sequence[_Work]) -> float:
    """Return the multiplications and additions of all products in these batches.

    Counted at up to three lengths, and for texts that a pooled convolution reads in another way at up to three others: products grow
    with the length, or with its square where all positions look at all others.
    """
    from slmcli.convolution import LONG

    parts = [[each for each in work if (each.length >= LONG) == is_long] for is_long in (False, True)]
    return sum(_operations_of(session, part) for part in parts if part)


def _operations_of(session: Session, work: Sequence[_Work]) -> float:
    lengths = sorted({each.length for each in work})
    chosen = sorted({lengths[0], lengths[len(lengths) // 2], lengths[-1]})
    counts = [_count(session, length) for length in chosen]
    curve = np.polynomial.Polynomial.fit(chosen, counts, deg=len(chosen) - 1) if len(chosen) > 1 else None
    return float(sum(each.examples * (curve(each.length) if curve else counts[0]) for each in work))


def _count(session: Session, length: int) -> float:
    """Return the operations of one example of this length."""
    import tensorflow as tf

    from slmcli.time_loop import STEPS

    examples = 2
    batch = next(iter(session._training_batches(range(1), skip_steps=0)))

    def spec(value: Any) -> Any:
        shape = [examples, length] if value.shape.rank == 2 and value.dtype == tf.int32 else [examples, *value.shape[1:]]
        return tf.TensorSpec(shape, value.dtype)

    graph = _gradients(session).get_concrete_function(*tf.nest.map_structure(spec, batch)).graph
    segment = session.backbone.segment or length
    return count_operations(graph, loop_steps=-(-min(length, segment) // STEPS)) / examples
