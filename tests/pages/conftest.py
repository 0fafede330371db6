"""The pages of recordings and of runs of tests, in a real Chromium.

    ./dev test pages
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/support"))
from program import *  # noqa: E402,F403

MAKERS = ROOT / os.environ.get("HEXCORE_BUILD", "build/release") / "tests/pages"


@pytest.fixture(scope="session")
def recorded(tmp_path_factory):
    """A recording of a kind that make_recording knows: `recorded("hour")`; each is made once."""
    folder = tmp_path_factory.mktemp("recordings")

    def make(kind):
        path = folder / f"{kind}.hxr"
        if not path.exists():
            subprocess.run([MAKERS / "make_recording", kind, path], check=True, timeout=120)
        return path

    return make


@pytest.fixture(scope="session")
def page_of(hexcore, recorded):
    """The page of such a recording; each is made once."""
    def make(kind):
        path = recorded(kind).with_suffix(".html")
        if not path.exists():
            assert hexcore("report", recorded(kind), "-o", path) == (0, "", "")
        return path

    return make


@pytest.fixture(scope="session")
def run_page_of(tmp_path_factory):
    """The page of a run of tests that make_test_run knows; each is made once."""
    folder = tmp_path_factory.mktemp("runs")

    def make(kind):
        path = folder / f"{kind}.html"
        if not path.exists():
            subprocess.run([MAKERS / "make_test_run", kind, path], check=True, timeout=120)
        return path

    return make


@pytest.fixture(scope="session")
def browser():
    # Its sandbox needs rights that containers do not have; it is shown only our own files.
    options = {"args": ["--no-sandbox"]}
    if chromium := shutil.which("chromium"):
        options["executable_path"] = chromium
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**options)
        yield browser
        browser.close()


class Opened:
    """A page that is open, and what it did that it must not do."""

    def __init__(self, browser, path, theme):
        self.context = browser.new_context(viewport={"width": 1380, "height": 900},
                                           color_scheme=theme, offline=True)
        self.page = self.context.new_page()
        self.wrongs = []
        self.page.on("console", lambda message: self.wrongs.append(message.text))
        self.page.on("pageerror", lambda error: self.wrongs.append(str(error)))
        self.page.on("request", self.on_request)
        self.url = path.as_uri()
        self.page.goto(self.url)
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def on_request(self, request):
        # Handles of dygraphs' range selector are pictures within the page.
        if request.url != self.url and not request.url.startswith("data:image/png;"):
            self.wrongs.append(request.url)

    def shown(self):
        """From when to when, as the page says."""
        return self.page.text_content("#window")

    def legend(self, chart=0):
        """What the legend says: its first line, and size by name."""
        rows = self.page.locator(".legend").nth(chart).locator("tr").all()
        first, *others = [row.locator("td").all_text_contents()[1:] for row in rows]
        return first, dict(others)


@pytest.fixture
def open_file(browser):
    """Opens a page. That it did nothing wrong is checked at the end."""
    all_opened = []

    def open_page(path, theme="light"):
        all_opened.append(Opened(browser, path, theme))
        return all_opened[-1]

    yield open_page
    for each in all_opened:
        each.context.close()
        assert each.wrongs == []


@pytest.fixture
def opened(open_file, page_of):
    """The page of a recording, open: `opened("hour", theme="dark")`."""
    return lambda kind, theme="light": open_file(page_of(kind), theme)


@pytest.fixture
def opened_run(open_file, run_page_of):
    """The page of a run of tests, open: `opened_run("mixed")`."""
    return lambda kind, theme="light": open_file(run_page_of(kind), theme)
