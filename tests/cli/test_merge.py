import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from conftest import train_tiny


@pytest.fixture(scope="module")
def tuned(run: Path, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has trained the head of another."""
    return train_tiny(dataset, tmp_path_factory.mktemp("tuned") / "run", init_from=str(run), train="head", epochs=1)


def test_what_was_written_is_said(tuned: Path, slm: Callable[..., Result]) -> None:
    result = slm("merge", tuned, "--out", "merged")
    assert result.exit_code == 0, result.stderr
    size = f"{Path('merged/model.keras').stat().st_size:,}"
    # two pooled values of each of 24 filters, two labels, and a bias for each
    assert result.stdout == f"merged: head, 98 parameters merged, {size} bytes\n"


def test_json_is_one_object(tuned: Path, run: Path, slm: Callable[..., Result]) -> None:
    result = slm("merge", tuned / "delta", "--base", run, "--out", "merged", "--json", "--quiet")
    assert len(result.stdout.splitlines()) == 1
    found = json.loads(result.stdout)
    assert {name: found[name] for name in ("bundle", "method", "parameters")} == {"bundle": "merged", "method": "head", "parameters": 98}


def test_what_was_merged_predicts(tuned: Path, slm: Callable[..., Result]) -> None:
    slm("merge", tuned, "--out", "merged")
    merged, own = (slm("predict", path, "our host was kind") for path in ("merged", tuned))
    assert merged.exit_code == 0, merged.stderr
    assert json.loads(merged.stdout)["label"] == json.loads(own.stdout)["label"]


def test_a_run_without_a_delta_ends_with_exit_code_3(run: Path, slm: Callable[..., Result]) -> None:
    result = slm("merge", run, "--out", "merged")
    assert result.exit_code == 3
    assert "has no delta: it was not trained with --train" in result.stderr
    assert not Path("merged").exists()


def test_the_place_of_the_bundle_must_be_named(tuned: Path, slm: Callable[..., Result]) -> None:
    result = slm("merge", tuned)
    assert result.exit_code == 2
    assert "Missing option '--out'" in result.stderr


def test_an_existing_bundle_is_replaced_only_when_asked(tuned: Path, slm: Callable[..., Result]) -> None:
    slm("merge", tuned, "--out", "merged")
    assert slm("merge", tuned, "--out", "merged").exit_code == 2
    assert slm("merge", tuned, "--out", "merged", "--overwrite").exit_code == 0
