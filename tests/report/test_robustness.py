"""A robustness measurement in a page: a bar for each drop, figures, examples, and no text that becomes markup."""

import re
from typing import Any

import pytest

from slmcli.report.rendering import make_environment

TEXT = "<script>alert(1)</script> 汤 😀"


def row(**changes: Any) -> dict[str, Any]:
    """Return what was measured of a perturbation."""
    example = {"texts_before": [TEXT], "texts_after": ["soup"], "answer_before": "good", "answer_after": "bad"}
    return {
        "title": "typos", "description": "slips", "kind": "invariance", "texts": 1234, "before": 0.9, "after": 0.8, "drop": 0.1,
        "interval": [0.05, 0.15], "is_clear": True, "flip_rate": 0.25, "scripts": {}, "examples": [example], **changes,
    }  # fmt: skip


def followed(**changes: Any) -> dict[str, Any]:
    """Return what was measured of a direction."""
    return {
        "title": "negation", "description": "denied", "kind": "direction", "texts": 10, "praise": "good", "blame": "bad", "moved_right": 0.75,
        "interval": [0.5, 0.9], "moved_wrong": 0.1, "mean_move": 0.2, "flip_rate": 0.3, "examples": [], **changes,
    }  # fmt: skip


def document(**changes: Any) -> dict[str, Any]:
    """Return a measurement as a JSON document."""
    return {
        "examples": 2000, "of": 25000, "seed": 1, "share": 0.1, "score": "accuracy", "perturbations": {"typos": row(), "negation": followed()},
        "left_out": {"homophones": "there is nothing to change in these texts"}, "worst": "typos", "sentence": "The largest drop.", **changes,
    }  # fmt: skip


def page(**changes: Any) -> str:
    template = make_environment().from_string('{% from "robustness.html" import robustness %}{{ robustness(document) }}')
    return str(template.render(document=document(**changes)))


@pytest.mark.parametrize(
    "said",
    [
        "The largest drop.",
        "2,000 of 25,000 examples",
        "1,234",
        "0.9000",
        "0.8000",
        "+10.0",
        "+5.0 to +15.0",
        "25.0\u00a0%",
        "75.0\u00a0%",
        "homophones",
    ],
)
def test_what_was_measured_is_said(said: str) -> None:
    assert said in page()


def test_no_text_becomes_markup() -> None:
    assert "<script" not in page()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; 汤 😀" in page()


def test_a_bar_begins_at_zero_and_its_interval_spans_the_axis() -> None:
    # from a gain of 0.05 to a loss of 0.15: zero stands at a quarter, a loss of 0.1 is half as wide as the axis
    content = page(perturbations={"typos": row(interval=[-0.05, 0.15], is_clear=False)})
    assert re.search(r'<rect class="unclear" x="25.0%" width="50.0%"', content)
    assert '<line class="whisker" x1="0.0%" x2="100.0%"' in content
    assert '<line class="zero" x1="25.0%" x2="25.0%"' in content


def test_a_gain_stands_left_of_zero() -> None:
    content = page(perturbations={"typos": row(drop=-0.1, interval=[-0.2, 0.0], is_clear=False)})
    assert '<rect class="unclear" x="50.0%" width="50.0%"' in content


def test_a_clear_loss_is_filled() -> None:
    assert '<rect class="loss"' in page()


def test_the_largest_drop_stands_first() -> None:
    content = page(perturbations={"a": row(title="small", drop=0.01), "b": row(title="large", drop=0.1)})
    assert content.index("Large") < content.index("Small")


def test_scripts_have_a_column_each() -> None:
    part = {"texts": 3, "before": 0.5, "after": 0.4, "drop": 0.123, "flip_rate": 0.1}
    content = page(perturbations={"typos": row(scripts={"han": part})})
    assert "Drop, Chinese" in content
    assert "+12.3" in content
    assert "Drop, Latin script" not in content


def test_numbers_have_a_mean_change_in_place_of_changed_answers() -> None:
    content = page(score="pearson", perturbations={"typos": row(flip_rate=None, mean_absolute_change=0.5)})
    assert "Mean change" in content
    assert "+0.100" in content


def test_nothing_changed_is_a_page_too() -> None:
    assert "No change applies." in page(perturbations={}, worst=None, sentence="No change applies.")


@pytest.mark.parametrize(("answer", "said"), [(["a", "b"], "a, b"), ([], "no label"), ("good", "good"), (3.5, "3.5")])
def test_every_kind_of_answer_is_shown(answer: Any, said: str) -> None:
    example = {"texts_before": ["one", "two"], "texts_after": ["three", "four"], "answer_before": answer, "answer_after": "bad"}
    content = page(perturbations={"typos": row(examples=[example])})
    assert f"<b>{said}</b>" in content
    assert "one / two" in content
