"""Measure this machine, in a process of its own: python -m slmcli.measuring --threads N. Prints one JSON object."""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any  # Any: Keras models and TensorFlow tensors

from slmcli.runtime import start_tensorflow

# our choice: enough steps for a median within a tenth, and done within 15 seconds together with the start of TensorFlow; every
# variant runs at least once, which takes slow processors twice as long
_BUDGET_SECONDS = 8.0
_ROUNDS = 5
_STEPS = 2
_BATCH, _VOCABULARY, _HIDDEN = 64, 20_000, 64
_LENGTHS = {"convolution": 256, "recurrence": 32, "lookup": 128}
_WIDTHS = (3, 4, 5)  # three, as conv has on most corpora: XLA may gain with one and lose with three, which is therefore the cautious choice
_BATCH_SIZES = (32, 64, 128, 256)
_VARIANTS = {
    "convolution": ("float32", "mixed_bfloat16", "float32+xla", "mixed_bfloat16+xla"),
    "recurrence": ("float32", "mixed_bfloat16"),  # XLA makes a loop on a processor slower (docs/decisions.md)
    "lookup": ("float32", "mixed_bfloat16", "float32+xla"),
}


def measure_machine() -> dict[str, Any]:
    """Return the fields of `machine.Measurement`, threads left out. TensorFlow must have been started."""
    started = time.perf_counter()
    gigaflops = {name: round(matrix_product_rate(name), 1) for name in ("float32", "bfloat16")}
    steps = {(kind, variant): _build_step(kind, variant) for kind, variants in _VARIANTS.items() for variant in variants}
    for step in steps.values():
        step(_BATCH)
    times: dict[tuple[str, str], list[float]] = {key: [] for key in steps}
    for key in _rounds(list(steps), until=started + _BUDGET_SECONDS):
        times[key].append(_seconds(steps[key], _BATCH) * 1e3)
    milliseconds = {kind: {name: round(min(times[kind, name]), 3) for name in names} for kind, names in _VARIANTS.items()}
    speeds = {kind: _speeds(steps[kind, _fastest_as_it_is(found)]) for kind, found in milliseconds.items()}
    seconds = round(time.perf_counter() - started, 1)
    return {"seconds": seconds, "gigaflops": gigaflops, "milliseconds": milliseconds, "examples_per_second": speeds}


def matrix_product_rate(dtype: str, *, size: int = 1536, repeats: int = 4) -> float:
    """Return the best rate of a square matrix product in GFLOP/s."""
    import tensorflow as tf

    matrix = tf.cast(tf.random.stateless_normal((size, size), (0, 1)), dtype)
    multiply = tf.function(lambda left: tf.matmul(left, left))
    multiply(matrix)
    seconds = min(_once(multiply, matrix) for _ in range(repeats))
    return 2e-9 * size**3 / seconds


def _once(function: Callable[[Any], Any], argument: Any) -> float:
    started = time.perf_counter()
    function(argument).numpy()
    return time.perf_counter() - started


def _rounds(keys: list[tuple[str, str]], *, until: float) -> Iterator[tuple[str, str]]:
    """Yield all keys in turn, at least once each, until the time is up: what disturbs the machine then disturbs all of them."""
    for number in range(_ROUNDS):
        if number and time.perf_counter() > until:
            return
        yield from keys


def _build_step(kind: str, variant: str) -> Callable[[int], None]:
    """Return a training step of a small model on a batch of a given size."""
    import tensorflow as tf

    from slmcli.compilation import compile_gradients

    precision, _, xla = variant.partition("+")
    model = _build_model(kind, precision)
    if xla:
        compile_gradients(model)
    model.make_train_function()
    ids = tf.random.stateless_uniform((max(_BATCH_SIZES), _LENGTHS[kind]), (0, 2), 1, _VOCABULARY, tf.int32)
    targets = tf.one_hot(ids[:, 0] % 2, 2)

    def step(batch: int) -> None:
        model.train_function(iter([(ids[:batch], targets[:batch], tf.ones(batch))]))

    return step


def _build_model(kind: str, precision: str) -> Any:
    import keras

    from slmcli.convolution import MaskedConvolution
    from slmcli.layers import PaddingMask, masked_pooling
    from slmcli.optimizers import SparseAdam
    from slmcli.token_vectors import MaskedDropout, TokenEmbedding

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    token_ids = keras.Input((None,), dtype="int32")
    padding_mask = PaddingMask()(token_ids)
    hidden = MaskedDropout(0.0)(TokenEmbedding(_VOCABULARY, _HIDDEN)(token_ids), padding_mask)
    if kind == "convolution":
        hidden = MaskedConvolution(_WIDTHS, _HIDDEN)(hidden, padding_mask)
    if kind == "recurrence":
        hidden = keras.layers.LSTM(_HIDDEN, return_sequences=True)(hidden, mask=padding_mask)
    pooled = masked_pooling(hidden, padding_mask, kind="mean" if kind == "lookup" else "max_mean", is_non_negative=kind == "convolution")
    logits = keras.layers.Dense(2, dtype="float32")(pooled)
    model = keras.Model(token_ids, logits)
    model.compile(SparseAdam(1e-3, clip_norm=1.0), keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False)
    keras.config.set_dtype_policy(before)
    return model


def _fastest_as_it_is(milliseconds: dict[str, float]) -> str:
    """Return the fastest arithmetic without XLA, which would compile every batch size."""
    return min((name for name in milliseconds if not name.endswith("+xla")), key=milliseconds.__getitem__)


def _seconds(step: Callable[[int], None], batch: int) -> float:
    """Return the mean of a few steps."""
    started = time.perf_counter()
    for _ in range(_STEPS):
        step(batch)
    return (time.perf_counter() - started) / _STEPS


def _speeds(step: Callable[[int], None]) -> dict[int, float]:
    """Return examples a second for each batch size."""
    speeds = {}
    for batch in _BATCH_SIZES:
        step(batch)
        speeds[batch] = round(batch / _seconds(step, batch), 1)
    return speeds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=0)
    threads = parser.parse_args().threads
    start_tensorflow(threads=threads, seed=0)
    sys.stdout.write(json.dumps({**measure_machine(), "threads": threads}) + "\n")


if __name__ == "__main__":
    main()
