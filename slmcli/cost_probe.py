"""Load a bundle in a process of its own and measure it: `python -m slmcli.cost_probe`, a job as JSON on standard input."""

import json
import sys
import time
from pathlib import Path
from typing import Any  # Any: a JSON document

# our choice: seconds after which no more texts are taken, one at a time and, as far as that can be foreseen, in batches
_MOST_SECONDS = 10.0
_FEWEST_TOGETHER = 20
_WARM_UPS = 5


def probe(job: dict[str, Any]) -> dict[str, float]:
    """Return `load_seconds`, `latency_ms_p50` and so on, `texts_per_second` and `peak_memory_mb` of a job as `measure_cost` makes it."""
    started = time.perf_counter()
    import numpy as np

    from slmcli.predictor import open_predictor
    from slmcli.runtime import peak_memory_megabytes

    predictor = open_predictor(Path(job["bundle"]), threads=job["threads"])
    inputs = job["inputs"]
    predictor.predict(inputs[:1])
    loaded = time.perf_counter() - started
    for text in inputs[:_WARM_UPS]:
        predictor.predict([text])
    latencies: list[float] = []
    end = time.perf_counter() + _MOST_SECONDS
    for text in inputs[: job["single"]]:
        before = time.perf_counter()
        predictor.predict([text])
        latencies.append(time.perf_counter() - before)
        if time.perf_counter() > end:
            break
    p50, p95, p99 = (round(1000.0 * float(value), 3) for value in np.quantile(latencies, [0.5, 0.95, 0.99]))
    several = inputs[: max(_FEWEST_TOGETHER, int(1000.0 * _MOST_SECONDS / max(p50, 1e-3)))]
    before = time.perf_counter()
    predictor.predict(several)
    together = time.perf_counter() - before
    return {
        "load_seconds": round(loaded, 2),
        "latency_ms_p50": p50,
        "latency_ms_p95": p95,
        "latency_ms_p99": p99,
        "texts_per_second": round(len(several) / max(together, 1e-9), 1),
        "peak_memory_mb": round(peak_memory_megabytes(), 1),
    }


if __name__ == "__main__":
    json.dump(probe(json.load(sys.stdin)), sys.stdout)
