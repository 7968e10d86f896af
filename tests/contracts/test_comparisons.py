"""Every task that has a model: two files of predictions can be compared, and scores of samples are those of examples."""

import html
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slmcli.cli.comparison_display import show_comparison
from slmcli.comparing import compare
from slmcli.config import CompareSettings
from slmcli.report.comparison_page import render_comparison
from slmcli.tasks import TASKS
from slmcli.tasks.base import TrainableTask

TRAINABLE = [name for name in TASKS.names() if issubclass(TASKS.load(name), TrainableTask)]
LABELS = ["a", "b", "c"]
EXAMPLES = 60
# what one of three answers looks like in the data, and in a file of predictions
GIVEN: dict[str, list[dict[str, Any]]] = {
    "softmax": [{"label": label} for label in LABELS],
    "sigmoid": [{"labels": ["a"]}, {"labels": ["b", "c"]}, {"labels": []}],
    "square": [{"score": 1}, {"score": 2}, {"score": 5}],
}


def decide(task: TrainableTask, answers: np.ndarray) -> np.ndarray:
    """Return answers, each one of three, in the form of `Task.decide`."""
    sets = np.array([[True, False, False], [False, True, True], [False, False, False]])
    return {"softmax": answers, "sigmoid": sets[answers], "square": np.array([1.0, 2.0, 5.0])[answers]}[task.output_loss]


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


def guess(right: np.ndarray, share: float, seed: int) -> np.ndarray:
    """Return answers of which about a share is right."""
    generator = np.random.default_rng(seed)
    return np.where(generator.random(len(right)) < share, right, (right + generator.integers(1, 3, len(right))) % 3)


@pytest.fixture(scope="module", params=TRAINABLE)
def result(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The comparison of a poor file of predictions and a good one."""
    place, given = tmp_path_factory.mktemp("files"), GIVEN[TASKS.load(request.param).output_loss]
    right = np.arange(EXAMPLES) % 3
    data = [{"text": f"text {i} " * (i % 7 + 1), "text_pair": "文本", **given[answer]} for i, answer in enumerate(right)]
    poor, good = (
        write(place / f"{name}.jsonl", [given[answer] for answer in guess(right, share, seed)])
        for name, share, seed in (("poor", 0.4, 1), ("good", 0.9, 2))
    )
    settings = CompareSettings(data=[str(write(place / "data.jsonl", data))], task=request.param, flips=2)
    return compare([poor, good], settings, dataset=None)


def test_the_better_of_two_is_found(result: dict[str, Any]) -> None:
    comparison = result["comparisons"][0]
    assert comparison["is_clear"]
    assert comparison["verdict"].startswith("B is better than A by ")
    assert comparison["test"]["p"] < 0.01


def test_differences_lie_in_their_intervals(result: dict[str, Any]) -> None:
    differences = result["comparisons"][0]["differences"]
    assert set(TASKS.load(result["task"]).headline) <= set(differences)
    assert all(found["interval"][0] <= found["difference"] <= found["interval"][1] for found in differences.values())


def test_differences_are_those_of_the_scores(result: dict[str, Any]) -> None:
    first, second = (side["scores"] for side in result["sides"])
    found = {name: value["difference"] for name, value in result["comparisons"][0]["differences"].items()}
    assert found == pytest.approx({name: second[name] - first[name] for name in found}, abs=2e-6)


def test_answers_that_changed_are_shown_with_their_texts(result: dict[str, Any]) -> None:
    lost, won = (result["comparisons"][0]["flips"][name] for name in ("lost", "won"))
    assert won["count"] > lost["count"]
    assert all(flip["text"].startswith("text ") and flip["first"] != flip["second"] for flip in (*lost["examples"], *won["examples"]))


def test_a_comparison_is_a_json_document(result: dict[str, Any]) -> None:
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_a_comparison_can_be_read(result: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    show_comparison(result)
    assert result["comparisons"][0]["verdict"] in " ".join(capsys.readouterr().out.split())
    assert result["comparisons"][0]["verdict"] in html.unescape(render_comparison(result))


@pytest.mark.parametrize("name", TRAINABLE)
def test_a_sample_that_holds_examples_several_times_is_scored_as_if_they_stood_there(name: str) -> None:
    task = TASKS.load(name)([] if TASKS.load(name).output_loss == "square" else LABELS)
    right = np.arange(20) % 3
    predictions, references = decide(task, guess(right, 0.6, 3)), decide(task, right)
    counts = np.random.default_rng(0).integers(0, 4, (2, 20))
    scores, labels = task.score_samples(predictions, references, counts)
    rows = np.repeat(np.arange(20), counts[1])
    wanted = task.score(predictions[rows], references[rows])
    assert {name: value[1] for name, value in scores.items()} == pytest.approx({name: wanted[name] for name in scores})
    assert set(task.headline) <= set(scores)
    assert all(value.shape == (2, len(LABELS)) for value in labels.values())
