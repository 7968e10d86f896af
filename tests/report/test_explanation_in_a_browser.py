"""Pages of explanations in a real browser: they need no colour."""

from pathlib import Path
from typing import Any

from report.browser import needs_browser, open_page
from report.test_explanation_page import HEAD, TEXT, WORDS

from slmcli.report.explanation_page import render_explanation

pytestmark = needs_browser

ODD = "汤很好喝👍🏽 " + "ab" * 200 + " مرحبا"
WEIGHTS = [0.4, -0.3, 0.1, -0.1, 0.0]


def odd_text() -> dict[str, Any]:
    """Return the explanation of a text with words of every strength, one of them longer than any line."""
    bounds = [(0, 1), (1, 4), (7, 407), (408, 410), (410, 413)]
    words = [{"word": ODD[start:end], "start": start, "end": end, "weight": weight} for (start, end), weight in zip(bounds, WEIGHTS, strict=True)]
    flip = {"removed": [ODD[7:407]], "words": [2], "text": ODD[:7], "prediction": {"label": "bad"}, "value": 0.4}
    return {**TEXT, "text": ODD, "words": words, "counterexample": flip}


def corpus() -> dict[str, Any]:
    """Return the explanation of a corpus."""
    rows = [{"word": word["word"] * 9, "weight": word["weight"], "count": 1234, "texts": 7} for word in WORDS]
    labels = {"good " * 12: {"texts": 8, "for": rows[:1], "against": rows[1:2]}, "差评": {"texts": 1, "for": [], "against": rows}}
    return {**HEAD, "split": "test", "texts": 9, "explained": 8, "kind": "probability", "mean_area_between": 0.1, "labels": labels}


PAGES = {
    "text": render_explanation({**HEAD, "texts": [odd_text()]}, top=5),
    "texts": render_explanation({**HEAD, "texts": [TEXT, odd_text(), {**TEXT, "words": [], "faithfulness": None, "text": ""}]}, top=5),
    "corpus": render_explanation(corpus(), top=5),
}
WORD_STYLE = """each => {
    const style = getComputedStyle(each);
    return [style.borderBottomStyle, style.borderBottomWidth, style.fontStyle, style.fontWeight, each.querySelector('sup').textContent].join(' ')
}"""


def test_words_of_each_strength_differ_in_more_than_colour(tmp_path: Path) -> None:
    with open_page(tmp_path / "p.html", PAGES["text"]) as page:
        styles = [page.locator(f".explained .word{kind}").first.evaluate(WORD_STYLE) for kind in (".for.strong", ".against.strong")]
        styles += [page.locator(f".explained .word{kind}:not(.strong)").first.evaluate(WORD_STYLE) for kind in (".for", ".against")]
    assert len(set(styles)) == 4


def test_bars_and_lines_differ_in_more_than_colour(tmp_path: Path) -> None:
    with open_page(tmp_path / "p.html", PAGES["text"]) as page:
        dashes = [page.locator(f"polyline.{kind}").evaluate("each => getComputedStyle(each).strokeDasharray") for kind in ("weighed", "random")]
        strokes = [page.locator(f".weights svg.{kind} rect").first.evaluate("each => getComputedStyle(each).stroke") for kind in ("for", "against")]
    assert dashes[0] == "none" != dashes[1]
    assert strokes[0] == "none" != strokes[1]
