"""What a model costs to use: its size, and how fast it answers on this machine."""

import time
from collections.abc import Mapping, Sequence
from typing import Any  # Any: values of examples

import numpy as np

from slmcli.bundle import Bundle
from slmcli.predictor import Predictor

COST_NAMES = ("model_bytes", "bundle_bytes", "parameters", "texts_per_second", "latency_ms_p50", "latency_ms_p95", "latency_ms_p99", "peak_memory_mb")
LOWER_IS_CHEAPER = frozenset(COST_NAMES) - {"texts_per_second"}
# our choice: enough for a percentile of 95, and over in a second or two
_MOST_SINGLE, _MOST_TOGETHER = 100, 256
# our choice: other programs slow one round down, hardly all of them
_ROUNDS = 3


def measure_cost(bundle: Bundle, inputs: Sequence[Mapping[str, Any]], *, threads: int, seed: int) -> dict[str, float]:
    """Return what using a bundle costs, as far as that can be measured in this process, by `COST_NAMES`.

    Args:
        bundle: The bundle.
        inputs: Values of the fields of examples, one or more, of which some are taken.
        threads: Processor threads; 0: all.
        seed: Seed of the choice.
    """
    order = np.random.default_rng(seed).permutation(len(inputs))[:_MOST_TOGETHER]
    chosen = [inputs[row] for row in order]
    predictor = Predictor(bundle, threads=threads)
    predictor.probabilities(chosen)
    together = min(_milliseconds(predictor, chosen) for _ in range(_ROUNDS))
    p50, p95, p99 = np.quantile([_milliseconds(predictor, [text]) for text in chosen[:_MOST_SINGLE]], [0.5, 0.95, 0.99])
    return {
        "model_bytes": bundle.bytes,
        "bundle_bytes": sum(file.stat().st_size for file in bundle.path.iterdir()),
        "parameters": bundle.manifest["parameters"],
        "texts_per_second": round(1e3 * len(chosen) / max(1e-9, together), 1),
        "latency_ms_p50": round(float(p50), 3),
        "latency_ms_p95": round(float(p95), 3),
        "latency_ms_p99": round(float(p99), 3),
    }


def _milliseconds(predictor: Predictor, texts: Sequence[Mapping[str, Any]]) -> float:
    started = time.perf_counter()
    predictor.probabilities(texts)
    return 1e3 * (time.perf_counter() - started)
