"""What a person reads of a data report, at any width."""

from typing import Any

import pytest
from rich.cells import cell_len

from slmcli.checking import FORMAT_VERSION
from slmcli.cli.findings_display import show_findings

LENGTH = {"median": 10, "p95": 20, "p99": 30, "max": 1000}
ROW = "/a/very/long/way/to/the/corpus/of/soups/reviews-of-soups.jsonl.gz:1606: 在同档次的汤里性价比高，配置也够用，品牌效应好，外观不错"
FACTS: dict[str, Any] = {
    "examples": 15_100,
    "dropped": 3,
    "labels": {f"label_{number}": 200 - number for number in range(150)},
    "majority": {"label": "label_0", "share": 0.25},
    "entities": {},
    "unknown_share": 0.02,
    "length": LENGTH,
    "truncated_share": 0.01,
    "language": "Latin script",
}
FINDING = {
    "id": "overlap",
    "severity": "warning",
    "count": 2,
    "message": "2 texts in test stand in train too: the scores will flatter the model.",
    "action": "Pass --drop-overlap to slm preprocess to leave such texts out of the evaluation side.",
    "rows": [ROW],
}


def report(**changes: Any) -> dict[str, Any]:
    document = {"format_version": FORMAT_VERSION, "summary": "15,100 texts with 150 labels. " * 5, "new_unknown_share": 0.04}
    return {**document, "splits": {"train": FACTS}, "findings": [FINDING], **changes}


@pytest.mark.parametrize("columns", [60, 100, 160])
def test_no_line_is_wider_than_the_terminal(columns: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    show_findings(report())
    assert max(cell_len(line.rstrip()) for line in capsys.readouterr().out.splitlines()) <= columns


def test_where_there_is_no_terminal_a_finding_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    show_findings(report())
    lines = capsys.readouterr().out.splitlines()
    assert f"warning: {FINDING['message']} {FINDING['action']}" in lines
    assert f"    {ROW}" in lines


def test_a_long_way_to_a_file_leaves_room_for_the_text(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    show_findings(report())
    assert "soups.jsonl.gz:1606: 在同档次的汤" in capsys.readouterr().out


def test_hundreds_of_labels_are_cut_short(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings(report())
    assert "label_5 195, 144 more; always 'label_0' is right for 25.0%" in capsys.readouterr().out


def test_a_guess_that_is_seldom_right_is_not_spoken_of(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings(report(splits={"train": {**FACTS, "majority": {"label": "label_0", "share": 0.01}}}))
    assert "always" not in capsys.readouterr().out


def test_unknown_tokens_of_new_texts_are_told_of_train_alone(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)  # test processes are told the width of the terminal by it
    show_findings(report())
    assert "2.0% unknown tokens, in new texts about 4.0%; 3 dropped" in capsys.readouterr().out


def test_with_other_splits_their_own_figures_are_enough(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings(report(splits={"train": FACTS, "test": FACTS}))
    assert "in new texts" not in capsys.readouterr().out


def test_text_in_square_brackets_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    show_findings(report(findings=[{**FINDING, "rows": ["soups.csv:1: [red]warm[/red] :soup:"]}]))
    assert "soups.csv:1: [red]warm[/red] :soup:" in capsys.readouterr().out
