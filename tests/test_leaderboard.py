"""The leaderboard: every run below a directory, the best first, and what is broken said to be so."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from slmcli.errors import ConfigError, DataError
from slmcli.leaderboard import make_leaderboard, to_columns


def change(path: Path, **values: Any) -> None:
    """Change some values of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **values}), encoding="utf-8")


@pytest.fixture
def board(run: Path, tmp_path: Path) -> Path:
    """A directory with copies of a run, of which one has better scores."""
    for name in ("a", "b"):
        shutil.copytree(run, tmp_path / "runs" / name)
    for name, score in (("a", 0.5), ("b", 0.9)):
        change(tmp_path / "runs" / name / "metrics.json", scores={"accuracy": score, "macro_f1": score, "log_loss": 1 - score})
    return tmp_path / "runs"


def names(document: dict[str, Any]) -> list[str]:
    return [row["run"] for table in document["tables"] for row in table["runs"]]


def row_of(board: Path, name: str) -> dict[str, Any]:
    return next(row for table in make_leaderboard(board)["tables"] for row in table["runs"] if row["run"] == name)


def test_the_best_on_validation_stands_first(board: Path) -> None:
    assert names(make_leaderboard(board)) == ["b", "a"]


@pytest.mark.parametrize(("sort", "order"), [("run", ["a", "b"]), ("log_loss", ["b", "a"]), ("seconds", ["a", "b"]), ("test_accuracy", ["a", "b"])])
def test_any_column_can_decide_the_order(sort: str, order: list[str], board: Path) -> None:
    change(board / "b" / "metrics.json", seconds=1e6)
    (board / "a" / "evaluation").mkdir()
    report = {"format_version": 2, "split": "test", "examples": 10, "scores": {"accuracy": 0.7}, "intervals": {"accuracy": [0.6, 0.8]}}
    (board / "a" / "evaluation" / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert names(make_leaderboard(board, sort=sort)) == order


def test_a_run_tells_what_it_is(board: Path, dataset: Path) -> None:
    row = row_of(board, "a")
    assert (row["status"], row["task"], row["backbone"], row["dataset"]) == ("complete", "sentiment", "conv", str(dataset))
    assert row["parameters"] > row["seconds"] > 0
    assert row["bytes"] == (board / "a" / "bundle" / "model.keras").stat().st_size


def test_scores_on_the_test_split_of_another_dataset_are_left_out(board: Path) -> None:
    (board / "a" / "evaluation").mkdir()
    report = {"format_version": 2, "split": "test", "dataset_fingerprint": "another", "examples": 10, "scores": {"accuracy": 0.7}, "intervals": {}}
    (board / "a" / "evaluation" / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert row_of(board, "a")["test"] is None


def test_a_report_of_a_newer_release_is_named(board: Path) -> None:
    (board / "a" / "evaluation").mkdir()
    (board / "a" / "evaluation" / "report.json").write_text(json.dumps({"format_version": 99}), encoding="utf-8")
    assert "has format_version 99; slm" in row_of(board, "a")["problem"]


def test_scores_on_other_files_than_the_test_split_are_left_out(board: Path) -> None:
    (board / "a" / "evaluation").mkdir()
    report = {"format_version": 2, "data": ["x.csv"], "examples": 10, "scores": {"accuracy": 0.7}, "intervals": {}}
    (board / "a" / "evaluation" / "report.json").write_text(json.dumps(report), encoding="utf-8")
    assert row_of(board, "a")["test"] is None


def test_runs_on_different_data_stand_apart(board: Path) -> None:
    change(board / "a" / "run.json", dataset_fingerprint="0123456789abcdef")
    assert [len(table["runs"]) for table in make_leaderboard(board)["tables"]] == [1, 1]


def test_an_unfinished_run_stands_last(board: Path) -> None:
    change(board / "b" / "run.json", status="running")
    assert names(make_leaderboard(board)) == ["a", "b"]
    assert row_of(board, "b")["status"] == "unfinished"


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("run.json", "{oops", "run.json is not valid JSON"),
        ("run.json", "[]", "run.json has no format_version"),
        ("run.json", '{"format_version": 99}', "has format_version 99; slm"),
        ("run.json", '{"format_version": 1, "task": "sentiment"}', "KeyError: 'dataset'"),
        ("metrics.json", "[]", "AttributeError"),
        ("metrics.json", None, "metrics.json is missing"),
        ("config.yaml", "a: [", "config.yaml is not valid YAML"),
        ("bundle/manifest.json", None, "is a run without a model yet"),
    ],
)
def test_a_broken_run_is_listed_with_what_is_wrong(file: str, content: str | None, problem: str, board: Path) -> None:
    (board / "b" / file).unlink()
    if content is not None:
        (board / "b" / file).write_text(content, encoding="utf-8")
    row = row_of(board, "b")
    assert row["status"] == "broken"
    assert problem in row["problem"]


def test_runs_inside_of_runs_are_parts_of_them(board: Path) -> None:
    shutil.copytree(board / "a", board / "b" / "self_training" / "teacher")
    assert make_leaderboard(board)["runs"] == 2


def test_a_pretraining_is_judged_by_its_loss(language_run: Path, base_run: Path, tmp_path: Path) -> None:
    for name, path in (("little", base_run), ("much", language_run)):
        shutil.copytree(path, tmp_path / "runs" / name)
    document = make_leaderboard(tmp_path / "runs")
    assert names(document) == ["much", "little"]
    assert (document["tables"][0]["score"], document["tables"][0]["objective"]) == ("loss", "causal-lm")


def test_all_tables_are_one_for_a_program(board: Path) -> None:
    columns, cells = to_columns(make_leaderboard(board))
    found = dict(zip(columns, cells[0], strict=True))
    assert (found["run"], found["status"], found["accuracy"]) == ("b", "complete", 0.9)


def test_a_directory_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no run below .*: no run.json was found. Train one with `slm finetune`"):
        make_leaderboard(tmp_path)


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nothing is not a directory. Name one with runs below it."):
        make_leaderboard(tmp_path / "nothing")


def test_an_unknown_column_names_the_nearest(board: Path) -> None:
    with pytest.raises(ConfigError, match=r"--sort acuracy: no run has such a column. Known: run, date, .*Did you mean 'accuracy'\?"):
        make_leaderboard(board, sort="acuracy")
