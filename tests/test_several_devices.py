"""Training on several devices, tried with two logical ones of the processor, which TensorFlow fixes at its start: a process for each test."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Python = Callable[[str], subprocess.CompletedProcess[str]]

TWO_DEVICES = """
import json, os, signal
from pathlib import Path
import numpy as np
from slmcli.runtime import start_tensorflow
start_tensorflow(seed=0)
import tensorflow as tf
processor = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(processor, [tf.config.LogicalDeviceConfiguration(), tf.config.LogicalDeviceConfiguration()])
from slmcli.dataset import open_dataset
from slmcli.errors import Interrupted
from slmcli.run import Run
from slmcli.training import finetune
def train(name, report=lambda event: None, resume=False, **changes):
    values = {"epochs": 2, "batch_size": 7, "learning_rate": 0.01, "embedding": 8, "embedding_dropout": 0.0, "dropout": 0.0, "filters": 8,
              "tensorboard": False, "precision": "float32", "devices": "2", **changes}
    return finetune(open_dataset(Path(DATASET)), values, Path(PLACE) / name, source="test", resume=resume, overwrite=False, report=report)
"""


def in_two_devices(python: Python, dataset: Path, place: Path, code: str) -> Any:
    """Run code after the start above; return the JSON that it prints last."""
    result = python(f"DATASET, PLACE = {str(dataset)!r}, {str(place)!r}\n{TWO_DEVICES}\n{code}")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


HISTORIES = """
def losses(name):
    return [[record["loss"], record["val_loss"]] for record in json.loads((Path(PLACE) / name / "metrics.json").read_text())["history"]]
train("one", devices="1", **CHANGES)
train("two", **CHANGES)
environment = json.loads((Path(PLACE) / "two" / "environment.json").read_text())
print(json.dumps({"one": losses("one"), "two": losses("two"), "devices": environment["devices"], "precision": environment["precision"]}))
"""


@pytest.mark.parametrize(
    ("changes", "precision"),
    [
        ({"optimizer": "sparse_adam", "xla": "on"}, "float32"),
        ({"optimizer": "adam", "precision": "float16"}, "mixed_float16"),
        ({"optimizer": "sparse_adam", "backbone": "conv", "subword_buckets": 300}, "float32"),
        ({"optimizer": "adam", "backbone": "conv", "pooling": "max"}, "float32"),
    ],
    ids=["sparse and XLA", "float16", "subwords", "pooled convolution"],
)
def test_two_devices_learn_what_one_learns(changes: dict[str, str | int], precision: str, python: Python, dataset: Path, tmp_path: Path) -> None:
    result = in_two_devices(python, dataset, tmp_path, f"CHANGES = {changes!r}\n{HISTORIES}")
    assert (result["devices"], result["precision"]) == (["CPU:0", "CPU:1"], precision)
    one, two = np.array(result["one"]), np.array(result["two"])  # (epochs, 2): training and validation loss
    np.testing.assert_allclose(two[:, 1], one[:, 1], rtol=1e-3)
    np.testing.assert_allclose(two[:, 0], one[:, 0], rtol=5e-3)  # a batch of 1, filled up to 2, counts double in the mean of an epoch


RESUMED = """
def stop(event):
    if event["event"] == "step" and event["step"] == 5:
        os.kill(os.getpid(), signal.SIGTERM)
train("alone", epochs=1)
try:
    train("cut", report=stop, epochs=1)
except Interrupted:
    train("cut", resume=True, epochs=1)
alone, cut = (np.load(Run(Path(PLACE) / name).last_checkpoint) for name in ("alone", "cut"))
equal = [bool((alone[name] == cut[name]).all()) for name in alone.files if name != "progress"]
print(json.dumps({"variables": len(equal), "equal": all(equal)}))
"""


def test_resuming_on_two_devices_is_exact(python: Python, dataset: Path, tmp_path: Path) -> None:
    result = in_two_devices(python, dataset, tmp_path, RESUMED)
    assert result["variables"] > 10
    assert result["equal"]
