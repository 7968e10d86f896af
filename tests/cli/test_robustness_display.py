"""What a person reads of a robustness measurement in a terminal."""

from typing import Any

import pytest

from slmcli.cli.robustness_display import show_robustness

EXAMPLE = {"texts_before": ["cold [red]soup[/red]\r\n:soup:"], "texts_after": ["soup"], "answer_before": "good", "answer_after": ["a", "b"]}
ROW: dict[str, Any] = {
    "title": "typos", "description": "slips", "kind": "invariance", "texts": 1234, "before": 0.9, "after": 0.85, "drop": 0.05,
    "interval": [-0.00001, 0.12], "is_clear": False, "flip_rate": 0.25, "scripts": {}, "examples": [EXAMPLE],
}  # fmt: skip
DIRECTION: dict[str, Any] = {
    "title": "negation", "description": "denied", "kind": "direction", "texts": 10, "praise": "good", "blame": "bad", "moved_right": 0.75,
    "interval": [0.5, 0.9], "moved_wrong": 0.1, "mean_move": 0.2, "flip_rate": 0.3, "examples": [],
}  # fmt: skip


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Return what is printed of a measurement with some changes."""
    monkeypatch.setenv("COLUMNS", "160")

    def show(**changes: Any) -> str:
        document = {"examples": 2000, "of": 25000, "share": 0.1, "score": "accuracy", "perturbations": {"typos": ROW, "negation": DIRECTION}}
        show_robustness({**document, "left_out": {"homophones": "nothing"}, "worst": "typos", "sentence": "The largest drop.", **changes})
        return capsys.readouterr().out

    return show


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("│\n ").split("│")]


def line_of(output: str, beginning: str) -> list[str]:
    """Return the cells of the row of a table that begins so."""
    return next(found for found in map(cells, output.splitlines()) if found[0] == beginning)


def test_a_perturbation_is_a_row(shown: Any) -> None:
    assert line_of(shown(), "Typos") == ["Typos", "1,234", "0.9000", "0.8500", "+5.0", "+0.0 to +12.0", "25.0%"]


def test_a_direction_is_a_row_of_its_own_table(shown: Any) -> None:
    assert line_of(shown(), "Negation") == ["Negation", "10", "75.0%", "50.0% to 90.0%", "10.0%", "30.0%"]


def test_how_many_examples_were_drawn_is_said(shown: Any) -> None:
    assert "Robustness: accuracy, 2,000 of 25,000 examples" in shown()


def test_the_sentence_comes_before_the_examples_of_the_worst(shown: Any) -> None:
    output = shown()
    assert output.index("The largest drop.") < output.index("  good: cold [red]soup[/red] :soup:\n  → a, b: soup\n")


def test_what_was_left_out_is_said_with_the_reason(shown: Any) -> None:
    assert "Left out: homophones: nothing." in shown()


def test_scripts_have_columns(shown: Any) -> None:
    part = {"texts": 3, "before": 0.5, "after": 0.4, "drop": 0.1, "flip_rate": 0.1}
    output = shown(perturbations={"typos": {**ROW, "scripts": {"han": part, "latin": {**part, "drop": -0.2}}}})
    assert line_of(output, "Typos")[-3:] == ["-20.0", "+10.0", "25.0%"]


def test_numbers_have_a_mean_change(shown: Any) -> None:
    output = shown(score="pearson", perturbations={"typos": {**ROW, "flip_rate": None, "mean_absolute_change": 0.5}})
    assert line_of(output, "Typos")[4:] == ["+0.050", "+0.000 to +0.120", "", "0.5000"]


def test_nothing_changed_is_no_table(shown: Any) -> None:
    output = shown(perturbations={}, worst=None, sentence="No change applies.")
    assert output.splitlines() == ["No change applies.", "Left out: homophones: nothing."]
