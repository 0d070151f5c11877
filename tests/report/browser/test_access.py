"""The page can be used with a keyboard, a screen reader, a dark screen and a phone."""

import pytest

from tests.needs import need
from tests.report.browser.conftest import PHONE
from tests.report.browser.opened import unit_view

pytestmark = pytest.mark.browser

VIEWS = {
    "units": "#units",
    "units as pictures": "#units?as=pictures",
    "unit": unit_view("conv2", 3),
    "dead unit": unit_view("conv2", 1),
    "concepts": "#concepts",
    "concept": "#concept/n0003",
    "compare": "#compare/conv2%3A3,conv2%3A5",
}
SCREENS = {
    "light": {},
    "dark phone": {"color_scheme": "dark", "viewport": PHONE},
}


def faults(page):
    """The serious and critical faults that axe finds, each with the first element that has it."""
    axe = need("axe_playwright_python.sync_playwright").Axe()
    found = axe.run(page.tab, options={"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{one['id']} ({one['impact']}): {one['nodes'][0]['html'][:200]} "
        f"{one['nodes'][0]['failureSummary']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]


def test_axe_notices_a_fault(open_report):
    page = open_report("usual")
    page.tab.evaluate("() => document.querySelector('main').append(document.createElement('img'))")
    assert any(fault.startswith("image-alt (critical)") for fault in faults(page))


@pytest.mark.parametrize("screen", SCREENS)
def test_axe_finds_no_serious_fault_in_any_view(open_report, screen):
    page = open_report("pictures", **SCREENS[screen])
    found = {}
    for name, view in VIEWS.items():
        page.follow(view)
        found[name] = faults(page)
    page.follow("#units")
    page.tab.get_by_role("button", name="keys").click()
    found["keys"] = faults(page)
    assert {name: of_view for name, of_view in found.items() if of_view} == {}


def test_everything_can_be_reached_with_the_tab_key(open_report):
    page = open_report("usual")
    reached = set()
    for _ in range(60):
        page.tab.keyboard.press("Tab")
        reached.add(
            page.tab.evaluate(
                "() => document.activeElement.id || document.activeElement.getAttribute('role')"
                " || document.activeElement.innerText"
            )
        )
    assert {"skip", "find", "CSV", "grid"} <= reached
