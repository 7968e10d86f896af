from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from slmcli.backbones.lstm import Lstm

RECIPE = """
preprocess: {task: topic, files: ["{data}/reviews.jsonl"], min_frequency: 1}
finetune: {backbone: conv, epochs: 2, filters: 4, embedding: 4, tensorboard: false}
evaluate: {}
export: {format: litert}
predict: {texts: [our host was kind]}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.yaml"
    path.write_text(RECIPE, encoding="utf-8")
    return path


def test_every_stage_runs_in_order_and_is_skipped_when_up_to_date(recipe: Path, corpus: Path, slm: Callable[..., Result]) -> None:
    first = slm("run", recipe, "--data-dir", corpus.parent)
    assert first.exit_code == 0, first.stderr
    places = [first.stdout.index(f"== {stage}") for stage in ("preprocess", "finetune", "evaluate", "export", "predict")]
    assert places == sorted(places)
    second = slm("run", recipe, "--data-dir", corpus.parent)
    assert second.stdout.count("is up to date") == 3


def test_a_recipe_without_its_data_asks_for_it(recipe: Path, slm: Callable[..., Result]) -> None:
    result = slm("run", recipe)
    assert result.exit_code == 2
    assert "needs a data directory: pass --data-dir DIR" in result.stderr


def test_all_stages_are_checked_before_the_first_starts(recipe: Path, corpus: Path, slm: Callable[..., Result]) -> None:
    recipe.write_text(RECIPE.replace("format: litert", "formt: litert"), encoding="utf-8")
    result = slm("run", recipe, "--data-dir", corpus.parent)
    assert result.exit_code == 2
    assert "'formt' is not a setting. Did you mean 'format'?" in result.stderr
    assert not Path("work").exists()


def test_init_writes_a_recipe_that_runs_and_does_not_overwrite_it(corpus: Path, slm: Callable[..., Result]) -> None:
    assert slm("init", corpus, "--task", "topic").exit_code == 0
    again = slm("init", corpus)
    assert again.exit_code == 2
    assert "recipe.yaml exists already" in again.stderr
    assert slm("preprocess", "--recipe", "recipe.yaml", "--min-frequency", "1").exit_code == 0


def test_doctor_ends_in_ok(slm: Callable[..., Result]) -> None:
    result = slm("doctor")
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith("OK")


@pytest.mark.parametrize("command", ["check", "init"])
def test_a_corpus_is_never_replaced_by_a_report_or_a_recipe(command: str, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").write_text("text,label\na,x\nb,y\n", encoding="utf-8")
    result = slm(command, "corpus.csv", "--out", "corpus.csv", "--overwrite")
    assert result.exit_code == 2
    assert (tmp_path / "corpus.csv").read_text(encoding="utf-8").startswith("text,label")


def test_a_recipe_that_cannot_be_exported_is_refused_before_the_first_stage(
    recipe: Path, corpus: Path, slm: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lstm, "lacking_formats", ("litert",))  # none of ours lacks one
    recipe.write_text(RECIPE.replace("backbone: conv, epochs: 2, filters: 4", "backbone: lstm, epochs: 2, units: 4"), encoding="utf-8")
    result = slm("run", recipe, "--data-dir", corpus.parent)
    assert (result.exit_code, "cannot hold backbone lstm" in result.stderr, Path("work").exists()) == (2, True, False)


def test_a_name_that_is_too_long_is_one_message(slm: Callable[..., Result]) -> None:
    result = slm("preprocess", "--out", "x" * 300)
    assert result.exit_code == 2
    assert "File name too long" in result.stderr


def test_an_empty_file_name_is_named(slm: Callable[..., Result]) -> None:
    result = slm("preprocess", "")
    assert result.exit_code == 2
    assert "a corpus file's name is empty" in result.stderr
