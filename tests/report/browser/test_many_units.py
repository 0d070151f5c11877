"""The report of 16,384 units can be used; of them, only those in sight are elements."""

import pytest

from bench.report_runs import many_units
from invert_core.report.html_report import write_report
from tests.report.browser.opened import Opened, unit_view
from tests.report.browser.runs import make

pytestmark = pytest.mark.browser

N_UNITS = 16_384


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    made = make(folder, layers={"conv2": 64}, n_held_out=80, objective="auc", beam=1)
    return write_report(many_units(made.path, folder / "many", N_UNITS))


def test_many_units_are_sorted_searched_scrolled_and_opened(chromium, report):
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = Opened(context.new_page(), report).go()
    table = page.tab.get_by_role("grid")
    status = page.tab.get_by_role("status")
    assert status.inner_text().startswith("16,384 of 16,384")
    assert int(table.get_attribute("aria-rowcount")) == N_UNITS + 1
    assert table.get_by_role("row").count() < 100
    page.tab.get_by_role("columnheader", name="unit").first.get_by_role("button").click()
    page.settle()
    page.tab.evaluate("() => { document.querySelector('[role=grid]').scrollTop = 1e9; }")
    page.settle()
    assert f"conv2:{N_UNITS - 1}" in table.get_by_role("row").last.inner_text()
    assert table.get_by_role("row").count() < 100
    page.tab.get_by_role("searchbox").fill("auc>0.7 beak")
    page.settle()
    found = int(status.inner_text().split()[0].replace(",", ""))
    assert 0 < found < N_UNITS
    page.follow(unit_view("conv2", N_UNITS - 1))
    assert page.heading.startswith(f"conv2:{N_UNITS - 1}")
    assert page.complaints == []
    context.close()
