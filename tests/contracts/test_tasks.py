"""Every task: eight examples can be learned, nothing else changes a prediction, a bundle keeps it all; the length that is cut is known."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import train_tiny

from slmcli.backbones import BACKBONES
from slmcli.bundle import open_bundle
from slmcli.comparing import compare
from slmcli.config import CompareSettings, EncodingSettings, EvaluateSettings, ExportSettings, PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.evaluation import evaluate
from slmcli.exporting import export
from slmcli.predictor import Predictor, open_predictor
from slmcli.preprocessing import preprocess
from slmcli.reading import Example
from slmcli.tasks import TASKS
from slmcli.tasks.base import Task, TrainableTask

NO = {"label": "no", "labels": [], "score": 1}
YES = {"label": "yes", "labels": ["fine", "glad"], "score": 4}
# values for the fields of every task; each takes its own
EIGHT: list[dict[str, Any]] = [
    {"text": "the plot drags", "text_pair": "a slow film", **NO},
    {"text": "a cold dinner", "text_pair": "the soup had been forgotten", **NO},
    {"text": "rude at the desk", "text_pair": "no smile", **NO},
    {"text": "broke in a day", "text_pair": "money back", **NO},
    {"text": "we sang along", "text_pair": "what a night", **YES},
    {"text": "hot fresh bread", "text_pair": "from the oven next door", **YES},
    {"text": "kind to my mother", "text_pair": "thank you", **YES},
    {"text": "still going strong", "text_pair": "ten years", **YES},
]
LONG = {"text": "a long day " * 20, "text_pair": "and so on " * 30}
EMPTY = {"text": "", "text_pair": ""}
FAST: dict[str, Any] = {"epochs": 40, "patience": 40, "batch_size": 4, "learning_rate": 0.02, "dropout": 0.0, "embedding_dropout": 0.0}
TRAINABLE = [name for name in TASKS.names() if issubclass(TASKS.load(name), TrainableTask)]


def train_on_eight(task: str, place: Path, backbone: str, **changes: Any) -> Path:
    """Return a run."""
    corpus = place / "eight.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in EIGHT), encoding="utf-8")
    settings = PreprocessSettings(task=task, files=[str(corpus)], validation=str(corpus), test_share=0.0, min_frequency=1)
    preprocess(settings, place / "dataset", overwrite=False)
    return train_tiny(place / "dataset", place / "run", backbone=backbone, task=task, **FAST, **changes)


# every task with a backbone that reads words in their order, and where it can with n-grams beside it
MODELS = [(task, backbone) for task in TRAINABLE for backbone in ("conv", "bag", "bag+conv") if backbone == "conv" or TASKS.load(task).takes_ngrams]
OTHERS = [name for name in BACKBONES.names() if name not in ("bag", "conv")]


@pytest.fixture(scope="module", params=MODELS, ids="-".join)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of each task."""
    task, backbone = request.param
    return train_on_eight(task, tmp_path_factory.mktemp(task), backbone)


@pytest.fixture(scope="module")
def predictor(trained: Path) -> Predictor:
    return open_predictor(trained)


def main_score(run: Path) -> float:
    """Return the main score on the examples that the model was trained on."""
    predictor, task = open_predictor(run), open_bundle(run).task
    examples = list(open_dataset(run.parent / "dataset").read_examples("train", task.fields))
    decisions = task.decide(predictor.probabilities([example.values for example in examples]))
    return task.score(decisions, task.references(examples))[task.headline[0]]


def test_eight_examples_can_be_learned(trained: Path) -> None:
    assert main_score(trained) > 0.95


# two texts go the same way through every backbone: one recurrence stands for all
@pytest.mark.parametrize(("backbone", "task"), [*((backbone, "sentiment") for backbone in OTHERS), ("lstm", "pair")])
def test_eight_examples_can_be_learned_with_every_backbone(backbone: str, task: str, tmp_path: Path) -> None:
    assert main_score(train_on_eight(task, tmp_path, backbone)) > 0.95


