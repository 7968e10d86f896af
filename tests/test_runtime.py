import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slmcli import runtime


@pytest.mark.parametrize(
    ("asked", "flags", "expected"),
    [
        (None, {"avx2", "fma"}, False),
        (None, {"avx2", "avx512_vnni"}, True),
        (None, {"amx_bf16"}, True),
        ("0", {"amx_bf16"}, False),
        ("False", {"amx_bf16"}, False),
        ("1", {"avx2"}, True),
        ("", {"avx2"}, False),
    ],
)
def test_onednn_is_used_where_asked_for_or_by_processors_for_neural_networks(
    asked: str | None, flags: set[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_ENABLE_ONEDNN_OPTS", raising=False)
    if asked is not None:
        monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", asked)
    monkeypatch.setattr(runtime, "processor_flags", lambda: frozenset(flags))
    assert runtime.uses_onednn() is expected


@pytest.mark.parametrize(("options", "inside", "between"), [("threads=5, parts=2", 2, 2), ("threads=3", 3, 0)], ids=["divided", "whole"])
def test_parts_of_a_step_share_the_threads(options: str, inside: int, between: int, python: Any) -> None:
    code = f"""
from slmcli.runtime import start_tensorflow
start_tensorflow({options}, hides_gpus=True)
import tensorflow as tf
threading = tf.config.threading
print(threading.get_intra_op_parallelism_threads(), threading.get_inter_op_parallelism_threads(), tf.config.get_visible_devices("GPU"))
"""
    assert python(code).stdout.split() == [str(inside), str(between), "[]"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say what a process itself has used")
def test_the_memory_of_a_process_is_not_that_of_the_one_that_started_it() -> None:
    code = "from slmcli.runtime import peak_memory_megabytes; print(peak_memory_megabytes())"
    large = bytearray(400_000_000)
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 1 < float(found.stdout) < len(large) / 2e6
