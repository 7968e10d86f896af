"""Every command: help without heavy imports, the common options, usage errors with exit code 2."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import Result

from slmcli.cli import COMMANDS
from slmcli.cli.main import main

HEAVY = "{'tensorflow', 'keras', 'pandas', 'nltk', 'sklearn', 'pyarrow', 'numpy', 'apache_beam', 'matplotlib', 'jinja2', 'lime', 'shap'}"
WRITERS = ("preprocess", "pretrain", "finetune", "evaluate", "export", "compare", "leaderboard", "explain")
WITH_JSON = (*WRITERS, "check", "predict", "generate", "doctor")


@pytest.mark.parametrize("arguments", [[], *([name] for name in COMMANDS)], ids=["slm", *COMMANDS])
def test_help_imports_nothing_heavy(arguments: list[str], python: Callable[[str], subprocess.CompletedProcess[str]]) -> None:
    call = f"main({[*arguments, '--help']!r}, standalone_mode=False)"
    result = python(f"import sys; from slmcli.cli.main import main; {call}; assert not {HEAVY} & set(sys.modules)")
    assert result.returncode == 0, result.stderr
    assert "Usage:" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_an_unknown_option_ends_with_exit_code_2(name: str, slm: Callable[..., Result]) -> None:
    result = slm(name, "--no-such-option")
    assert result.exit_code == 2
    assert "--no-such-option" in result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    command = main.get_command(None, name)  # type: ignore[arg-type]
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
    assert [option.name for option in options if not option.help] == []


@pytest.mark.parametrize("name", WRITERS)
def test_what_writes_can_overwrite(name: str, slm: Callable[..., Result]) -> None:
    assert "--overwrite" in slm(name, "--help").stdout


@pytest.mark.parametrize("name", WITH_JSON)
def test_results_can_be_json(name: str, slm: Callable[..., Result]) -> None:
    assert "--json" in slm(name, "--help").stdout


@pytest.mark.parametrize("name", ["pretrain", "finetune", "evaluate", "export", "predict", "explain", "generate"])
def test_a_directory_that_is_nothing_of_ours_ends_with_exit_code_3(name: str, slm: Callable[..., Result], tmp_path: Path) -> None:
    (tmp_path / "stranger").mkdir()
    result = slm(name, "stranger", *(["a text"] if name in ("predict", "explain") else []))
    assert result.exit_code == 3
    assert "stranger is not a" in result.stderr


def test_an_unknown_command_names_the_nearest(slm: Callable[..., Result]) -> None:
    result = slm("finetun")
    assert result.exit_code == 2
    assert "Did you mean 'finetune'?" in result.stderr
