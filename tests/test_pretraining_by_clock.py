"""Pretrainings that a clock ends: sizes by the speed of the machine, and runs that know theirs wherever they go on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import ignore
from test_resume import StopAt

from slmcli import machine
from slmcli.dataset import open_dataset
from slmcli.errors import Interrupted, OutputError
from slmcli.machine import Measurement
from slmcli.pretraining import pretrain
from slmcli.run import Run

CLOCK: dict[str, Any] = {"max_minutes": 0.02, "epochs": 1, "validations": 1, "context": 16, "embedding": 8, "tensorboard": False}


@pytest.fixture
def on_machine(monkeypatch: pytest.MonkeyPatch) -> Callable[[float | None], None]:
    """Go on a machine of so many GFLOP/s, or on one that was not measured."""
    monkeypatch.setattr("slmcli.pretrain_budget.may_have_gpu", lambda: False)
    monkeypatch.setenv("CI", "1")  # measures nothing

    def go(rate: float | None) -> None:
        sizes: dict[str, Any] = {"threads": 2, "milliseconds": {}, "examples_per_second": {}, "seconds": 1.0}
        found = None if rate is None else Measurement(gigaflops={"float32": rate, "bfloat16": rate / 2}, **sizes)
        monkeypatch.setattr(machine, "recall", lambda: found)

    return go


def learn(texts: Path, out: Path, **changes: Any) -> dict[str, Any]:
    options = {name: changes.pop(name, value) for name, value in {"resume": False, "overwrite": False, "report": ignore}.items()}
    return pretrain(open_dataset(texts), {**CLOCK, **changes}, out, source="test", **options)


def sizes(run: Path) -> dict[str, int]:
    found: dict[str, int] = Run(run).read()["sizes_by_clock"]
    return found


def test_a_slow_machine_trains_a_narrow_model(texts: Path, tmp_path: Path, on_machine: Callable[[float | None], None]) -> None:
    on_machine(100.0)
    narrow = learn(texts, tmp_path / "slow")
    assert sizes(tmp_path / "slow") == {"units": 128, "batch_size": 16}
    on_machine(1e6)
    wide = learn(texts, tmp_path / "fast", embedding="8")  # a recipe may write numbers as texts
    assert sizes(tmp_path / "fast")["units"] == 512
    assert wide["parameters"] > narrow["parameters"]


def test_a_finished_run_is_up_to_date_on_any_machine(texts: Path, tmp_path: Path, on_machine: Callable[[float | None], None]) -> None:
    on_machine(100.0)
    learn(texts, tmp_path / "run")
    for rate in (1e6, None):
        on_machine(rate)
        assert learn(texts, tmp_path / "run")["up_to_date"]


def test_a_run_from_before_sizes_were_chosen_is_up_to_date(texts: Path, tmp_path: Path, on_machine: Callable[[float | None], None]) -> None:
    on_machine(None)
    learn(texts, tmp_path / "run")
    run = Run(tmp_path / "run")
    run.write({name: value for name, value in run.read().items() if name not in ("sizes_by_clock", "format_version")})
    on_machine(100.0)
    assert learn(texts, tmp_path / "run")["up_to_date"]


def test_an_unfinished_run_goes_on_with_its_sizes(texts: Path, tmp_path: Path, on_machine: Callable[[float | None], None]) -> None:
    on_machine(100.0)
    with pytest.raises(Interrupted):
        learn(texts, tmp_path / "run", max_minutes=5.0, report=StopAt(1))
    chosen = sizes(tmp_path / "run")
    on_machine(1e6)
    with pytest.raises(OutputError, match="holds this run, unfinished. Pass --resume to go on"):
        learn(texts, tmp_path / "run", max_minutes=5.0)
    assert "up_to_date" not in learn(texts, tmp_path / "run", max_minutes=5.0, resume=True)
    assert sizes(tmp_path / "run") == chosen


def test_what_was_asked_for_is_not_chosen(texts: Path, tmp_path: Path, on_machine: Callable[[float | None], None]) -> None:
    on_machine(100.0)
    learn(texts, tmp_path / "run", units=8, **{"batch-size": 4})
    assert sizes(tmp_path / "run") == {}
    with pytest.raises(OutputError, match="holds a run with other settings or data"):
        learn(texts, tmp_path / "run")


def test_a_model_begun_with_another_keeps_its_width(texts: Path, base_run: Path, tmp_path: Path, on_machine: Callable[[float | None], None]) -> None:
    on_machine(100.0)
    changes = {name: value for name, value in CLOCK.items() if name != "embedding"}
    pretrain(
        open_dataset(texts), {**changes, "init_from": str(base_run)}, tmp_path / "run", source="test", resume=False, overwrite=False, report=ignore
    )
    assert sizes(tmp_path / "run") == {"batch_size": 16}
