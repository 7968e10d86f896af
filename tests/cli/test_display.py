"""What a person reads of a training."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from slmcli.cli.display import TrainingDisplay, finding_lines, pass_line

ISSUES = {"count": 1, "examples": 1200, "splits": ["train", "validation"], "file": "label_issues.jsonl"}
CURVE = {
    "score": "macro_f1",
    "points": [{"share": share, "examples": 1, "scores": {"macro_f1": share}} for share in (0.1, 0.3, 1.0)],
    "sentence": "From 30 % to 100 %: the curve is flat.",
}
FOLDS = {
    "folds": 3,
    "scores": {
        "accuracy": {"mean": 0.8, "interval": [0.7, 0.9]},
        "macro_f1": {"mean": 0.75, "interval": [0.6, 0.85]},
        "log_loss": {"mean": 0.4, "interval": [0.3, 0.5]},
    },
}


@pytest.mark.parametrize(
    ("found", "lines"),
    [
        ({}, []),
        ({"label_issues": ISSUES}, ["1 likely label error among 1,200 examples (train and validation): work/run/label_issues.jsonl"]),
        (
            {"worst_examples": {"count": 50, "file": "worst_examples.jsonl"}},
            ["50 validation examples with the greatest loss: work/run/worst_examples.jsonl"],
        ),
        (
            {"learning_curve": CURVE},
            [
                "Learning curve: macro F1 0.1000 with 10 %, 0.3000 with 30 %, 1.0000 with 100 % of the training examples",
                "From 30 % to 100 %: the curve is flat.",
            ],
        ),
        (
            {"self_training": {"rounds": 1, "texts": 50_000, "teachers": [{"accuracy": 0.9132, "log_loss": 0.2}]}},
            ["Learned from 50,000 texts without labels, too. The teacher that labelled them: accuracy 0.9132"],
        ),
        (
            {"self_training": {"rounds": 1, "texts": 9, "teachers": [{}]}},
            ["Learned from 9 texts without labels, too. The teacher that labelled them: no validation examples"],
        ),
        (
            {"k_fold": FOLDS},
            ["Mean of 3 folds: accuracy 0.8000 (95 % interval 0.7000 to 0.9000), macro F1 0.7500 (95 % interval 0.6000 to 0.8500)"],
        ),
    ],
    ids=["nothing", "issues", "worst", "curve", "teacher", "teacher unjudged", "folds"],
)
def test_what_was_found_is_said_in_a_line_or_two(found: dict[str, Any], lines: list[str]) -> None:
    assert finding_lines({"run": "work/run", **found}, ("accuracy", "macro_f1", "pearson")) == lines


def test_a_line_of_a_part_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    event = {"event": "pass", "pass": 30, "passes": 30, "loss": 0.25, "seconds": 1.5, "is_last": True, "part": "fold 2 of 5"}
    TrainingDisplay(quiet=False)(event)
    assert capsys.readouterr().err == "fold 2 of 5: bag: pass 30 of at most 30  loss 0.2500  1.5 s\n"


def test_texts_are_said_to_be_labelled_once_all_are(capsys: pytest.CaptureFixture[str]) -> None:
    display = TrainingDisplay(quiet=False)
    for done in (4096, 5000):
        display({"event": "labelled", "done": done, "texts": 5000, "part": "teacher"})
    assert capsys.readouterr().err == "teacher: 5,000 texts labelled\n"


def test_folds_and_curve_are_asked_for_on_the_command_line(dataset: Path, slm: Callable[..., Result]) -> None:
    result = slm("finetune", dataset, "--preset", "fast", "--k-fold", "2", "--learning-curve", "--out", "run", "--json")
    assert {"k_fold", "learning_curve", "label_issues", "worst_examples"} <= json.loads(result.stdout).keys()


@pytest.mark.parametrize("folds", ["1", "21"])
def test_a_number_of_folds_out_of_range_is_wrong_usage(folds: str, dataset: Path, slm: Callable[..., Result]) -> None:
    result = slm("finetune", dataset, "--k-fold", folds)
    assert result.exit_code == 2
    assert f"k_fold is {folds}" in result.stderr


@pytest.mark.parametrize(("more", "name"), [({}, "bag"), ({"is_refit": True}, "bag, with validation")])
def test_a_pass_says_of_which_examples_it_is(more: dict[str, Any], name: str) -> None:
    assert pass_line({"pass": 3, "passes": 24, "loss": 0.25, "seconds": 1.2, **more}) == f"{name}: pass 3 of at most 24  loss 0.2500  1.2 s"
