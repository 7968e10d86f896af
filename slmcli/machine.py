"""What this machine computes fast: a short measurement, kept in the cache, and what follows from it."""

import functools
import json
import logging
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any  # Any: a JSON document

import pydantic

from slmcli import __version__
from slmcli.config import Settings
from slmcli.errors import SlmError
from slmcli.files import read_json, write_json
from slmcli.parallel import usable_processors
from slmcli.runtime import installed_version, processor_flags

logger = logging.getLogger(__name__)

FORMAT_VERSION = 2
# what dominates a step of each backbone; of a model of several, the slowest counts
KINDS: Mapping[str, str] = {
    "bag": "lookup",
    "conv": "convolution",
    "gru": "recurrence",
    "lstm": "recurrence",
    "minrnn": "convolution",
    "transformer": "convolution",
}
_SLOWEST_FIRST = ("recurrence", "convolution", "lookup")
# our choice: what is less exact or needs time to compile must be worth it
_WORTHWHILE = 1.1
_WORTH_COMPILING = 1.5  # our choice: each of some 16 shapes of a batch takes about five seconds
_PATIENCE_SECONDS = 120


class Measurement(Settings):
    """What was measured on one machine.

    Attributes:
        seconds: What the measurement took.
        threads: Threads that were fastest, inside one operation.
        gigaflops: Arithmetic to the rate of a large matrix product, in GFLOP/s.
        milliseconds: Kind of model to arithmetic, such as `float32` or `float32+xla`, to one training step.
        examples_per_second: Kind of model to batch size to speed, in the fastest arithmetic without XLA.
    """

    seconds: float
    threads: int
    gigaflops: dict[str, float]
    milliseconds: dict[str, dict[str, float]]
    examples_per_second: dict[str, dict[int, float]]


def kind_of(backbone: str) -> str:
    """Return what dominates a step of a backbone, or of several joined by `+`."""
    kinds = {KINDS.get(name, "convolution") for name in backbone.split("+")}
    return next(kind for kind in _SLOWEST_FIRST if kind in kinds)


def choose_precision(measured: Measurement, kind: str) -> tuple[str, str]:
    """Return the Keras dtype policy for a kind of model, and why."""
    times = measured.milliseconds.get(kind, {})
    if not {"float32", "mixed_bfloat16"} <= times.keys():
        return "float32", f"measured: no time of a {kind}'s step in bfloat16"
    is_worthwhile = times["float32"] >= _WORTHWHILE * times["mixed_bfloat16"]
    reason = f"measured: a {kind}'s step takes {times['mixed_bfloat16']:.3g} ms in bfloat16, {times['float32']:.3g} ms in float32"
    return ("mixed_bfloat16" if is_worthwhile else "float32"), reason


def choose_precision_by_products(measured: Measurement) -> tuple[str, str]:
    """Return the Keras dtype policy for models that large products decide, and why."""
    rates = measured.gigaflops
    if not {"float32", "bfloat16"} <= rates.keys():
        return "float32", "measured: no rate of large products in bfloat16"
    reason = f"measured: large products have {rates['bfloat16']:.0f} GFLOP/s in bfloat16, {rates['float32']:.0f} in float32"
    return ("mixed_bfloat16" if rates["bfloat16"] >= _WORTHWHILE * rates["float32"] else "float32"), reason


def products_rate(measured: Measurement, precision: str) -> float:
    """Return the rate of large products, in GFLOP/s, in the arithmetic of a training: `float32`, another, or `auto`."""
    rates = measured.gigaflops
    is_float = precision == "float32" or (precision == "auto" and choose_precision_by_products(measured)[0] == "float32")
    return rates.get("float32" if is_float else "bfloat16", rates.get("float32", 0.0))


def choose_xla(measured: Measurement, kind: str, precision: str) -> tuple[bool, str]:
    """Say whether XLA pays for a kind of model in this arithmetic, and why."""
    times = measured.milliseconds.get(kind, {})
    plain, compiled = times.get(precision), times.get(f"{precision}+xla")
    if plain is None or compiled is None:
        return False, f"measured: no time of a {kind}'s step with XLA"
    return plain >= _WORTH_COMPILING * compiled, f"measured: a {kind}'s step takes {compiled:.3g} ms with XLA, {plain:.3g} ms without"


