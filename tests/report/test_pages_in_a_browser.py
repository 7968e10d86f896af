"""Every page in a real browser: it fits any width, fetches nothing, and axe-core finds nothing serious, also in what is folded away."""

from pathlib import Path

import pytest
from report.browser import needs_browser, open_page, overflow, serious_findings
from report.test_comparison_in_a_browser import PAGES as COMPARISONS
from report.test_evaluation_page import WHOLE, marked_mistake, of_a_language_model, page_of, report
from report.test_explanation_in_a_browser import PAGES as EXPLANATIONS

from slmcli.report.evaluation_page import render_evaluation

pytestmark = needs_browser

PAGES = {
    **COMPARISONS,
    **EXPLANATIONS,
    "evaluation": page_of(report()),
    "marked mistakes": page_of(report(mistakes=[marked_mistake()] * 9)),
    "language model": render_evaluation(of_a_language_model(), WHOLE, main="perplexity", texts=["text"]),
}
UNFOLD = "document.querySelectorAll('details').forEach(each => each.open = true)"


@pytest.mark.parametrize("width", [360, 390, 800, 1280, 1400])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_no_wider_than_its_window(name: str, width: int, tmp_path: Path) -> None:
    with open_page(tmp_path / "p.html", PAGES[name], width=width) as page:
        assert overflow(page) == 0


@pytest.mark.parametrize("is_dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, is_dark: bool, tmp_path: Path) -> None:
    with open_page(tmp_path / "p.html", PAGES[name], is_dark=is_dark) as page:
        page.evaluate(UNFOLD)
        assert serious_findings(page) == []


@pytest.mark.parametrize("name", PAGES)
def test_a_browser_fetches_nothing(name: str, tmp_path: Path) -> None:
    with open_page(tmp_path / "p.html", PAGES[name], keeps_policy=True) as page:
        assert page.evaluate("performance.getEntriesByType('resource').length") == 0
