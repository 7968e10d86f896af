"""Every task: eight examples can be learned, and the bundle says the same as the trained model; the length that is cut is known."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import train_tiny, write_jsonl

from slmcli.backbones import BACKBONES
from slmcli.config import EncodingSettings, PreprocessSettings
from slmcli.predictor import open_predictor
from slmcli.preprocessing import preprocess
from slmcli.reading import Example
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task, TrainableTask

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


def invent(task: Task, rng: np.random.Generator) -> tuple[Example, list[np.ndarray]]:
    """Return an example of any number of words or turns, half of them without a target, and token ids of its texts, the first not empty."""
    count = int(rng.integers(1, 5))
    values = {field.name: {"text": "x", "words": ["x"] * count, "turns": ["x"] * count}.get(field.kind) for field in task.fields}
    targets = {field.name for field in task.fields if field.is_target and rng.random() < 0.5}
    example = Example({**values, **dict.fromkeys(targets)}, "file", 1)
    lengths = [4, *rng.choice([0, 2, 3, 5], len(task.texts(example)) - 1)]
    return example, [rng.integers(6, 100, length).astype(np.int32) for length in lengths]


def assemble(task: Task, example: Example, streams: list[np.ndarray], max_length: int) -> dict[str, list[int]]:
    features = task.assemble(example, streams, EncodingSettings(max_length=max_length))
    return {name: values.tolist() for name, values in features.items()}


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", TASKS.names())
def test_an_example_stays_whole_at_its_length(name: str, seed: int) -> None:
    task = TASKS.load(name)(["x"])
    example, streams = invent(task, np.random.default_rng(seed))
    length = task.cut_length(example, [len(stream) for stream in streams])
    assert assemble(task, example, streams, length) == assemble(task, example, streams, 1000)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", [name for name in TASKS.names() if TASKS.load(name).is_cut])
def test_an_example_is_cut_below_its_length(name: str, seed: int) -> None:
    task = TASKS.load(name)(["x"])
    example, streams = invent(task, np.random.default_rng(seed))
    length = task.cut_length(example, [len(stream) for stream in streams])
    assert assemble(task, example, streams, length - 1) != assemble(task, example, streams, 1000)


@pytest.mark.parametrize("name", [name for name in TASKS.names() if not TASKS.load(name).is_cut])
def test_a_task_that_cuts_nothing_leaves_an_example_whole(name: str) -> None:
    task = TASKS.load(name)(["x"])
    example, streams = invent(task, np.random.default_rng(0))
    assert assemble(task, example, streams, 1) == assemble(task, example, streams, 1000)
