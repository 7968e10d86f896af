"""How a training is carried out: devices, arithmetic, XLA, threads; what was asked for, measured, or known."""

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any  # Any: a JSON document

from slmcli import machine
from slmcli.devices import Device, choose_devices, find_devices, gpu_precision
from slmcli.errors import ConfigError
from slmcli.machine import Measurement
from slmcli.parallel import usable_processors
from slmcli.runtime import resolve_precision, start_tensorflow
from slmcli.training_config import RunSettings

logger = logging.getLogger(__name__)

# our choice: what two cores do, in tokens a second, so as to tell a training of seconds from one of minutes before it begins
_TOKENS_PER_SECOND = {"convolution": 250_000, "recurrence": 25_000, "lookup": 1_000_000}
# our choice: a measurement of 15 to 30 seconds, or the compilation of some 16 shapes of batches, must be a small part of the training
_WORTH_MEASURING_SECONDS = 30.0
_WORTH_COMPILING_SECONDS = 300.0
# our choice: fewer tokens are not worth operations of their own
_LEAST_TOKENS_OF_A_PART = 256


@dataclass(frozen=True)
class Execution:
    """How a training is carried out, and why.

    Attributes:
        precision: Keras dtype policy.
        is_compiled: Whether XLA compiles the forward and backward pass.
        threads: Threads of the processor's operations; 0: one for each processor.
        parts: Parts of a step that are computed side by side, and share the threads (`divided_steps`); 1: it is not divided.
        devices: Names of TensorFlow's devices, such as `CPU:0`; on several, each takes a part of every batch.
    """

    precision: str
    precision_reason: str
    is_compiled: bool
    xla_reason: str
    threads: int
    devices: tuple[str, ...] = ("CPU:0",)
    parts: int = 1

    def describe(self) -> dict[str, Any]:
        """Return the fields of environment.json."""
        return {
            "precision": self.precision,
            "precision_reason": self.precision_reason,
            "xla": self.is_compiled,
            "xla_reason": self.xla_reason,
            "threads": self.threads,
            "devices": list(self.devices),
            "parts": self.parts,
        }


def expected_seconds(backbone: str, *, tokens: int) -> float:
    """Return about how long a training takes that reads so many tokens, all passes together."""
    return tokens / _TOKENS_PER_SECOND[machine.kind_of(backbone)]


def choose_parts(threads: int, step: tuple[int, int]) -> int:
    """Return into how many parts a step of (rows, tokens of a row) is divided, at most one for each thread."""
    rows, tokens = step
    return max(1, min(threads, rows, rows * tokens // _LEAST_TOKENS_OF_A_PART))


def start_execution(
    settings: RunSettings,
    *,
    seconds: float,
    begun: Mapping[str, Any] | None = None,
    is_wide: bool = False,
    step: tuple[int, int] | None = None,
) -> Execution:
    """Settle how to train and start TensorFlow.

    Args:
        settings: What was asked for.
        seconds: About how long the training will take.
        is_wide: Whether the products of a step are so large that their rate decides.
        step: Rows of a step and tokens of a row, where its rows can be computed apart from each other.
        begun: The environment of a training that is to go on, which must stay as it was.

    Raises:
        ConfigError: There are not the devices that were asked for.
    """
    if begun is not None:
        return _go_on(settings, begun)
    measured = recall_or_measure(settings, seconds)
    threads = settings.threads or (measured.threads if measured else 0)
    parts = choose_parts(threads or usable_processors(), step) if step is not None and settings.xla != "on" else 1
    _start(threads, parts, settings)
    devices = choose_devices(settings.devices, find_devices())
    execution = settle_execution(settings, devices, measured, seconds=seconds, is_wide=is_wide)
    if parts == 1 or devices[0].is_gpu:
        return execution
    return replace(execution, parts=parts, is_compiled=False, xla_reason="threads take parts of a step side by side")


def settle_execution(
    settings: RunSettings, devices: Sequence[Device], measured: Measurement | None, *, seconds: float, is_wide: bool = False
) -> Execution:
    """Settle arithmetic, XLA and threads on these devices, of which the processor may have been measured."""
    precision, precision_reason = _choose_precision(settings, devices, measured, is_wide=is_wide)
    is_compiled, xla_reason = _choose_xla(settings, devices, measured, precision, seconds)
    threads = settings.threads or (measured.threads if measured else 0)
    return Execution(precision, precision_reason, is_compiled, xla_reason, threads, tuple(device.name for device in devices))


def _go_on(settings: RunSettings, begun: Mapping[str, Any]) -> Execution:
    """Return how the training was carried out before."""
    threads, names = begun.get("threads", 0), begun.get("devices", ["CPU:0"])
    parts = begun.get("parts", 1)
    _start(threads, parts, settings)
    found = [device.name for device in find_devices()]
    if not set(names) <= set(found):
        raise ConfigError(f"the run was begun on {', '.join(names)}, and here is {', '.join(found)}. Go on with it there, or pass --overwrite.")
    return Execution(
        begun.get("precision", "float32"),
        begun.get("precision_reason", "unknown"),
        begun.get("xla", False),
        begun.get("xla_reason", "unknown"),
        threads,
        tuple(names),
        parts,
    )


def _start(threads: int, parts: int, settings: RunSettings) -> None:
    inside = (threads or usable_processors()) if parts > 1 else threads
    start_tensorflow(threads=inside, parts=parts, hides_gpus=settings.devices == "cpu", seed=settings.seed)


def recall_or_measure(settings: RunSettings, seconds: float) -> Measurement | None:
    """Return this machine's measurement, made now when none is kept and the training is long enough."""
    is_settled = settings.precision != "auto" and settings.xla != "auto" and settings.threads
    if is_settled or settings.devices == "gpu":
        return None
    measured = machine.recall()
    if measured is not None or seconds < _WORTH_MEASURING_SECONDS or os.environ.get("CI") or not machine.is_worth_measuring():
        return measured
    logger.info("Measuring this machine, once: 15 to 30 seconds. It stays in %s; see slm doctor --measure.", machine.cache_path())
    return machine.measure()


def _choose_precision(settings: RunSettings, devices: Sequence[Device], measured: Measurement | None, *, is_wide: bool) -> tuple[str, str]:
    if settings.precision != "auto":
        return resolve_precision(settings.precision)
    if devices[0].is_gpu:
        return gpu_precision(devices)
    if measured is not None and is_wide:
        return machine.choose_precision_by_products(measured)
    if measured is not None:
        return machine.choose_precision(measured, machine.kind_of(settings.backbone))
    return resolve_precision("auto")


def _choose_xla(settings: RunSettings, devices: Sequence[Device], measured: Measurement | None, precision: str, seconds: float) -> tuple[bool, str]:
    if settings.xla != "auto":
        return settings.xla == "on", "asked for"
    if devices[0].is_gpu:
        return True, "the device is a GPU"
    if measured is None:
        return False, "not measured, and a processor gains little from it"
    if seconds < _WORTH_COMPILING_SECONDS:
        return False, f"a training of about {seconds:.0f} s is too short for compiling"
    return machine.choose_xla(measured, machine.kind_of(settings.backbone), precision)
