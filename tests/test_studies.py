"""Cross-validation and learning curve of real, tiny trainings."""

import json
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import BAD, GOOD, THINGS, TINY, ignore, train_tiny, with_backbone

from slmcli.branch_settings import split_settings
from slmcli.config import PreprocessSettings
from slmcli.dataset import open_dataset
from slmcli.errors import BundleError, ConfigError, Interrupted
from slmcli.plan import settle
from slmcli.predictor import open_predictor
from slmcli.preprocessing import preprocess
from slmcli.run import Run
from slmcli.studies import prepare_studies
from slmcli.training import finetune


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def read_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def train(dataset: Path, out: Path, report: Callable[[Any], None] = ignore, **changes: Any) -> dict[str, Any]:
    values = {**TINY, **with_backbone("bag", **changes)}
    return finetune(open_dataset(dataset), values, out, source="test", resume=False, overwrite=False, report=report)


class Trainings:
    """A listener that remembers which parts were trained."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def __call__(self, event: Any) -> None:
        if event.get("is_last") and not event.get("is_refit"):
            self.parts.append(event.get("part", "all"))


@pytest.fixture(scope="module")
def studied(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bag of n-grams with three folds and a learning curve."""
    out = tmp_path_factory.mktemp("studied") / "run"
    train(dataset, out, k_fold=3, learning_curve=True)
    return out


def test_every_score_has_a_mean_and_an_interval_over_the_folds(studied: Path) -> None:
    metrics = read(studied / "metrics.json")
    assert metrics["k_fold"]["scores"].keys() == metrics["scores"].keys()
    accuracy = metrics["k_fold"]["scores"]["accuracy"]
    assert accuracy["interval"][0] <= accuracy["mean"] == pytest.approx(np.mean(accuracy["folds"]), abs=1e-6)


def test_the_folds_hold_out_train_and_validation(studied: Path) -> None:
    assert sum(read(studied / "metrics.json")["k_fold"]["examples"]) == 76 + 10


def test_label_errors_are_looked_for_in_the_whole_corpus(studied: Path) -> None:
    issues = read(studied / "metrics.json")["label_issues"]
    assert (issues["examples"], issues["splits"]) == (86, ["train", "validation"])
    assert len(read_lines(studied / "label_issues.jsonl")) == issues["count"]


def test_the_curve_ends_with_the_model_of_the_run(studied: Path) -> None:
    metrics = read(studied / "metrics.json")
    points = metrics["learning_curve"]["points"]
    assert [point["examples"] for point in points] == [8, 24, 76]
    assert points[-1]["scores"]["accuracy"] == metrics["scores"]["accuracy"]


def test_only_what_was_said_of_the_held_out_examples_is_kept(studied: Path) -> None:
    assert sorted(path.name for path in (studied / "folds").iterdir()) == [f"fold-{number}-of-3.npz" for number in (1, 2, 3)]
    assert sorted(path.name for path in (studied / "learning_curve").iterdir()) == ["10-percent.npz", "30-percent.npz"]


def test_the_model_of_a_run_is_the_same_with_and_without_folds(studied: Path, dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path / "run")
    first, second = (open_predictor(run).probabilities(["our host was kind", "stale tea"]) for run in (studied, tmp_path / "run"))
    np.testing.assert_array_equal(first, second)


def test_a_studied_run_is_up_to_date(studied: Path, dataset: Path) -> None:
    trainings = Trainings()
    summary = train(dataset, studied, trainings, k_fold=3, learning_curve=True)
    assert (summary["up_to_date"], trainings.parts) == (True, [])
    assert summary["k_fold"]["folds"] == 3


def test_folds_of_a_finished_run_are_all_that_is_trained(dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path / "run")
    trainings = Trainings()
    summary = train(dataset, tmp_path / "run", trainings, k_fold=2)
    assert trainings.parts == ["fold 1 of 2", "fold 2 of 2"]
    assert "up_to_date" not in summary