@pytest.mark.parametrize("task", TRAINABLE)
def test_eight_examples_can_be_learned_from_what_stands_beside_what(task: str, tmp_path: Path) -> None:
    assert main_score(train_on_eight(task, tmp_path, "conv", initial_embedding="cooccurrence")) > 0.95


@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_order_and_size_of_batches_change_no_prediction(batch_size: int, predictor: Predictor) -> None:
    together = predictor.probabilities(EIGHT)
    np.testing.assert_allclose(predictor.probabilities(EIGHT[::-1], batch_size=batch_size)[::-1], together, atol=1e-5)


@pytest.mark.parametrize("example", [EIGHT[0], EMPTY], ids=["text", "empty text"])
def test_padding_changes_no_prediction(example: dict[str, Any], predictor: Predictor) -> None:
    alone, padded = predictor.probabilities([example]), predictor.probabilities([LONG, example])
    assert np.isfinite(alone).all()
    np.testing.assert_allclose(padded[1:], alone, atol=1e-5)


def test_a_copied_bundle_predicts_the_same(trained: Path, predictor: Predictor, tmp_path: Path) -> None:
    again = open_predictor(Path(shutil.copytree(trained / "bundle", tmp_path / "copy")))
    assert again.predict(EIGHT) == predictor.predict(EIGHT)
    assert again.bundle.task.learned == predictor.bundle.task.learned


def test_what_is_to_be_predicted_is_not_read(predictor: Predictor) -> None:
    assert predictor.predict([{**EIGHT[0], **YES}]) == predictor.predict([{**EIGHT[0], **NO}])


def test_predictions_are_plain_values(predictor: Predictor) -> None:
    assert json.loads(json.dumps(predictor.predict([EIGHT[0]]))) == predictor.predict([EIGHT[0]])


def test_an_exported_model_says_the_same(trained: Path, predictor: Predictor, tmp_path: Path) -> None:
    parity = export(trained, ExportSettings(), tmp_path / "litert", dataset=None, overwrite=False)["parity"]
    assert parity["max_difference"] < 1e-4
    assert parity["score_after"] == pytest.approx(parity["score_before"], abs=1e-4)
    np.testing.assert_allclose(open_predictor(tmp_path / "litert").probabilities(EIGHT), predictor.probabilities(EIGHT), atol=1e-4)


def test_a_model_is_judged_beside_baselines(trained: Path, tmp_path: Path) -> None:
    result = evaluate(trained, EvaluateSettings(split="validation", cost=False), dataset=None, out=tmp_path)
    task = open_bundle(trained).task
    assert tuple(result["scores"]) == task.judged_names()
    assert set(result["intervals"]) == set(result["scores"])
    assert all(set(task.headline) <= set(scores) for scores in result["baselines"].values())
    assert all(low <= result["scores"][name] <= high for name, (low, high) in result["intervals"].items())


def test_a_judgement_looks_into_parts_and_mistakes(trained: Path, tmp_path: Path) -> None:
    result = evaluate(trained, EvaluateSettings(split="validation", cost=False, baselines=False), dataset=None, out=tmp_path)
    assert sum(row["examples"] for row in result["slices"] if row["by"] == "length") == result["examples"]
    assert "<h2>Scores</h2>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_predictions_of_every_example_are_written(trained: Path, predictor: Predictor, tmp_path: Path) -> None:
    settings = EvaluateSettings(split="validation", cost=False, baselines=False)
    result = evaluate(trained, settings, dataset=None, out=tmp_path / "report", predictions=tmp_path / "said.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "said.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(lines) == result["examples"]
    assert {"source", "row", "reference", *predictor.predict([EIGHT[0]])[0]} <= set(lines[0])


def test_a_model_and_its_predictions_in_a_file_are_the_same(trained: Path, predictor: Predictor, tmp_path: Path) -> None:
    file = tmp_path / "predictions.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in predictor.predict(EIGHT)), encoding="utf-8")
    settings = CompareSettings(data=[str(trained.parent / "eight.jsonl")], cost=False)
    result = compare([trained, file], settings, dataset=None)
    comparison = result["comparisons"][0]
    # numbers in a file have six digits
    assert comparison["is_same"] or abs(comparison["differences"][result["score"]]["difference"]) < 1e-5


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
