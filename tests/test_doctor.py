import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from test_machine import MEASURED

from slmcli import machine
from slmcli.cli.machine_display import show_measurement
from slmcli.doctor import examine, self_test


def test_the_self_test_trains_exports_and_predicts() -> None:
    assert self_test()["self_test"] == "OK"


def test_what_is_installed_is_listed_with_versions() -> None:
    assert {"tensorflow", "keras", "ai-edge-litert", "python", "memory", "precision"} <= examine().keys()


def test_a_measurement_is_kept_and_says_what_auto_means(slm: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_CACHE", str(tmp_path))
    result = json.loads(slm("doctor", "--measure", "--json").stdout)
    assert machine.recall() == machine.Measurement(**result["measurement"])
    assert set(result["measurement"]["gigaflops"]) == {"float32", "bfloat16"}
    assert set(result["choices"]) == {"convolution", "recurrence", "lookup"}
    assert result["precision"] == f"{result['choices']['convolution']['precision']}: {result['choices']['convolution']['precision_reason']}"


def test_a_measurement_is_shown_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    choice = {"precision": "mixed_bfloat16", "xla": False, "threads": 2, "fastest_batch_size": 64}
    show_measurement({"measurement": MEASURED.model_dump(), "choices": {"convolution": choice}})
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "matrix product          float32 200 GFLOP/s, bfloat16 800 GFLOP/s"
    assert lines[1] == "convolution, a step     float32 30, mixed_bfloat16 20, float32+xla 31, mixed_bfloat16+xla 19 ms"
    assert lines[2].strip() == "precision mixed_bfloat16, XLA off, threads 2; larger batches than 64 are not faster"
