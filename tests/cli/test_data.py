"""`slm data`: what is listed, what is fetched, what reaches which stream."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from slmcli.cli.data import command
from slmcli.public_sets import read_table

HEAVY = "{'tensorflow', 'keras', 'pandas', 'nltk', 'sklearn', 'pyarrow'}"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["table", "json"])
def test_the_list_imports_nothing_heavy(options: list[str], python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    call = f"main({['data', 'list', *options]!r}, standalone_mode=False)"
    result = python(f"import sys; from slmcli.cli.main import main; {call}; assert not {HEAVY} & set(sys.modules)")
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_the_list_fits_the_terminal_and_names_every_set(columns: int, slm: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = slm("data", "list").stdout.splitlines()
    assert max(map(len, lines)) <= columns
    assert [name for name in read_table() if not any(line.startswith(f"│ {name} ") for line in lines)] == []


def test_the_list_as_json_says_all_that_the_table_says(slm: Callable[..., Result]) -> None:
    sets = json.loads(slm("data", "list", "--json").stdout)["sets"]
    assert [one["name"] for one in sets] == list(read_table())
    assert {"task", "language", "home_page", "licence", "bytes", "files", "splits", "settings"} <= set(sets[0])


def test_the_list_can_be_of_one_task(slm: Callable[..., Result]) -> None:
    assert {one["task"] for one in json.loads(slm("data", "list", "--task", "ner", "--json").stdout)["sets"]} == {"ner"}


def test_a_task_without_sets_says_so(slm: Callable[..., Result]) -> None:
    assert "There is no public data set for dialogue yet." in slm("data", "list", "--task", "dialogue").stdout


@pytest.mark.parametrize("name", ["list", "get"])
def test_every_option_says_what_it_does(name: str) -> None:
    options = [parameter for parameter in command.commands[name].params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


def test_an_unknown_set_ends_with_exit_code_2(slm: Callable[..., Result]) -> None:
    result = slm("data", "get", "imbd")
    assert (result.exit_code, "Did you mean 'imdb'?" in result.stderr) == (2, True)


def test_licence_and_home_page_are_said_before_a_fetch_that_fails(slm: Callable[..., Result], tmp_path: Path) -> None:
    result = slm("data", "get", "squad", "--from", tmp_path, "--cache", tmp_path / "cache")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.index("Licence: CC BY-SA 4.0") < result.stderr.index("cannot be fetched")
    assert f"to {tmp_path}/cache/data/squad/train-v1.1.json" in result.stderr


def test_a_wrong_file_ends_with_exit_code_3(slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "input.txt").write_text("To fetch, or not to fetch.")
    result = slm("data", "get", "tiny-shakespeare", "--from", tmp_path, "--cache", tmp_path / "cache")
    assert (result.exit_code, "its SHA-256 is" in result.stderr) == (3, True)


def test_the_cache_can_be_named_by_the_environment(slm: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLM_CACHE", str(tmp_path / "mine"))
    assert f"to {tmp_path}/mine/data/trec/TREC_10.label" in slm("data", "get", "trec", "--from", tmp_path).stderr


def test_nothing_of_tensorflow_or_keras_is_shown(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "slmcli", "data", "get", "trec", "--from", str(tmp_path), "--cache", str(tmp_path / "cache")]
    result = subprocess.run(words, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    lines = result.stderr.splitlines()
    assert result.stdout == ""
    assert lines[4] == f"Fetching file://{tmp_path}/train_5500.label"
    assert lines[5].startswith("Error: trec: ")
