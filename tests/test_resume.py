"""Resuming is exact: a killed run, taken up again, ends with the weights of the run left alone, bit for bit."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import train_tiny, with_backbone

from slmcli.dataset import open_dataset
from slmcli.errors import BundleError, ConfigError, Interrupted, OutputError
from slmcli.formats.keras import load_model
from slmcli.run import Run
from slmcli.training import finetune
from slmcli.vector_files import write_vectors

LONG: dict[str, Any] = {"epochs": 8, "patience": 8, "batch_size": 2, "checkpoint_minutes": 0.0005}


def weights(run: Path) -> list[np.ndarray]:
    """Return all that training changes: the kept model's weights, and the state at the end."""
    model = load_model(run / "bundle")
    with np.load(Run(run).last_checkpoint) as state:
        return [*model.get_weights(), *(state[name] for name in state.files if name != "progress")]


def assert_equal_weights(first: Path, second: Path) -> None:
    pairs = list(zip(weights(first), weights(second), strict=True))
    assert len(pairs) > 10
    assert all(np.array_equal(a, b) for a, b in pairs)


def command(dataset: Path, out: Path, backbone: str, *more: str) -> list[str]:
    settings = {"learning_rate": 0.01, **with_backbone(backbone, **LONG)}
    options = [text for name, value in settings.items() for text in (f"--{name.replace('_', '-')}", str(value))]
    return [sys.executable, "-m", "slmcli", "finetune", str(dataset), "--no-tensorboard", "--out", str(out), *options, *more]


