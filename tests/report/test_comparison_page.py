"""Pages of comparisons and leaderboards: nothing from elsewhere, no text that becomes markup, a script that a browser lets run."""

import base64
import hashlib
import re
from typing import Any

import pytest

from slmcli.report.comparison_page import render_comparison, tone_of
from slmcli.report.leaderboard_page import render_leaderboard

ODD = "<img src=x> & مرحبا 汤 😀"


def found(difference: float, half: float = 0.01, **values: Any) -> dict[str, Any]:
    return {"difference": difference, "interval": [difference - half, difference + half], "is_clear": abs(difference) > half, **values}


def side(letter: str, **changes: Any) -> dict[str, Any]:
    scores = {"accuracy": 0.8, "log_loss": 0.4}
    cost = {"model_bytes": 1000, "parameters": 5, "texts_per_second": 10.0, "latency_ms_p50": 1.0, "latency_ms_p95": 2.0}
    kind = {"kind": "run", "format": "keras", "backbone": "bag"}
    return {"letter": letter, "name": ODD, "paths": [ODD], **kind, "scores": scores, "deviations": {}, "cost": cost, **changes}


def comparison(**changes: Any) -> dict[str, Any]:
    flip = {
        "example": 3, "source": "data", "row": 3, "text": ODD, "reference": ODD, "first": ODD, "second": "x",
        "first_confidence": 0.5, "second_confidence": None,
    }  # fmt: skip
    label = {"examples": 9, "f1": found(0.1, first=0.8, second=0.9)}
    return {
        "first": "A",
        "second": "B",
        "is_same": False,
        "is_clear": True,
        "verdict": f"B is better {ODD}",
        "differences": {"accuracy": found(0.05), "log_loss": found(-0.1, 0.2)},
        "test": {"name": "permutation test", "p": 0.01, "p_corrected": 0.02},
        "per_label": {ODD: label},
        "slices": [
            {"by": "length", "slice": "1 to 9 words", "examples": 9, **found(0.0, first=0.8, second=0.8)},
            {"by": "where <b>", "slice": ODD, "examples": 30, **found(0.1, first=0.8, second=0.9)},
        ],
        "flips": {"lost": {"count": 7, "examples": [flip]}, "won": {"count": 0, "examples": []}},
        **changes,
    }


def document(**changes: Any) -> dict[str, Any]:
    return {
        "task": "sentiment",
        "data": [ODD],
        "dataset": None,
        "examples": 90,
        "score": "accuracy",
        "other_score": "macro_f1",
        "labels": [ODD, "x"],
        "sides": [side("A"), side("B", cost=None, kind="predictions")],
        "comparisons": [comparison()],
        "notes": [ODD],
        **changes,
    }


def board(**changes: Any) -> dict[str, Any]:
    row = {
        "run": ODD, "status": "complete", "problem": None, "command": "finetune", "task": "sentiment", "objective": None, "backbone": "bag",
        "preset": "fast", "dataset": f"/x/{ODD}", "dataset_fingerprint": "0" * 16, "parameters": 5, "bytes": 1000, "seconds": 3.0,
        "date": "2026-11-30 10:00", "scores": {"accuracy": 0.8}, "test": None, **changes,
    }  # fmt: skip
    table = {name: row[name] for name in ("task", "objective", "dataset", "dataset_fingerprint")}
    counts = {"runs": 1, "complete": 1, "unfinished": 0, "broken": 0}
    return {"directory": ODD, "sort": None, **counts, "tables": [{**table, "score": "accuracy", "other_score": "macro_f1", "runs": [row]}]}


@pytest.mark.parametrize("page", [render_comparison(document()), render_leaderboard(board())], ids=["comparison", "leaderboard"])
def test_no_text_becomes_markup(page: str) -> None:
    assert "<img" not in page
    assert "&lt;img src=x&gt; &amp; مرحبا 汤 😀" in page


@pytest.mark.parametrize("page", [render_comparison(document()), render_leaderboard(board())], ids=["comparison", "leaderboard"])
def test_a_page_needs_nothing_else(page: str) -> None:
    assert not re.search(r"\s(src|href|srcset)=|url\(|@import|https?:", page.replace("&lt;img src=x", ""))


def test_a_comparison_runs_nothing() -> None:
    page = render_comparison(document())
    assert "<script" not in page
    assert "content=\"default-src 'none'; style-src 'unsafe-inline'\"" in page


def test_a_browser_is_told_which_script_may_run() -> None:
    page = render_leaderboard(board())
    script = page.split("<script>")[1].split("</script>")[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in page


def test_the_column_that_decides_is_marked() -> None:
    assert re.search(r'<th scope="col" class="" data-first="descending" data-number aria-sort="descending"><button', render_leaderboard(board()))


def test_a_broken_run_says_what_is_wrong() -> None:
    page = render_leaderboard(board(status="broken", problem="run.json is not valid JSON. Make it again with --overwrite."))
    assert "run.json is not valid JSON. Make it again with <code>--overwrite</code>." in page


@pytest.mark.parametrize(
    ("difference", "is_clear", "tone"), [(0.05, True, "better"), (-0.05, True, "worse"), (0.05, False, "unclear"), (-0.05, False, "unclear")]
)
def test_the_verdict_has_a_tone(difference: float, is_clear: bool, tone: str) -> None:
    assert tone_of({"is_clear": is_clear, "differences": {"accuracy": found(difference)}}, "accuracy") == tone


def test_a_lower_loss_lies_on_the_better_side() -> None:
    page = render_comparison(document())
    # the interval goes from -0.3 to 0.1, whose greater end is 1 / 1.08 of half the width
    assert f'x1="{50 - 50 * 0.1 / 0.324:.2f}%" x2="{50 + 50 * 0.3 / 0.324:.1f}%"' in page


def test_slices_stand_by_their_column() -> None:
    page = render_comparison(document())
    assert 'Examples by length <span class="soft">· 0 of 1 clearly different' in page
    assert 'Examples by where &lt;b&gt; <span class="soft">· 1 of 1 clearly different' in page
    assert "B is clearly better on where &lt;b&gt; " in page


def test_what_is_cut_short_is_said() -> None:
    assert 'Right in A, wrong in B <span class="soft">· 7, 1 shown</span>' in render_comparison(document())


def test_many_labels_show_those_that_moved_most() -> None:
    labels = {f"label {place}": {"examples": 1, "f1": found(place / 1000, 0.5, first=0.1, second=0.2)} for place in range(77)}
    page = render_comparison(document(comparisons=[comparison(per_label=labels)]))
    assert "0 of 77 clearly different in F1" in page
    assert "label 76" in page
    assert "label 40" not in page
