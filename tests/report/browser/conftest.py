"""Browsers, and reports of small runs to open in them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from invert_core.report.html_report import write_report
from tests.needs import need, need_program
from tests.report.browser.opened import Opened
from tests.report.browser.runs import KINDS, Made

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="session")
def driver():
    with need("playwright.sync_api").sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def chromium(driver):
    browser = driver.chromium.launch(executable_path=need_program("chromium"))
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def report_of(tmp_path_factory):
    """Give a run of some kind and its report, each made once."""
    made: dict[str, tuple[Made, Path]] = {}

    def of_kind(kind: str) -> tuple[Made, Path]:
        if kind not in made:
            run = KINDS[kind](tmp_path_factory.mktemp("run"))
            made[kind] = run, write_report(run.path, **run.report)
        return made[kind]

    return of_kind


@pytest.fixture(scope="session")
def tabs():
    """Tabs of the browser by what is special about them; each test begins with a new page."""
    return {}


@pytest.fixture
def open_report(chromium, report_of, tabs) -> Iterator:
    """Open the report of a kind of run at a view; in the end nothing may have gone wrong."""
    yield from opener(chromium, report_of, tabs)


def opener(browser, report_of, tabs: dict[str, Opened]):
    used: dict[str, Opened] = {}

    def opened(kind: str, view: str = "", **options) -> Opened:
        _, path = report_of(kind)
        key = f"{kind} {options}"
        if key not in tabs:
            context = browser.new_context(**{"viewport": WIDE} | options)
            tabs[key] = Opened(context.new_page(), path)
        used[key] = tabs[key]
        return tabs[key].go(view)

    yield opened
    complaints = [page.complaints for page in used.values() if page.complaints]
    foreign = [page.foreign_requests() for page in used.values() if page.foreign_requests()]
    for page in used.values():
        page.complaints, page.requests = [], []
    assert complaints == []
    assert foreign == []
