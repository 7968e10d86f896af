"""Start TensorFlow quietly and the same way everywhere; say what the machine is."""

import contextlib
import os
import platform
import re
import sys
import tempfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any  # Any: a JSON document

from slmcli import __version__
from slmcli.errors import SlmError

_NEURAL_UNITS = frozenset({"avx512_vnni", "avx512_bf16", "avx_vnni", "amx_tile", "amx_int8", "amx_bf16"})
PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert", "scikit-learn", "nltk", "pyarrow", "pydantic", "click")


def start_tensorflow(*, threads: int = 0, parts: int = 1, hides_gpus: bool = False, seed: int | None = None) -> None:
    """Import TensorFlow and Keras without their start-up messages; make every operation deterministic.

    Args:
        threads: Threads of the processor's operations; 0 means one for each processor.
        parts: Parts of a step that the processor computes side by side: an operation has as many threads as there are for one part.
            `threads` is then not 0. It has no meaning where there is a GPU.
        hides_gpus: Whether GPUs are left to other programs.
        seed: Seed of Python's, NumPy's and TensorFlow's generators.

    Raises:
        SlmError: TensorFlow cannot be imported.
    """
    os.environ["KERAS_BACKEND"] = "tensorflow"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        with quiet_stderr():
            import keras
            import tensorflow
    except ImportError as error:
        raise SlmError(f"TensorFlow cannot be imported ({error}). Install slmcli again; `slm doctor` says what is missing.") from error
    tensorflow.get_logger().setLevel("ERROR")
    with contextlib.suppress(RuntimeError):  # the second start in one process keeps the first one's threads
        if hides_gpus:
            tensorflow.config.set_visible_devices([], "GPU")
        if parts > 1 and not tensorflow.config.get_visible_devices("GPU"):
            tensorflow.config.threading.set_inter_op_parallelism_threads(parts)
            threads = max(1, threads // parts)
        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
    tensorflow.config.experimental.enable_op_determinism()
    if seed is not None:
        keras.utils.set_random_seed(seed)


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Hold back what native libraries write to standard error; show it when the block fails."""
    if sys.stderr is not None:
        sys.stderr.flush()
    try:
        saved = os.dup(2)
    except OSError:  # no standard error at all
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except Exception:
            held.seek(0)
            os.write(saved, held.read())
            raise
        finally:
            os.dup2(saved, 2)
            os.close(saved)


def resolve_precision(precision: str) -> tuple[str, str]:
    """Return the Keras dtype policy for `--precision`, and why it was chosen."""
    if precision != "auto":
        return {"float32": "float32", "bfloat16": "mixed_bfloat16", "float16": "mixed_float16"}[precision], "asked for"
    if "amx_bf16" in processor_flags():
        return "mixed_bfloat16", "the processor has matrix units for bfloat16 (amx_bf16)"
    return "float32", "the processor has no matrix units for bfloat16"


def processor_flags() -> frozenset[str]:
    """Return the processor's feature flags, empty where the system does not list them."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    return frozenset(next((line.split(":", 1)[1].split() for line in lines if line.startswith("flags")), []))


def uses_onednn() -> bool:
    """Say whether TensorFlow computes with oneDNN on this processor, as far as is known: on Windows and Arm it may, and this says no.

    Source: TensorFlow 2.21, DefaultOneDnnPolicy: on Linux and x86, by itself where the processor has units for neural networks.
    """
    asked = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "").lower()
    return asked in ("1", "true") or (asked not in ("0", "false") and bool(_NEURAL_UNITS & processor_flags()))


def peak_memory_megabytes() -> float:
    """Return the largest resident memory of this process so far, in MB.

    What `getrusage` says begins, on Linux, with the peak of the process that started this one; what the kernel says of its memory does not.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    if found := re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE):
        return int(found[1]) / (1 << 10)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def describe_environment() -> dict[str, Any]:
    """Return versions of what computes, and what the machine is."""
    return {
        "slmcli": __version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "bfloat16_units": "amx_bf16" in processor_flags(),
        "packages": {name: installed_version(name) for name in PACKAGES},
    }


def installed_version(package: str) -> str | None:
    """Return a package's version, or None when it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
