"""Pages of leaderboards in a real browser: tables sort by keyboard."""

from pathlib import Path
from typing import Any

from report.browser import needs_browser, open_page
from report.test_comparison_page import board, document

from slmcli.report.comparison_page import render_comparison
from slmcli.report.leaderboard_page import render_leaderboard

pytestmark = needs_browser


def three_runs() -> dict[str, Any]:
    """Return a leaderboard of three runs, the last of them without a score."""
    shown = board()
    row = shown["tables"][0]["runs"][0]
    changes = [("b", {"accuracy": 0.9}, 9.0), ("a", {"accuracy": 0.8}, 20.0), ("c", {}, 3.0)]
    shown["tables"][0]["runs"] = [{**row, "run": name, "scores": scores, "seconds": seconds} for name, scores, seconds in changes]
    return shown


def names(page: Any) -> list[str]:
    return page.locator("tbody th").all_inner_texts()


def test_a_heading_sorts_its_table_by_keyboard(tmp_path: Path) -> None:
    with open_page(tmp_path / "l.html", render_leaderboard(three_runs()), keeps_policy=True) as page:
        assert names(page) == ["b", "a", "c"]
        page.get_by_role("button", name="training").focus()
        page.keyboard.press("Enter")
        assert names(page) == ["c", "b", "a"]
        assert page.locator("th[aria-sort]").all_inner_texts() == ["training"]
        page.keyboard.press("Enter")
        assert names(page) == ["a", "b", "c"]
        assert page.locator("th[aria-sort]").get_attribute("aria-sort") == "descending"


def test_runs_without_a_value_stay_last_either_way(tmp_path: Path) -> None:
    with open_page(tmp_path / "l.html", render_leaderboard(three_runs()), keeps_policy=True) as page:
        heading = page.get_by_role("button", name="validation accuracy")
        heading.click()
        assert names(page) == ["a", "b", "c"]
        heading.click()
        assert names(page) == ["b", "a", "c"]


PAGES = {"comparison": render_comparison(document()), "leaderboard": render_leaderboard(three_runs())}
