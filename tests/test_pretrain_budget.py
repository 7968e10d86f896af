"""How wide a recurrence is, and how many rows its steps have, when a clock ends its training."""

from typing import Any

import pytest

from slmcli import machine
from slmcli.language_model_config import PretrainSettings
from slmcli.machine import Measurement
from slmcli.pretrain_budget import find_budget


@pytest.fixture
def measured(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine of so many GFLOP/s in float32 and in bfloat16."""
    float32, bfloat16 = request.param
    found = Measurement(seconds=1.0, threads=2, gigaflops={"float32": float32, "bfloat16": bfloat16}, milliseconds={}, examples_per_second={})
    monkeypatch.setattr(machine, "recall", lambda: found)
    monkeypatch.setattr("slmcli.pretrain_budget.may_have_gpu", lambda: False)


def budget(*, layers: int = 1, **settings: Any) -> Any:
    return find_budget(PretrainSettings(**settings), vocabulary=70, embedding=64, layers=layers)


SLOW, FAST = (140.0, 112.0), (424.0, 921.0)


@pytest.mark.parametrize(
    ("measured", "minutes", "expected"),
    [(SLOW, 0.1, 128), (SLOW, 1.0, 256), (SLOW, 3.0, 384), (SLOW, 15.0, 512), (FAST, 1.0, 512), (FAST, 3.0, 512)],
    indirect=["measured"],
)
def test_a_slower_machine_or_a_shorter_time_gives_a_narrower_model(measured: None, minutes: float, expected: int) -> None:
    assert budget(max_minutes=minutes).choose_units(512) == expected


@pytest.mark.parametrize("measured", [SLOW], indirect=True)
def test_two_layers_are_narrower_than_one(measured: None) -> None:
    assert budget(max_minutes=3.0, layers=2).choose_units(512) < budget(max_minutes=3.0).choose_units(512)


@pytest.mark.parametrize(("measured", "expected"), [(SLOW, True), (FAST, False)], indirect=["measured"])
def test_a_slower_machine_has_few_steps(measured: None, expected: bool) -> None:
    assert budget(max_minutes=3.0).has_few_steps(384, step=64 * 64) is expected


@pytest.mark.parametrize("measured", [FAST], indirect=True)
def test_the_arithmetic_that_is_asked_for_decides(measured: None) -> None:
    slow, fast = (budget(max_minutes=3.0, precision=name).operations for name in ("float32", "auto"))
    assert fast / slow == pytest.approx(921 / 424)


@pytest.mark.parametrize("measured", [FAST], indirect=True)
def test_fewer_threads_have_less_to_spend(measured: None) -> None:
    whole, half, more = (budget(max_minutes=3.0, threads=threads).operations for threads in (0, 1, 4))
    assert (half / whole, more / whole) == pytest.approx((0.5, 1.0))


@pytest.mark.parametrize("measured", [FAST], indirect=True)
def test_how_a_training_is_carried_out_leaves_the_model_as_it_is(measured: None) -> None:
    settled = budget(max_minutes=3.0, precision="float32", xla="off", threads=2)
    assert settled.operations == budget(max_minutes=3.0, precision="float32").operations


@pytest.mark.parametrize("measured", [FAST], indirect=True)
def test_without_a_clock_there_is_no_budget(measured: None) -> None:
    assert budget(epochs=3) is None


@pytest.mark.parametrize("measured", [FAST], indirect=True)
def test_where_a_gpu_may_be_the_processor_says_nothing(measured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slmcli.pretrain_budget.may_have_gpu", lambda: True)
    assert budget(max_minutes=3.0) is None
    assert budget(max_minutes=3.0, devices="gpu") is None
    assert budget(max_minutes=3.0, devices="cpu") is not None


def test_a_machine_that_was_not_measured_has_no_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "1")  # measures nothing
    assert budget(max_minutes=3.0) is None
