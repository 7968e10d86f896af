"""Pages of comparisons and leaderboards in a real browser: tables sort by keyboard, pages fit any width, axe-core finds nothing serious."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from report.test_comparison_page import board, document

from slmcli.report.comparison_page import render_comparison
from slmcli.report.leaderboard_page import render_leaderboard

pytest.importorskip("playwright", reason="Playwright is not installed: pip install slmcli[dev]")

BROWSER = next((path for path in map(shutil.which, ("chromium", "chromium-browser", "google-chrome")) if path), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium is installed")


def three_runs() -> dict[str, Any]:
    """Return a leaderboard of three runs, the last of them without a score."""
    shown = board()
    row = shown["tables"][0]["runs"][0]
    changes = [("b", {"accuracy": 0.9}, 9.0), ("a", {"accuracy": 0.8}, 20.0), ("c", {}, 3.0)]
    shown["tables"][0]["runs"] = [{**row, "run": name, "scores": scores, "seconds": seconds} for name, scores, seconds in changes]
    return shown


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=BROWSER, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


def show(browser: Any, file: Path, content: str, **options: Any) -> Any:
    file.write_text(content, encoding="utf-8")
    page = browser.new_context(**options).new_page()
    page.goto(file.as_uri())
    return page


def names(page: Any) -> list[str]:
    return page.locator("tbody th").all_inner_texts()


def test_a_heading_sorts_its_table_by_keyboard(browser: Any, tmp_path: Path) -> None:
    page = show(browser, tmp_path / "l.html", render_leaderboard(three_runs()))
    assert names(page) == ["b", "a", "c"]
    page.get_by_role("button", name="training").focus()
    page.keyboard.press("Enter")
    assert names(page) == ["c", "b", "a"]
    assert page.locator("th[aria-sort]").all_inner_texts() == ["training"]
    page.keyboard.press("Enter")
    assert names(page) == ["a", "b", "c"]
    assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_runs_without_a_value_stay_last_either_way(browser: Any, tmp_path: Path) -> None:
    page = show(browser, tmp_path / "l.html", render_leaderboard(three_runs()))
    heading = page.get_by_role("button", name="validation accuracy")
    heading.click()
    assert names(page) == ["a", "b", "c"]
    heading.click()
    assert names(page) == ["b", "a", "c"]


PAGES = {"comparison": render_comparison(document()), "leaderboard": render_leaderboard(three_runs())}


@pytest.mark.parametrize("width", [360, 800, 1400])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_no_wider_than_its_window(name: str, width: int, browser: Any, tmp_path: Path) -> None:
    page = show(browser, tmp_path / "p.html", PAGES[name], viewport={"width": width, "height": 900})
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(name: str, scheme: str, browser: Any, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core is not installed: pip install slmcli[dev]")
    page = show(browser, tmp_path / "p.html", PAGES[name], color_scheme=scheme, bypass_csp=True)
    found = axe.Axe().run(page).response["violations"]
    assert [rule["id"] for rule in found if rule["impact"] in ("serious", "critical")] == []