def fastest_batch_size(measured: Measurement, kind: str) -> int | None:
    """Return the smallest batch that is within a tenth of the fastest; None when none was measured."""
    speeds = measured.examples_per_second.get(kind, {})
    return next((size for size in sorted(speeds) if _WORTHWHILE * speeds[size] >= max(speeds.values())), None)


def machine_name() -> str:
    """Return what a measurement is valid for: processor, number of cores that may be used, and what computes."""
    flags = processor_flags()
    units = "+".join(name for name in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if name in flags)
    return f"{_processor_model()} ({units or platform.machine()}) x {usable_processors()}, TensorFlow {_tensorflow_version()}, slm {__version__}"


def cache_path() -> Path:
    """Return where measurements are kept: `machine.json` in SLM_CACHE, or in ~/.cache/slm."""
    return Path(os.path.expanduser(os.environ.get("SLM_CACHE") or "~/.cache/slm")) / "machine.json"  # noqa: PTH111  (without a home it stays as it is)


def recall() -> Measurement | None:
    """Return what was measured on this machine before; None when nothing was, or when it cannot be read."""
    try:
        return Measurement(**_read_machines(cache_path())[machine_name()])
    except (SlmError, pydantic.ValidationError, KeyError, TypeError):
        return None


def keep(measured: Measurement | None) -> None:
    """Add a measurement to the cache, or None for one that failed; a cache that cannot be written stays as it is."""
    path = cache_path()
    document = {"format_version": FORMAT_VERSION, "machines": {**_others(path), machine_name(): measured and measured.model_dump(mode="json")}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, document)
    except (SlmError, OSError) as error:
        logger.debug("the measurement is not kept: %s", error)


def is_worth_measuring() -> bool:
    """Say whether a measurement could be kept, and none has failed before."""
    path = cache_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path.parent, os.W_OK) and machine_name() not in _others(path)


def _others(path: Path) -> dict[str, object]:
    """Return the measurements of other machines, which may share a home directory."""
    try:
        machines = _read_machines(path)
    except (SlmError, KeyError, TypeError):
        return {}
    return machines if isinstance(machines, dict) else {}


def _read_machines(path: Path) -> Any:
    """Return what the cache says of each machine; nothing of what an earlier release measured otherwise."""
    document = read_json(path, format_version=FORMAT_VERSION)
    return document["machines"] if document["format_version"] == FORMAT_VERSION else {}


def measure() -> Measurement | None:
    """Measure this machine and keep the result; None when that fails. Takes 15 to 30 seconds on an idle machine.

    Every number of threads has its own process, because TensorFlow fixes it for each.
    """
    found = [each for each in map(_measure_in_a_process, thread_numbers()) if each is not None]
    if not found:
        keep(None)
        return None
    best = min(found, key=lambda each: min(each.milliseconds.get("convolution", {}).values(), default=float("inf")))
    best = best.model_copy(update={"seconds": round(sum(each.seconds for each in found), 1)})
    keep(best)
    return best


def thread_numbers() -> list[int]:
    """Return the numbers of threads worth trying: one for each processor, and one for each core where a core is several processors."""
    processors = usable_processors()
    return sorted({processors, max(1, processors // _processors_per_core())}, reverse=True)


def _measure_in_a_process(threads: int) -> Measurement | None:
    command = [sys.executable, "-m", "slmcli.measuring", "--threads", str(threads)]
    try:
        done = subprocess.run(  # noqa: S603  (this Python and our own module)
            command, capture_output=True, text=True, timeout=_PATIENCE_SECONDS, check=True
        )
        return Measurement(**json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
        logger.debug("this machine could not be measured with %s threads: %s", threads, error)
        return None


def _processor_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor() or platform.machine()


def _processors_per_core() -> int:
    """Return how many processors share one core, as far as the system says."""
    try:
        text = Path("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list").read_text(encoding="utf-8")
    except OSError:
        return 1
    return max(1, len(text.replace("-", ",").split(",")))


@functools.cache
def _tensorflow_version() -> str:
    return installed_version("tensorflow") or "absent"
