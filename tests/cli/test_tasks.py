"""The commands for tasks other than one label for one text, on small csv files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from conftest import BAD, GOOD, THINGS

from slmcli.cli.main import main
from slmcli.cli.predict import group
from slmcli.errors import ConfigError

FAST = ("--epochs", "8", "--filters", "8", "--embedding", "8", "--learning-rate", "0.02", "--no-tensorboard", "--batch-size", "8")
TEXTS = [(f"{thing} {word}", word in GOOD) for thing in THINGS for word in (*GOOD, *BAD)]


def write_csv(path: Path, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


# task -> header and rows
CORPORA: dict[str, tuple[str, list[str]]] = {
    "multilabel": ("text,tags", [f"{text},{'fine|glad' if is_good else ''}" for text, is_good in TEXTS]),
    "pair": ("text1,text2,label", [f"{text},it was {GOOD[0]},{'same' if is_good else 'other'}" for text, is_good in TEXTS]),
    "similarity": ("sentence1,sentence2,score", [f"{text},it was {GOOD[0]},{4.5 if is_good else 0.5}" for text, is_good in TEXTS]),
    "score": ("review,stars", [f"{text},{5 if is_good else 1}" for text, is_good in TEXTS]),
}
ARGUMENTS = {"multilabel": 1, "pair": 2, "similarity": 2, "score": 1}
PREDICTED = {
    "multilabel": {"labels", "scores"},
    "pair": {"label", "score", "scores"},
    "similarity": {"score"},
    "score": {"label", "score"},
}


@pytest.fixture(scope="module", params=CORPORA)
def chain(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path, dict[str, Result]]:
    """A task, its work directory, and the results of all commands."""
    task: str = request.param
    place = tmp_path_factory.mktemp(task)
    corpus = write_csv(place / "corpus.csv", *CORPORA[task])
    commands: dict[str, list[str]] = {
        "preprocess": ["preprocess", str(corpus), "--task", task, "--min-frequency", "1"],
        "finetune": ["finetune", "--task", task, *FAST],
        "evaluate": ["evaluate"],
        "export": ["export", "--quantize", "dynamic", "--max-drop", "100"],
        "predict": ["predict", *["the soup was lovely"] * ARGUMENTS[task]],
    }
    work = ["--work", str(place / "work")]
    return task, place, {name: CliRunner().invoke(main, [*words, *work, "--json"]) for name, words in commands.items()}


@pytest.mark.parametrize("name", ["preprocess", "finetune", "evaluate", "export", "predict"])
def test_every_command_works(name: str, chain: tuple[str, Path, dict[str, Result]]) -> None:
    result = chain[2][name]
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)


def test_predictions_have_the_fields_of_the_task(chain: tuple[str, Path, dict[str, Result]]) -> None:
    predictions = json.loads(chain[2]["predict"].stdout)["predictions"]
    assert [set(prediction) for prediction in predictions] == [PREDICTED[chain[0]]]


def test_files_are_predicted_row_by_row(chain: tuple[str, Path, dict[str, Result]]) -> None:
    task, place, _ = chain
    result = CliRunner().invoke(main, ["predict", str(place / "work" / task / "export"), "--input", str(place / "corpus.csv")])
    assert len(result.stdout.splitlines()) == len(CORPORA[task][1])


def test_a_person_reads_tables(chain: tuple[str, Path, dict[str, Result]], tmp_path: Path) -> None:
    task, place, _ = chain
    result = CliRunner().invoke(main, ["evaluate", str(place / "work" / task / "run"), "--no-baselines", "--out", str(tmp_path / "report")])
    assert "this model" in result.stdout
    assert "95 % interval" in (tmp_path / "report" / "report.md").read_text(encoding="utf-8")


def test_progress_needs_no_accuracy(chain: tuple[str, Path, dict[str, Result]]) -> None:
    assert "epoch 1/8  loss" in chain[2]["finetune"].stderr


def preprocess(slm: Callable[..., Result], task: str, header: str, rows: list[str], **files: list[str]) -> Result:
    write_csv(Path("corpus.csv"), header, rows)
    more = [argument for name, held in files.items() for argument in (f"--{name}", write_csv(Path(f"{name}.csv"), header, held))]
    return slm("preprocess", "corpus.csv", "--task", task, "--min-frequency", "1", *more)


def test_a_score_that_is_no_number_is_named_with_its_row(slm: Callable[..., Result]) -> None:
    result = preprocess(slm, "score", "review,stars", ["fine,5", "awful,one", "so so,3"])
    assert result.exit_code == 3
    assert "Error: corpus.csv:3: stars is 'one', not a finite number. Correct the row." in result.stderr


def test_one_score_everywhere_is_refused(slm: Callable[..., Result]) -> None:
    result = preprocess(slm, "similarity", "text1,text2,score", [f"fine {i},good {i},3" for i in range(9)])
    assert result.exit_code == 3
    assert "Every training example has the score 3." in result.stderr


def test_a_label_seen_only_in_test_is_named(slm: Callable[..., Result]) -> None:
    result = preprocess(slm, "multilabel", "text,tags", ["fine,a|b", "awful,b", "so so,"], test=["new,c|a"])
    assert result.exit_code == 3
    assert "1 text in test is labelled 'c', which no training example has." in result.stderr


def test_a_text_without_labels_is_an_example(slm: Callable[..., Result]) -> None:
    result = preprocess(slm, "multilabel", "text,tags", ["fine,a|b", "awful,b", "so so,", "dull,"])
    assert result.exit_code == 0, result.stderr
    document = json.loads(Path("work/multilabel/dataset/dataset.json").read_text(encoding="utf-8"))
    assert sum(document["examples"].values()) == 4


def test_a_single_text_for_a_task_of_two_is_refused() -> None:
    message = r"task pair reads 2 texts together \(text, text_pair\), and 3 were given. Give 2 for each answer."
    with pytest.raises(ConfigError, match=message):
        group(["a", "b", "c"], ["text", "text_pair"], "pair")


WRONG = {
    "multilabel": (
        "fine,faine",
        "label 'faine' is not one of the model's: fine, glad. 1 examples have such labels; correct them, or pass another --column",
    ),
    "pair": (
        "fine,good,saem",
        "label 'saem' is not one of the model's: other, same. 1 examples have such labels; correct them, or pass another --label",
    ),
    "similarity": ("fine,good,x", "score is 'x', not a finite number"),
    "score": ("fine,x", "stars is 'x', not a finite number"),
}


def test_evaluate_names_what_it_cannot_compare_with(chain: tuple[str, Path, dict[str, Result]], tmp_path: Path) -> None:
    task, place, _ = chain
    row, message = WRONG[task]
    other = write_csv(tmp_path / "other.csv", CORPORA[task][0], [row])
    result = CliRunner().invoke(main, ["evaluate", str(place / "work" / task / "run"), "--data", str(other), "--out", str(tmp_path / "report")])
    assert result.exit_code == 3
    assert f"{other}:2: {message}" in result.stderr
