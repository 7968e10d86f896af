"""What a model costs: its size, and its speed and memory in this process."""

import random
import resource
import time
from collections.abc import Sequence
from typing import Any  # Any: a JSON document

import numpy as np

from slmcli.bundle import Bundle
from slmcli.predictor import Input, Predictor

# our choice: enough for a percentile of 95, and over in a second or two
_TEXTS, _SINGLE_TEXTS = 256, 100
# our choice: other programs slow one round down, hardly all of them
_ROUNDS = 3
_KILOBYTES = 1024


def measure_cost(bundle: Bundle, predictor: Predictor, texts: Sequence[Input], *, seed: int) -> dict[str, Any]:
    """Return what a model costs: `bytes` and `parameters`, and what was measured here.

    Args:
        bundle: The model.
        predictor: The same, loaded.
        texts: Texts of the kind it is for; some of them are drawn.
        seed: Seed of the draw.

    Returns:
        Also `texts_per_second` in batches, `latency_ms_p50`, `latency_ms_p95` and `latency_ms_p99` (milliseconds for one text), and
        `peak_memory_mb`, the most memory that this process has held so far, in megabytes.
    """
    generator = random.Random(seed)  # noqa: S311  (which texts are timed is no secret)
    drawn = [texts[generator.randrange(len(texts))] for _ in range(_TEXTS)]
    predictor.probabilities(drawn)
    milliseconds = min(_milliseconds(predictor, drawn) for _ in range(_ROUNDS))
    p50, p95, p99 = np.percentile([_milliseconds(predictor, [text]) for text in drawn[:_SINGLE_TEXTS]], [50, 95, 99])
    return {
        "bytes": bundle.bytes,
        "parameters": bundle.manifest.get("parameters"),
        "texts_per_second": round(1e3 * len(drawn) / max(1e-9, milliseconds), 1),
        "latency_ms_p50": round(float(p50), 3),
        "latency_ms_p95": round(float(p95), 3),
        "latency_ms_p99": round(float(p99), 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KILOBYTES / 1e6, 1),
    }


def _milliseconds(predictor: Predictor, texts: Sequence[Input]) -> float:
    started = time.perf_counter()
    predictor.probabilities(texts)
    return 1e3 * (time.perf_counter() - started)
