import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from slmcli.cli.vectors import command


@pytest.mark.parametrize("name", ["nearest", "analogy", "export"])
def test_help_of_a_subcommand_imports_nothing_heavy(name: str, python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    call = f"main(['vectors', 'RUN', {name!r}, '--help'], standalone_mode=False)"
    result = python(f"import sys; from slmcli.cli.main import main; {call}; assert not {{'tensorflow', 'keras', 'numpy'}} & set(sys.modules)")
    assert result.returncode == 0, result.stderr
    assert "--branch" in result.stdout


@pytest.mark.parametrize("name", ["nearest", "analogy", "export"])
def test_every_option_of_a_subcommand_says_what_it_does(name: str) -> None:
    options = [parameter for parameter in command.commands[name].params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_nearest_is_read_by_people(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("vectors", run, "nearest", "Lovely", "cold", "--count", "3")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert [line for line in lines if not line.startswith("  ")] == ["lovely", "cold"]
    assert len(lines) == 8


def test_nearest_is_one_json_object(run: Path, slm: Callable[..., Result]) -> None:
    found = json.loads(slm("vectors", run, "nearest", "lovely", "--count", "2", "--json").stdout)
    assert (found["model"], found["branch"], [each["word"] for each in found["words"]]) == (str(run), "conv", ["lovely"])
    assert [set(each) for each in found["words"][0]["nearest"]] == [{"token", "cosine"}] * 2


def test_an_analogy_has_three_words(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("vectors", run, "analogy", "warm", "cold", "kind", "--count", "1")
    assert result.stdout.splitlines()[0] == "warm is to cold as kind is to"
    assert len(result.stdout.splitlines()) == 2
    assert len(json.loads(slm("vectors", run, "analogy", "warm", "cold", "kind", "--json").stdout)["answers"]) == 10
    assert slm("vectors", run, "analogy", "warm", "cold").exit_code == 2


def test_a_word_that_is_missing_ends_with_exit_code_2(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("vectors", run, "nearest", "lovly")
    assert result.exit_code == 2
    assert "'lovly' is not in the vocabulary" in result.stderr
    assert "Did you mean 'lovely'?" in result.stderr


def test_export_writes_a_file_and_says_so(run: Path, slm: Callable[..., Result], tmp_path: Path) -> None:
    result = slm("vectors", run, "export", "out.vec")
    header = (tmp_path / "out.vec").read_text(encoding="utf-8").splitlines()[0]
    assert result.stdout == f"out.vec: {header.split()[0]} vectors of 8 values\n"
    again = slm("vectors", run, "export", "out.vec", "--form", "glove", "--json")
    assert again.exit_code == 2
    assert "out.vec exists already" in again.stderr
    assert json.loads(slm("vectors", run, "export", "out.vec", "--form", "glove", "--overwrite", "--json").stdout)["form"] == "glove"


def test_what_is_no_run_ends_with_exit_code_3(slm: Callable[..., Result], tmp_path: Path) -> None:
    result = slm("vectors", tmp_path, "nearest", "soup")
    assert result.exit_code == 3
    assert "is not a bundle or a run" in result.stderr


def test_a_training_takes_a_file_of_vectors(run: Path, dataset: Path, slm: Callable[..., Result]) -> None:
    slm("vectors", run, "export", "out.vec.gz")
    arguments = ("finetune", dataset, "--vectors", "out.vec.gz", "--backbone", "conv", "--filters", "4", "--epochs", "1", "--no-tensorboard")
    first = slm(*arguments, "--out", "again", "--json")
    assert json.loads(first.stdout)["vectors"]["text_covered"] == 1.0
    assert "out.vec.gz: vectors for 100.0 % of the vocabulary and 100.0 % of the training tokens" in first.stderr
    assert "again is up to date" in slm("finetune", dataset, "--recipe", "again/config.yaml", "--out", "again").stdout


def test_a_file_of_vectors_is_checked_before_tensorflow_loads(
    dataset: Path, tmp_path: Path, python: Callable[[str], subprocess.CompletedProcess[str]]
) -> None:
    (tmp_path / "some.vec").write_text("soup 1 2\nlovely 1 x\n", encoding="utf-8")
    arguments = ["finetune", str(dataset), "--vectors", str(tmp_path / "some.vec"), "--backbone", "conv", "--out", str(tmp_path / "run")]
    result = python(f"""
import sys
from slmcli.cli.main import main
try:
    main({arguments!r}, standalone_mode=False)
except Exception as error:
    print(error, error.exit_code, "tensorflow" in sys.modules)
""")
    assert result.stdout.strip().endswith("some.vec:2: 'x' is not a number. Remove the line, or copy the file again. 3 False"), result.stderr
    assert not (tmp_path / "run").exists()
