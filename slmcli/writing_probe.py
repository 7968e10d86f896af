"""Let a language model write in a process of its own and measure it: `python -m slmcli.writing_probe`, a job as JSON on standard input."""

import json
import sys
import time
from pathlib import Path
from typing import Any  # Any: a JSON document

# our choice: seconds after which no more tokens are written
_MOST_SECONDS = 10.0
_WARM_UPS = 4


def probe(job: dict[str, Any]) -> dict[str, float]:
    """Return `load_seconds`, `latency_ms_p50` and so on, `tokens_per_second` and `peak_memory_mb` of a job as `measure_writing` makes it."""
    started = time.perf_counter()
    import numpy as np

    from slmcli.runtime import peak_memory_megabytes
    from slmcli.tokenizers.base import END_ID
    from slmcli.writing import open_writer

    decoder = open_writer(Path(job["bundle"]), threads=job["threads"]).decoder
    scores, state = decoder.begin([[END_ID]])
    loaded = time.perf_counter() - started
    latencies: list[float] = []
    end = time.perf_counter() + _MOST_SECONDS
    for _ in range(_WARM_UPS + job["tokens"]):
        before = time.perf_counter()
        token_ids = scores.argmax(-1).astype(np.int32)
        scores, state = decoder.advance(token_ids, state)
        latencies.append(time.perf_counter() - before)
        if time.perf_counter() > end and len(latencies) > _WARM_UPS:
            break
    measured = latencies[_WARM_UPS:]
    p50, p95, p99 = (round(1000.0 * float(value), 3) for value in np.quantile(measured, [0.5, 0.95, 0.99]))
    return {
        "load_seconds": round(loaded, 2),
        "latency_ms_p50": p50,
        "latency_ms_p95": p95,
        "latency_ms_p99": p99,
        "tokens_per_second": round(len(measured) / sum(measured), 1),
        "peak_memory_mb": round(peak_memory_megabytes(), 1),
    }


if __name__ == "__main__":
    json.dump(probe(json.load(sys.stdin)), sys.stdout)
