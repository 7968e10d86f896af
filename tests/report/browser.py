"""A real browser for pages: Chromium where one is installed."""

import atexit
import functools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_browser() -> str | None:
    """Return the path of a browser: the one that SLM_BROWSER names, else the first that is installed."""
    return os.environ.get("SLM_BROWSER") or next((path for path in map(shutil.which, NAMES) if path), None)


needs_browser = pytest.mark.skipif(find_browser() is None, reason=f"no browser is installed: none of {', '.join(NAMES)}")


@contextmanager
def open_page(file: Path, content: str, *, width: int = 1000, is_dark: bool = False, keeps_policy: bool = False) -> Iterator[Any]:
    """Write a page to a file and yield it, as Playwright has it; only without its own policy can axe-core look at it."""
    file.write_text(content, encoding="utf-8")
    context = _browser().new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if is_dark else "light", bypass_csp=not keeps_policy
    )
    try:
        page = context.new_page()
        page.goto(file.as_uri())
        yield page
    finally:
        context.close()


@functools.cache
def _browser() -> Any:
    """Return the one browser of a process of tests, which its exit closes."""
    from playwright.sync_api import sync_playwright

    playwright = sync_playwright().start()
    atexit.register(playwright.stop)
    return playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox", "--disable-gpu"])


def serious_findings(page: Any) -> list[str]:
    """Return what axe-core finds serious or critical on a page: its rule, and the first place."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in ("serious", "critical")]


def overflow(page: Any) -> int:
    """Return by how many pixels a page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
