from pathlib import Path

import pytest
from test_machine import MEASURED

from slmcli import machine
from slmcli.devices import Device
from slmcli.errors import ConfigError
from slmcli.execution import Execution, choose_parts, expected_seconds, settle_execution, start_execution
from slmcli.runtime import resolve_precision
from slmcli.training_config import FinetuneSettings

PROCESSOR = [Device("CPU:0")]
GPUS = [Device("GPU:0", (8, 0)), Device("GPU:1", (8, 0))]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache for each test."""
    monkeypatch.setenv("SLM_CACHE", str(tmp_path))
    return tmp_path / "machine.json"


def test_what_is_asked_for_is_taken() -> None:
    settings = FinetuneSettings(precision="float32", xla="on", threads=1)
    execution = settle_execution(settings, PROCESSOR, MEASURED, seconds=1000.0)
    assert execution == Execution("float32", "asked for", True, "asked for", 1, ("CPU:0",))


def test_what_was_measured_decides_for_the_rest() -> None:
    execution = settle_execution(FinetuneSettings(backbone="bag"), PROCESSOR, MEASURED, seconds=1000.0)
    assert (execution.precision, execution.is_compiled, execution.threads) == ("float32", True, 2)
    assert execution.xla_reason == "measured: a lookup's step takes 4 ms with XLA, 6 ms without"


def test_a_short_training_is_not_compiled() -> None:
    execution = settle_execution(FinetuneSettings(backbone="bag"), PROCESSOR, MEASURED, seconds=20.0)
    assert (execution.is_compiled, execution.xla_reason) == (False, "a training of about 20 s is too short for compiling")


def test_without_a_measurement_the_processors_flags_decide() -> None:
    execution = settle_execution(FinetuneSettings(), PROCESSOR, None, seconds=1000.0)
    assert (execution.precision, execution.precision_reason) == resolve_precision("auto")
    assert (execution.is_compiled, execution.xla_reason, execution.threads) == (False, "not measured, and a processor gains little from it", 0)


def test_a_gpu_computes_in_16_bits_and_with_xla() -> None:
    execution = settle_execution(FinetuneSettings(), GPUS, MEASURED, seconds=1.0)
    assert (execution.precision, execution.is_compiled, execution.xla_reason) == ("mixed_bfloat16", True, "the device is a GPU")
    assert execution.devices == ("GPU:0", "GPU:1")


def test_a_kept_measurement_counts_for_a_short_training_too() -> None:
    machine.keep(MEASURED)
    assert start_execution(FinetuneSettings(), seconds=1.0).precision_reason.startswith("measured: a convolution's step takes 20 ms")


def test_a_short_training_is_not_worth_a_measurement(cache: Path) -> None:
    assert not start_execution(FinetuneSettings(), seconds=1.0).precision_reason.startswith("measured")
    assert not cache.exists()


def test_continuous_integration_is_not_measured(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    assert not start_execution(FinetuneSettings(), seconds=1000.0).precision_reason.startswith("measured")
    assert not cache.exists()


def test_a_resumed_training_stays_as_it_was() -> None:
    begun = {
        "precision": "mixed_bfloat16",
        "precision_reason": "because",
        "xla": True,
        "xla_reason": "so",
        "threads": 2,
        "devices": ["CPU:0"],
        "parts": 1,
    }
    execution = start_execution(FinetuneSettings(), seconds=1.0, begun=begun)
    assert execution.describe() == begun


def test_a_training_begun_on_devices_that_are_not_here_is_named() -> None:
    with pytest.raises(ConfigError, match=r"the run was begun on GPU:0, GPU:1, and here is CPU:0\. Go on with it there, or pass --overwrite\."):
        start_execution(FinetuneSettings(), seconds=1.0, begun={"devices": ["GPU:0", "GPU:1"]})


@pytest.mark.parametrize(("backbone", "seconds"), [("conv", 4.0), ("lstm", 40.0), ("bag", 1.0)])
def test_a_training_is_estimated_from_its_tokens(backbone: str, seconds: float) -> None:
    assert expected_seconds(backbone, tokens=1_000_000) == seconds


@pytest.mark.parametrize(
    ("is_wide", "precision", "reason"),
    [
        (False, "float32", "measured: a recurrence's step takes 95 ms in bfloat16, 100 ms in float32"),
        (True, "mixed_bfloat16", "measured: large products have 800 GFLOP/s in bfloat16, 200 in float32"),
    ],
    ids=["narrow", "wide"],
)
def test_of_a_wide_model_products_decide(is_wide: bool, precision: str, reason: str) -> None:
    machine.keep(MEASURED)
    execution = start_execution(FinetuneSettings(backbone="lstm"), seconds=1.0, is_wide=is_wide)
    assert (execution.precision, execution.precision_reason) == (precision, reason)


def test_of_a_wide_model_too_what_is_asked_for_is_taken() -> None:
    execution = settle_execution(FinetuneSettings(precision="float32"), PROCESSOR, MEASURED, seconds=1.0, is_wide=True)
    assert (execution.precision, execution.precision_reason) == ("float32", "asked for")


def test_a_wide_model_on_a_gpu_is_as_any_other() -> None:
    narrow, wide = (settle_execution(FinetuneSettings(), GPUS, MEASURED, seconds=1.0, is_wide=is_wide) for is_wide in (False, True))
    assert wide == narrow


def test_without_a_measurement_a_wide_model_is_as_any_other() -> None:
    narrow, wide = (settle_execution(FinetuneSettings(), PROCESSOR, None, seconds=1.0, is_wide=is_wide) for is_wide in (False, True))
    assert wide == narrow


def test_a_wide_model_that_goes_on_stays_as_it_was() -> None:
    begun = {"precision": "float32", "precision_reason": "because", "xla": False, "xla_reason": "so", "threads": 0, "devices": ["CPU:0"], "parts": 1}
    machine.keep(MEASURED)
    assert start_execution(FinetuneSettings(), seconds=1.0, begun=begun, is_wide=True).describe() == begun


@pytest.mark.parametrize(
    ("threads", "step", "parts"),
    [
        (1, (12, 64), 1),
        (2, (12, 64), 2),
        (4, (12, 64), 3),
        (6, (64, 64), 6),
        (64, (64, 64), 16),
        (2, (7, 64), 1),
        (4, (3, 512), 3),
        (2, (1, 4096), 1),
    ],
)
def test_a_step_has_parts_that_are_worth_it(threads: int, step: tuple[int, int], parts: int) -> None:
    assert choose_parts(threads, step) == parts


def test_threads_take_parts_of_a_step_that_can_be_divided() -> None:
    settings = FinetuneSettings(threads=3)
    assert start_execution(settings, seconds=1.0).parts == 1
    execution = start_execution(settings, seconds=1.0, step=(12, 64))
    assert (execution.parts, execution.threads, execution.is_compiled) == (3, 3, False)
    assert execution.xla_reason == "threads take parts of a step side by side"
    assert start_execution(FinetuneSettings(threads=3, xla="on"), seconds=1.0, step=(12, 64)).parts == 1


def test_a_training_that_goes_on_keeps_its_parts_and_an_older_one_has_none() -> None:
    begun = start_execution(FinetuneSettings(threads=2), seconds=1.0, step=(12, 64)).describe()
    assert start_execution(FinetuneSettings(threads=3), seconds=1.0, step=(12, 64), begun=begun).describe() == begun
    del begun["parts"]
    assert start_execution(FinetuneSettings(), seconds=1.0, step=(12, 64), begun=begun).parts == 1
