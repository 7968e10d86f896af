"""`slm compare` and `slm leaderboard`: what they print, the files they write, and what they refuse."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result


@pytest.fixture
def guesses(tmp_path: Path) -> Path:
    """Predictions for the ten test examples."""
    path = tmp_path / "guesses.jsonl"
    path.write_text('{"label": "good"}\n' * 10, encoding="utf-8")
    return path


def test_a_comparison_is_printed(run: Path, guesses: Path, slm: Callable[..., Result]) -> None:
    result = slm("compare", run, guesses)
    assert result.exit_code == 0, result.stderr
    assert "sentiment: 10 examples, test split of" in result.stdout
    assert "95 % interval" in result.stdout


@pytest.mark.parametrize("width", ["50", "200"])
def test_a_terminal_of_any_width_shows_it(width: str, run: Path, guesses: Path, slm: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", width)
    result = slm("compare", run, guesses, "--no-cost")
    assert result.exit_code == 0, result.stderr
    assert max(map(len, result.stdout.splitlines())) <= int(width) or "Note:" in result.stdout


def test_json_is_one_object(run: Path, guesses: Path, slm: Callable[..., Result]) -> None:
    result = slm("compare", run, guesses, "--json", "--flips", "1")
    document = json.loads(result.stdout)
    assert [side["letter"] for side in document["sides"]] == ["A", "B"]
    assert document["sides"][1]["cost"] is None


def test_files_say_what_is_printed(run: Path, guesses: Path, slm: Callable[..., Result]) -> None:
    result = slm("compare", run, guesses, "--json", "--no-cost", "--out", "c.json", "--html", "c.html")
    written = json.loads(Path("c.json").read_text(encoding="utf-8"))
    assert written.pop("format_version") == 1
    assert written == json.loads(result.stdout)
    page = Path("c.html").read_text(encoding="utf-8")
    assert written["comparisons"][0]["verdict"] in page
    assert "<script" not in page


@pytest.mark.parametrize("option", ["--html", "--out"])
def test_an_existing_file_is_not_replaced_unasked(option: str, run: Path, guesses: Path, slm: Callable[..., Result]) -> None:
    Path("c").write_text("mine", encoding="utf-8")
    result = slm("compare", run, guesses, option, "c")
    assert result.exit_code == 2
    assert f"c exists already. Choose another {option}, or pass --overwrite to replace it." in result.stderr
    assert slm("compare", run, guesses, option, "c", "--overwrite", "--no-cost").exit_code == 0


def test_predictions_are_never_written_over(run: Path, guesses: Path, slm: Callable[..., Result]) -> None:
    result = slm("compare", run, guesses, "--out", guesses, "--overwrite")
    assert result.exit_code == 2
    assert "is one of the inputs" in result.stderr


def test_two_outputs_need_two_names(run: Path, guesses: Path, slm: Callable[..., Result]) -> None:
    result = slm("compare", run, guesses, "--out", "same", "--html", "same")
    assert result.exit_code == 2
    assert "--out and --html name the same file same. Choose two." in result.stderr


def test_a_stranger_ends_with_3(run: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    result = slm("compare", run, "stranger")
    assert result.exit_code == 3
    assert "stranger is not a bundle or a run" in result.stderr


def test_too_few_predictions_end_with_3(run: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_text('{"label": "good"}\n', encoding="utf-8")
    result = slm("compare", run, "few.jsonl")
    assert result.exit_code == 3
    assert "few.jsonl holds 1 predictions, and there are 10 examples." in result.stderr


def test_one_name_ends_with_2(run: Path, slm: Callable[..., Result]) -> None:
    assert slm("compare", run).exit_code == 2


def test_runs_are_listed(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("leaderboard", run.parent, "--csv", "l.csv", "--html", "l.html")
    assert result.exit_code == 0, result.stderr
    assert "1 run on the dataset with fingerprint" in result.stdout
    with Path("l.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert (rows[0]["run"], rows[0]["status"], rows[0]["backbone"]) == ("run", "complete", "conv")
    assert "validation" in Path("l.html").read_text(encoding="utf-8")


def test_a_leaderboard_can_be_json(run: Path, slm: Callable[..., Result]) -> None:
    document = json.loads(slm("leaderboard", run.parent, "--json").stdout)
    assert (document["runs"], document["complete"]) == (1, 1)


def test_the_work_directory_is_listed_by_default(run: Path, slm: Callable[..., Result]) -> None:
    assert slm("leaderboard", "--work", run.parent).exit_code == 0


def test_an_empty_directory_ends_with_3(slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = slm("leaderboard", "empty")
    assert result.exit_code == 3
    assert "there is no run below empty" in result.stderr
