"""Measurements say what they claim to; how fast a machine is, is no test."""

from pathlib import Path
from typing import Any

import pytest

from slmcli import training_speed
from slmcli.convolution import LONG
from slmcli.dataset import open_dataset
from slmcli.errors import ConfigError
from slmcli.training_speed import benchmark_train

SMALL = {"embedding": 8, "filters": 4, "widths": [3], "batch_size": 8, "precision": "float32"}


@pytest.fixture(scope="module")
def result(dataset: Path) -> dict[str, Any]:
    """A measurement of a small model."""
    return benchmark_train(open_dataset(dataset), SMALL, steps=3)


def test_a_step_is_waiting_computing_and_updating(result: dict[str, Any]) -> None:
    seconds = result["seconds_per_step"]
    assert seconds["input"] + seconds["compute"] + seconds["update"] == pytest.approx(seconds["all"], abs=1e-5)
    assert sum(result["shares"].values()) == pytest.approx(1.0, abs=1e-3)


def test_the_rate_is_that_of_the_products_of_a_step(result: dict[str, Any]) -> None:
    # multiplying and adding, forward and for two gradients: 6 times the convolution (3 x 8 x 4 a position) and the head (8 x 2)
    positions = (result["operations_per_example"] / 6 - 16) / 96
    assert 4.0 <= positions <= 6.0  # the lengths of the texts
    assert result["gigaflops"] == pytest.approx(1e-9 * result["operations_per_example"] * result["examples_per_second"], rel=1e-3)
    assert result["share_of_peak"]["float32"] == pytest.approx(result["gigaflops"] / result["peak_gigaflops"]["float32"], abs=1e-3)


def test_lengths_beyond_which_a_convolution_does_less_are_counted_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_speed, "_count", lambda _, length: 100.0 * length if length < LONG else 60.0 * length)
    lengths = [40, 60, 100, LONG - 1, LONG, LONG + 7, 300]
    work = [training_speed._Work(examples=2, length=length, tokens=length) for length in lengths]
    expected = sum(2 * length * (100.0 if length < LONG else 60.0) for length in lengths)
    assert training_speed._operations(None, work) == pytest.approx(expected)


def test_how_it_was_trained_is_said(result: dict[str, Any]) -> None:
    assert (result["backbone"], result["precision"], result["batch_size"], result["devices"]) == ("conv", "float32", 8, ["CPU:0"])


def test_a_recurrence_is_measured_too(dataset: Path) -> None:
    result = benchmark_train(open_dataset(dataset), {"backbone": "lstm", "embedding": 8, "units": 4, "batch_size": 8}, steps=2)
    assert result["examples_per_second"] > 0.0
    # of each direction, multiplying and adding, forward and for two gradients: 8 x 16 a position, and 4 x 16 a position of a block of 16
    assert 4 * 128 + 8 * 64 < result["operations_per_example"] / 12 < 6 * 128 + 16 * 64


def test_a_wrong_setting_is_named(dataset: Path) -> None:
    with pytest.raises(ConfigError, match=r"options: 'filter' is not a setting. Did you mean 'filters'\?"):
        benchmark_train(open_dataset(dataset), {"filter": 4}, steps=1)


def test_a_bag_has_no_steps_to_measure(dataset: Path) -> None:
    with pytest.raises(ConfigError, match="backbone bag is solved, not trained step by step; slm finetune says how long it takes"):
        benchmark_train(open_dataset(dataset), {"backbone": "bag"}, steps=1)


def test_a_compiled_step_is_measured_too(dataset: Path) -> None:
    result = benchmark_train(open_dataset(dataset), {**SMALL, "xla": "on"}, steps=2)
    assert (result["xla"], result["seconds_per_step"]["compute"] > 0.0) == (True, True)
