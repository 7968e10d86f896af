"""Every task: eight examples can be learned, and the bundle says the same as the trained model."""

from pathlib import Path
from typing import Any

import pytest
from conftest import train_tiny, write_jsonl

from slmcli.backbones import BACKBONES
from slmcli.config import PreprocessSettings
from slmcli.predictor import open_predictor
from slmcli.preprocessing import preprocess
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask

EIGHT = [
    ("the plot drags", "no"),
    ("a cold dinner", "no"),
    ("rude at the desk", "no"),
    ("broke in a day", "no"),
    ("we sang along", "yes"),
    ("hot fresh bread", "yes"),
    ("kind to my mother", "yes"),
    ("still going strong", "yes"),
]
FAST: dict[str, Any] = {"epochs": 30, "patience": 30, "batch_size": 4, "learning_rate": 0.02, "dropout": 0.0, "embedding_dropout": 0.0}


@pytest.mark.parametrize("backbone", BACKBONES.names())
@pytest.mark.parametrize("task", [name for name in TASKS.names() if issubclass(TASKS.load(name), TrainableTask)])
def test_eight_examples_can_be_learned(task: str, backbone: str, tmp_path: Path) -> None:
    corpus = str(write_jsonl(tmp_path / "eight.jsonl", EIGHT))
    preprocess(
        PreprocessSettings(task=task, files=[corpus], validation=corpus, test_share=0.0, min_frequency=1), tmp_path / "dataset", overwrite=False
    )
    run = train_tiny(tmp_path / "dataset", tmp_path / "run", backbone=backbone, task=task, **FAST)
    predictions = open_predictor(run).predict([text for text, _ in EIGHT])
    assert [prediction["label"] for prediction in predictions] == [label for _, label in EIGHT]


@pytest.mark.parametrize("name", TASKS.names())
def test_a_task_is_registered_under_its_own_name(name: str) -> None:
    assert TASKS.load(name).name == name
