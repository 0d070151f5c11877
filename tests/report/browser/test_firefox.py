"""The same page in Firefox: views, keys, links and axe, once.

Playwright drives Debian's firefox-esr through WebDriver BiDi. It neither saves files nor lists
requests there, but what the page's policy refuses is told as in Chromium.
"""

import pytest

from tests.needs import need_program
from tests.report.browser.conftest import opener
from tests.report.browser.opened import unit_view
from tests.report.browser.test_access import VIEWS, faults

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def firefox(driver):
    browser = driver.firefox.launch(
        channel="moz-firefox", executable_path=need_program("firefox-esr")
    )
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def firefox_tabs():
    return {}


@pytest.fixture
def open_in_firefox(firefox, report_of, firefox_tabs):
    yield from opener(firefox, report_of, firefox_tabs)


@pytest.mark.parametrize("kind", ["pictures", "hostile names", "both directions"])
def test_every_view_is_shown(open_in_firefox, report_of, kind):
    made, _ = report_of(kind)
    (layer,) = made.values
    page = open_in_firefox(kind)
    rows = page.tab.get_by_role("grid").get_by_role("row")
    assert rows.count() >= 13
    for view in (unit_view(layer, 0), unit_view(layer, 1), "#concepts", "#concept/n0003"):
        page.follow(view)
        assert page.heading
        assert "undefined" not in page.main.inner_text()
    assert page.main.locator("script").count() == 0


def test_keys_links_and_the_find_box_work(open_in_firefox):
    page = open_in_firefox("usual")
    page.press("/")
    page.tab.keyboard.type("verdict:dead")
    page.settle()
    assert page.tab.get_by_role("status").inner_text().startswith("1 of 12")
    page.press("ArrowDown", "Enter")
    assert "This unit is dead" in page.main.inner_text()
    page.tab.go_back()
    page.settle()
    assert page.tab.get_by_role("searchbox").input_value() == "verdict:dead"


@pytest.mark.parametrize("name", ["units", "unit"])
def test_axe_finds_no_serious_fault(open_in_firefox, name):
    assert faults(open_in_firefox("pictures", VIEWS[name])) == []