def start_and_stop(arguments: list[str], stop: Callable[["subprocess.Popen[str]"], None], *, after: str) -> int:
    """Run a process until it prints a line, then stop it."""
    with subprocess.Popen(arguments, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as process:
        assert process.stderr is not None
        seen = next(line for line in process.stderr if line.startswith(after))
        assert seen
        stop(process)
        process.stderr.read()
    return process.returncode


@pytest.mark.parametrize(("backbone", "after"), [("lstm", "epoch 2/"), ("bag+conv", "conv: epoch 2/")])
def test_a_killed_run_resumed_equals_the_run_left_alone(backbone: str, after: str, dataset: Path, tmp_path: Path) -> None:
    alone, killed = tmp_path / "alone", tmp_path / "killed"
    subprocess.run(command(dataset, alone, backbone, "--quiet"), check=True, capture_output=True)
    code = start_and_stop(command(dataset, killed, backbone), lambda process: process.kill(), after=after)
    assert code == -9
    assert Run(killed).read()["status"] == "running"
    subprocess.run(command(dataset, killed, backbone, "--resume", "--quiet"), check=True, capture_output=True)
    assert_equal_weights(alone, killed)


def test_an_interrupted_run_saves_its_state_and_ends_with_130(dataset: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    code = start_and_stop(command(dataset, out, "conv", "--checkpoint-minutes", "60"), lambda process: process.terminate(), after="epoch 1/")
    assert code == 130
    with np.load(Run(out).last_checkpoint) as state:
        assert json.loads(str(state["progress"]))["step"] > 0


class StopAt:
    """A listener that asks for an end as a signal does, at a step in the middle of an epoch."""

    def __init__(self, step: int) -> None:
        self.step = step

    def __call__(self, event: Any) -> None:
        import os
        import signal

        if event["event"] == "step" and event["step"] == self.step:
            os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("step", [1, 37, 38, 50], ids=["first", "before the end of an epoch", "at the end", "inside the second"])
def test_resuming_is_exact_from_any_step(step: int, dataset: Path, tmp_path: Path) -> None:
    values = {**LONG, "epochs": 3, "filters": 8, "embedding": 8, "checkpoint_minutes": 60.0, "tensorboard": False}
    source = open_dataset(dataset)
    train_tiny(dataset, tmp_path / "alone", **values)
    values = {**json.loads(json.dumps(values))}
    settings = {"learning_rate": 0.01, "embedding_dropout": 0.1, "dropout": 0.1, "backbone": "conv", **values}
    with pytest.raises(Interrupted, match=r"the state is saved. Go on with slm finetune .* --recipe .*config.yaml --out .* --resume"):
        finetune(source, settings, tmp_path / "cut", source="test", resume=False, overwrite=False, report=StopAt(step))
    finetune(source, settings, tmp_path / "cut", source="test", resume=True, overwrite=False, report=StopAt(-1))
    assert_equal_weights(tmp_path / "alone", tmp_path / "cut")


@pytest.mark.parametrize("optimizer", ["adam", "sparse_adam"])
def test_resuming_with_subwords_is_exact(optimizer: str, dataset: Path, tmp_path: Path) -> None:
    values = {**LONG, "epochs": 2, "filters": 8, "embedding": 8, "tensorboard": False, "subword_buckets": 300, "optimizer": optimizer}
    source = open_dataset(dataset)
    settings = {**values, "backbone": "conv"}
    finetune(source, settings, tmp_path / "alone", source="test", resume=False, overwrite=False, report=StopAt(-1))
    with pytest.raises(Interrupted):
        finetune(source, settings, tmp_path / "cut", source="test", resume=False, overwrite=False, report=StopAt(50))
    finetune(source, settings, tmp_path / "cut", source="test", resume=True, overwrite=False, report=StopAt(-1))
    assert_equal_weights(tmp_path / "alone", tmp_path / "cut")


def test_resuming_with_vectors_of_a_file_is_exact(dataset: Path, tmp_path: Path) -> None:
    """Also of the second of two trainings, which the first run did not begin."""
    words = open_dataset(dataset).load_tokenizer().vocabulary[6:20]
    write_vectors(tmp_path / "some.vec", words, np.random.default_rng(0).standard_normal((14, 8)).astype(np.float32), "word2vec")
    values = {**LONG, "epochs": 1, "filters": 8, "tensorboard": False, "ensemble": 2, "vectors": str(tmp_path / "some.vec"), "backbone": "conv"}
    source = open_dataset(dataset)
    finetune(source, values, tmp_path / "alone", source="test", resume=False, overwrite=False, report=StopAt(-1))
    with pytest.raises(Interrupted):
        finetune(source, values, tmp_path / "cut", source="test", resume=False, overwrite=False, report=StopAt(20))
    finetune(open_dataset(dataset), values, tmp_path / "cut", source="test", resume=True, overwrite=False, report=StopAt(-1))
    assert_equal_weights(tmp_path / "alone", tmp_path / "cut")


@pytest.mark.parametrize("step", [37, 38, 39, 50])
def test_the_log_of_a_resumed_run_has_every_epoch_once(step: int, dataset: Path, tmp_path: Path) -> None:
    values = {**LONG, "epochs": 3, "filters": 8, "embedding": 8, "tensorboard": False}
    source = open_dataset(dataset)
    with pytest.raises(Interrupted):
        finetune(source, values, tmp_path / "run", source="test", resume=False, overwrite=False, report=StopAt(step))
    finetune(source, values, tmp_path / "run", source="test", resume=True, overwrite=False, report=StopAt(-1))
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [1, 2, 3]


def test_an_unfinished_run_is_neither_resumed_nor_replaced_unasked(dataset: Path, tmp_path: Path) -> None:
    values = {**LONG, "filters": 8, "tensorboard": False}
    source = open_dataset(dataset)
    with pytest.raises(Interrupted):
        finetune(source, values, tmp_path / "run", source="test", resume=False, overwrite=False, report=StopAt(1))
    with pytest.raises(OutputError, match="holds this run, unfinished. Pass --resume to go on, or --overwrite to begin anew"):
        finetune(source, values, tmp_path / "run", source="test", resume=False, overwrite=False, report=StopAt(-1))


def test_resuming_with_other_settings_is_refused(run: Path, dataset: Path) -> None:
    with pytest.raises(ConfigError, match=r"begun with other settings or data .* --recipe .*config.yaml --out .* --resume"):
        finetune(open_dataset(dataset), {"epochs": 3}, run, source="test", resume=True, overwrite=False, report=StopAt(-1))


def test_resuming_nothing_is_refused(dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no run to resume. Leave --resume out to begin one"):
        finetune(open_dataset(dataset), {"epochs": 3}, tmp_path / "none", source="test", resume=True, overwrite=False, report=StopAt(-1))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"not a checkpoint"], ids=["empty", "cut", "other"])
def test_a_damaged_checkpoint_is_named(content: bytes, dataset: Path, tmp_path: Path) -> None:
    values = {**LONG, "filters": 8, "tensorboard": False}
    source = open_dataset(dataset)
    with pytest.raises(Interrupted):
        finetune(source, values, tmp_path / "run", source="test", resume=False, overwrite=False, report=StopAt(1))
    Run(tmp_path / "run").last_checkpoint.write_bytes(content)
    with pytest.raises(BundleError, match=r"state.npz is not a readable checkpoint .* Begin anew with --overwrite"):
        finetune(source, values, tmp_path / "run", source="test", resume=True, overwrite=False, report=StopAt(-1))


def test_a_run_in_training_is_not_overwritten(run: Path, dataset: Path) -> None:
    with Run(run).locked(), pytest.raises(OutputError, match="is being trained by another process"):
        finetune(open_dataset(dataset), {"epochs": 1}, run, source="test", resume=False, overwrite=True, report=StopAt(-1))
