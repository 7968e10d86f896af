"""What a model costs to use: bytes, time and memory, measured in a process that does nothing else."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any  # Any: values of examples, JSON documents

import numpy as np

from slmcli.bundle import Bundle, LanguageBundle
from slmcli.errors import BundleError

# measured names that a gate may name; of these, the ones of which less is better
COST_NAMES = ("model_bytes", "bundle_bytes", "parameters", "texts_per_second", "latency_ms_p50", "latency_ms_p95", "latency_ms_p99", "peak_memory_mb")
SIZE_NAMES = ("model_bytes", "bundle_bytes", "parameters")
LOWER_IS_CHEAPER = frozenset(COST_NAMES) - {"texts_per_second"}
# our choice: enough for the slowest one in a hundred, and for a second of batches of a fast model
_MOST_SINGLE, _MOST_TOGETHER = 500, 2000


def measure_cost(bundle: Bundle, inputs: Sequence[Mapping[str, Any]], *, threads: int, seed: int) -> dict[str, float]:
    """Return what using a bundle costs, by `COST_NAMES`, and `load_seconds`.

    A new process loads the bundle as `slm predict` does, says something of texts one at a time, from text to answer, then of many in
    batches; so that nothing of the process that judges it is counted.

    Args:
        bundle: The bundle.
        inputs: Values of the fields of examples, one or more, of which some are taken.
        threads: Processor threads; 0: all.
        seed: Seed of the choice.

    Raises:
        BundleError: The process failed.
    """
    order = np.random.default_rng(seed).permutation(len(inputs))
    names = [field.name for field in bundle.task.fields if not field.is_target]
    chosen = [{name: inputs[row][name] for name in names} for row in order[:_MOST_TOGETHER]]
    job = {"bundle": str(bundle.path), "threads": threads, "inputs": chosen, "single": _MOST_SINGLE}
    measured = {**sizes_of(bundle), **run_probe("slmcli.cost_probe", job, bundle)}
    return {name: measured[name] for name in (*COST_NAMES, "load_seconds")}


def sizes_of(bundle: Bundle | LanguageBundle) -> dict[str, float]:
    """Return what is known without measuring, by `SIZE_NAMES`."""
    bundle_bytes = sum(file.stat().st_size for file in bundle.path.rglob("*") if file.is_file())
    return {"model_bytes": bundle.manifest["bytes"], "bundle_bytes": bundle_bytes, "parameters": bundle.manifest["parameters"]}


def run_probe(module: str, job: Mapping[str, Any], bundle: Bundle | LanguageBundle) -> dict[str, float]:
    """Return what a module of ours prints that measures a job in a process of its own.

    Raises:
        BundleError: The process failed.
    """
    command = [sys.executable, "-P", "-m", module]  # -P: no module of the directory that the user stands in
    result = subprocess.run(command, input=json.dumps(job), capture_output=True, text=True, encoding="utf-8", check=False)  # noqa: S603  # our own module
    if result.returncode:
        reason = (result.stderr.strip().splitlines() or [f"it ended with {result.returncode}"])[-1]
        raise BundleError(f"the cost of {bundle.path} could not be measured: {reason}. Pass --no-cost to do without.")
    measured: dict[str, float] = json.loads(result.stdout)
    return measured
