"""The bare commands of language models, one after the other, in an empty folder; what each prints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from slmcli.cli.main import main
from slmcli.run import Run

FAST = ("--epochs", "1", "--validations", "1", "--units", "8", "--embedding", "8", "--no-tensorboard")
Chain = tuple[Path, dict[str, Result]]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    """The commands without any data, as a new user types them, and their results."""
    place = tmp_path_factory.mktemp("empty")
    commands: dict[str, list[str]] = {
        "preprocess": ["preprocess", "--task", "language-model"],
        "pretrain": ["pretrain", *FAST],
        "generate": ["generate", "--max-tokens", "12"],
    }
    work = ["--work", str(place / "work")]
    return place, {name: CliRunner().invoke(main, [*words, *work, "--json"]) for name, words in commands.items()}


FIELDS = {
    "preprocess": {"dataset", "examples", "vocabulary_size", "tokens", "seconds", "fingerprint"},
    "pretrain": {
        "run", "bundle", "epochs", "steps", "seconds", "examples_per_second", "tokens_per_second", "parameters", "trainable_parameters", "scores",
        "intervals", "objective", "backbone",
    },
    "generate": {"texts"},
}  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_bare_commands_work_and_print_one_json_object(name: str, chain: Chain) -> None:
    result = chain[1][name]
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout).keys() >= FIELDS[name]


def test_a_judgement_has_scores_and_intervals(chain: Chain) -> None:
    found = json.loads(chain[1]["pretrain"].stdout)
    assert found["scores"].keys() == found["intervals"].keys() == {"loss", "perplexity", "nats_per_character", "bits_per_character"}


def test_a_generated_text_has_its_prompt_and_the_reason_of_its_end(chain: Chain) -> None:
    (found,) = json.loads(chain[1]["generate"].stdout)["texts"]
    assert found.keys() == {"prompt", "text", "reason"}
    assert (found["prompt"], found["reason"]) == ("", "length")
    assert found["text"].strip()


@pytest.mark.parametrize("directory", ["dataset", "run", "run/bundle"])
def test_outputs_stand_in_the_default_directories(directory: str, chain: Chain) -> None:
    assert (chain[0] / "work" / "language-model" / directory).is_dir()


def test_a_second_time_everything_is_up_to_date(chain: Chain, slm: Callable[..., Result]) -> None:
    result = slm("pretrain", *FAST, "--work", chain[0] / "work")
    assert (result.exit_code, "is up to date" in result.stdout) == (0, True)


def test_the_summary_of_a_run_that_is_up_to_date_is_the_same(chain: Chain, slm: Callable[..., Result]) -> None:
    again = json.loads(slm("pretrain", *FAST, "--work", chain[0] / "work", "--json").stdout)
    assert again == {**json.loads(chain[1]["pretrain"].stdout), "up_to_date": True}


def test_the_recipe_of_a_run_repeats_it(chain: Chain, slm: Callable[..., Result]) -> None:
    run = chain[0] / "work" / "language-model" / "run"
    assert "is up to date" in slm("pretrain", "--recipe", run / "config.yaml", "--work", chain[0] / "work").stdout


def test_other_settings_are_refused_with_the_way_out(chain: Chain, slm: Callable[..., Result]) -> None:
    result = slm("pretrain", *FAST, "--seed", "3", "--work", chain[0] / "work")
    assert result.exit_code == 2
    assert "holds a run with other settings or data. Choose another --out, or pass --overwrite" in result.stderr


def test_no_dataset_yet_names_the_command_that_makes_one(slm: Callable[..., Result]) -> None:
    result = slm("pretrain")
    assert result.exit_code == 2
    assert "Make it with `slm preprocess --task language-model`" in result.stderr


def test_no_run_yet_names_the_command_that_makes_one(slm: Callable[..., Result]) -> None:
    result = slm("generate")
    assert result.exit_code == 2
    assert "Make it with `slm pretrain`" in result.stderr


def test_going_on_and_beginning_anew_exclude_each_other(texts: Path, slm: Callable[..., Result]) -> None:
    result = slm("pretrain", texts, "--resume", "--overwrite")
    assert result.exit_code == 2
    assert "--resume and --overwrite exclude each other" in result.stderr


def test_what_was_trained_is_said_in_words(texts: Path, slm: Callable[..., Result]) -> None:
    tiny = ("--epochs", "1", "--batch-size", "4", "--context", "16", "--filters", "4", "--embedding", "4", "--no-tensorboard")
    result = slm("pretrain", texts, "--backbone", "conv", *tiny, "--prompt", "ann", "--out", "run")
    assert result.exit_code == 0, result.stderr
    assert "run: causal-lm, conv, 1 passes, " in result.stdout
    assert "on validation: perplexity" in result.stdout
    assert "    | ann" in result.stderr


def test_too_little_text_ends_with_exit_code_3(texts: Path, slm: Callable[..., Result]) -> None:
    result = slm("pretrain", texts, "--out", "run", "--batch-size", "500")
    assert result.exit_code == 3
    assert "fewer than the 32,000 of one step (--batch-size 500 times --context 64)" in result.stderr


def test_a_tensorboard_log_is_written_over_all_judgements(texts: Path, slm: Callable[..., Result]) -> None:
    tiny = ("--epochs", "2", "--validations", "2", "--batch-size", "4", "--context", "16", "--filters", "4", "--embedding", "4")
    assert slm("pretrain", texts, "--backbone", "conv", *tiny, "--out", "run").exit_code == 0
    assert list(Path("run/tensorboard").rglob("events.*"))


@pytest.mark.parametrize("command", ["predict", "export"])
def test_a_language_model_is_refused_where_labels_are_asked_for(command: str, language_run: Path, slm: Callable[..., Result]) -> None:
    result = slm(command, language_run, *(["a text"] if command == "predict" else []))
    assert result.exit_code == 3
    assert "bundle is a language model, which says nothing of labels. Let it write with `slm generate`" in result.stderr


RECIPE: dict[str, Any] = {
    "preprocess": {"task": "language-model", "files": ["{data}/train.txt"], "tokenizer": "word", "min_frequency": 1, "validation_share": 0.2},
    "pretrain": {"backbone": "conv", "epochs": 1, "filters": 4, "embedding": 4, "batch_size": 4, "context": 16, "tensorboard": False},
    "generate": {"prompt": ["ann"], "max_tokens": 5},
}


def test_a_recipe_preprocesses_pretrains_and_writes(texts: Path, slm: Callable[..., Result]) -> None:
    Path("recipe.yaml").write_text(json.dumps(RECIPE), encoding="utf-8")
    result = slm("run", "recipe.yaml", "--data-dir", texts.parent)
    assert result.exit_code == 0, result.stderr
    places = [result.stdout.index(f"== {stage}") for stage in ("preprocess", "pretrain", "generate")]
    assert places == sorted(places)
    assert "\nann " in result.stdout


def test_a_recipe_is_checked_before_its_first_stage(texts: Path, slm: Callable[..., Result]) -> None:
    Path("recipe.yaml").write_text(json.dumps({**RECIPE, "generate": {"promt": ["ann"]}}), encoding="utf-8")
    result = slm("run", "recipe.yaml", "--data-dir", texts.parent)
    assert (result.exit_code, Path("work").exists()) == (2, False)
    assert "'promt' is not a setting. Did you mean 'prompt'?" in result.stderr


def test_a_run_in_training_is_not_overwritten(language_run: Path, texts: Path, slm: Callable[..., Result]) -> None:
    with Run(language_run).locked():
        result = slm("pretrain", texts, "--out", language_run, "--overwrite", "--batch-size", "1")
    assert result.exit_code == 2
    assert "is being trained by another process" in result.stderr