def test_another_number_of_folds_replaces_the_result(dataset: Path, tmp_path: Path) -> None:
    for folds in (2, 3):
        train(dataset, tmp_path / "run", k_fold=folds)
    assert read(tmp_path / "run" / "metrics.json")["k_fold"]["folds"] == 3


class StopAt:
    """A listener that asks for an end as a signal does, in the first pass of a part."""

    def __init__(self, part: str) -> None:
        self.part = part

    def __call__(self, event: Any) -> None:
        if event.get("part") == self.part:
            os.kill(os.getpid(), signal.SIGTERM)


def test_an_interrupted_cross_validation_goes_on_where_it_was(studied: Path, dataset: Path, tmp_path: Path) -> None:
    out, trainings = tmp_path / "run", Trainings()
    with pytest.raises(Interrupted, match=r"interrupted in fold 2 of 3; what was reached is kept. Go on with slm finetune .* --resume --k-fold 3$"):
        train(dataset, out, StopAt("fold 2 of 3"), k_fold=3)
    train(dataset, out, trainings, k_fold=3)
    assert trainings.parts == ["fold 2 of 3", "fold 3 of 3"]
    assert read(out / "metrics.json")["k_fold"] == read(studied / "metrics.json")["k_fold"]


def test_a_damaged_outcome_is_trained_again(studied: Path, dataset: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("slmcli").propagate = True
    out, trainings = tmp_path / "run", Trainings()
    train(dataset, out)
    (out / "folds").mkdir()
    (out / "folds" / "fold-1-of-2.npz").write_bytes(b"PK\x03\x04 cut short")
    train(dataset, out, trainings, k_fold=2)
    assert trainings.parts == ["fold 1 of 2", "fold 2 of 2"]
    assert "fold-1-of-2.npz is damaged; this part is trained again." in caplog.text


def test_what_a_killed_process_left_before_a_fold_began_is_no_obstacle(dataset: Path, tmp_path: Path) -> None:
    out, trainings = tmp_path / "run", Trainings()
    train(dataset, out)
    (out / "folds" / "fold-1-of-2" / "run").mkdir(parents=True)
    (out / "folds" / "fold-1-of-2" / "run" / ".run.json.4194305.part").write_text("{", encoding="utf-8")
    train(dataset, out, trainings, k_fold=2)
    assert trainings.parts == ["fold 1 of 2", "fold 2 of 2"]


def test_nothing_is_trained_when_folds_are_impossible(corpus: Path, tmp_path: Path) -> None:
    settings = PreprocessSettings(files=[str(corpus)], min_frequency=1, test_share=0.88)
    preprocess(settings, tmp_path / "dataset", overwrite=False)
    with pytest.raises(ConfigError, match="--k-fold 20"):
        train(tmp_path / "dataset", tmp_path / "run", k_fold=20)
    assert not (tmp_path / "run").exists()


def test_folds_trained_step_by_step_know_what_they_are_part_of(dataset: Path, tmp_path: Path) -> None:
    out = train_tiny(dataset, tmp_path / "run", epochs=1, k_fold=2)
    assert len(read(out / "metrics.json")["k_fold"]["scores"]["accuracy"]["folds"]) == 2
    assert Run(out).read()["status"] == "complete"


TEXTS = [(f"{thing} {word}", word in GOOD) for thing in THINGS for word in (*GOOD, *BAD)]
# task -> header, rows, backbone
CORPORA: dict[str, tuple[str, list[str], str]] = {
    "multilabel": ("text,tags", [f"{text},{'fine|glad' if is_good else ''}" for text, is_good in TEXTS], "bag"),
    "pair": ("text1,text2,label", [f"{text},it was {GOOD[0]},{'same' if is_good else 'other'}" for text, is_good in TEXTS], "conv"),
    "score": ("review,stars", [f"{text},{5 if is_good else 1}" for text, is_good in TEXTS], "bag"),
}


@pytest.mark.parametrize("task", CORPORA)
def test_every_kind_of_task_has_folds_and_a_curve(task: str, tmp_path: Path) -> None:
    header, rows, backbone = CORPORA[task]
    (tmp_path / "corpus.csv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(tmp_path / "corpus.csv")], task=task, min_frequency=1), tmp_path / "dataset", overwrite=False)
    metrics = read(
        train_tiny(tmp_path / "dataset", tmp_path / "run", backbone=backbone, task=task, epochs=1, k_fold=2, learning_curve=True) / "metrics.json"
    )
    assert metrics["k_fold"]["scores"].keys() == metrics["scores"].keys()
    assert len(metrics["learning_curve"]["points"]) == 3
    assert {"worst_examples", "label_issues"} & metrics.keys() == {"multilabel": {"worst_examples"}, "pair": {"worst_examples", "label_issues"}}.get(
        task, set()
    )


SAMPLE = Path(__file__).parents[1] / "slmcli" / "data" / "reviews.en" / "train.jsonl"


@pytest.fixture(scope="module")
def flipped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, set[str]]:
    """The sample corpus with one label in twenty made wrong, its issues by three folds, and the texts whose label is wrong."""
    place = tmp_path_factory.mktemp("flipped")
    examples = read_lines(SAMPLE)
    chosen = set(np.random.default_rng(0).choice(len(examples), len(examples) // 20, replace=False).tolist())
    other = {"negative": "positive", "positive": "negative"}
    lines = [{**example, "label": other[example["label"]] if row in chosen else example["label"]} for row, example in enumerate(examples)]
    (place / "corpus.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    preprocess(PreprocessSettings(files=[str(place / "corpus.jsonl")], test_share=0.0), place / "dataset", overwrite=False)
    finetune(
        open_dataset(place / "dataset"), {"preset": "fast", "k_fold": 3}, place / "run", source="test", resume=False, overwrite=False, report=ignore
    )
    return place / "run" / "label_issues.jsonl", {examples[row]["text"] for row in chosen}


def test_most_of_the_likeliest_label_errors_are_errors(flipped: tuple[Path, set[str]]) -> None:
    issues, wrong = flipped
    first = read_lines(issues)[:40]
    assert sum(issue["text"] in wrong for issue in first) > 20


def test_most_label_errors_are_found(flipped: tuple[Path, set[str]]) -> None:
    issues, wrong = flipped
    assert len(wrong & {issue["text"] for issue in read_lines(issues)}) > len(wrong) / 2


def test_what_judges_a_part_of_the_curve_is_not_learned(dataset: Path, tmp_path: Path) -> None:
    learned: dict[str, bool] = {}

    def watch(subset: Any, values: Any, out: Path, **options: Any) -> Any:
        summary = finetune(subset, values, out, **options)
        learned[out.parent.name] = summary["learned_splits"] == ["train", "validation"]
        return summary

    train(dataset, tmp_path / "run")
    opened = open_dataset(dataset)
    values = {**TINY, **with_backbone("bag"), "k_fold": 2, "learning_curve": True}
    studies = prepare_studies(opened, settle(split_settings(values, source="test"), opened), tmp_path / "run")
    assert studies is not None
    studies.carry_out(Run(tmp_path / "run"), train=watch, report=ignore)
    assert learned == {"fold-1-of-2": True, "fold-2-of-2": True, "10-percent": False, "30-percent": False}


def test_a_curve_without_what_the_model_said_of_validation_says_so(dataset: Path, tmp_path: Path) -> None:
    train(dataset, tmp_path / "run")
    (tmp_path / "run" / "validation.npz").write_bytes(b"PK")
    with pytest.raises(BundleError, match=r"validation.npz is missing or damaged, .* Train again with --overwrite"):
        train(dataset, tmp_path / "run", learning_curve=True)
