"""Reports of runs of all kinds open from a file, show every view, load nothing, and never fail."""

import re
from urllib.parse import unquote

import pytest

from tests.report.browser.conftest import PHONE
from tests.report.browser.expected import answer, rows_of
from tests.report.browser.opened import Opened, unit_view
from tests.report.browser.runs import HOSTILE, KINDS

pytestmark = pytest.mark.browser

STANDARD = ("#units", "#concepts", "#compare/")
_LINKS = "links => links.map(link => link.getAttribute('href'))"
_INJECT = """() => {
    const script = document.createElement('script');
    script.textContent = 'window.ran = true';
    document.body.append(script);
    const image = new Image();
    image.src = 'https://example.invalid/x.png';
    document.body.append(image);
}"""


def links(page, kind):
    """The links to views of a kind that the page shows."""
    found = page.main.locator(f'a[href^="#{kind}/"]').evaluate_all(_LINKS)
    return list(dict.fromkeys(found))


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_of_every_kind_of_run_is_shown(open_report, kind):
    page = open_report(kind)
    assert page.tab.title()
    units = links(page, "unit")[:5]
    assert units
    for view in units:
        page.follow(view)
        address = unquote(view.removeprefix("#unit/").split("/")[0])
        assert page.heading.startswith(visible(address)[:10])
        assert_is_plain(page.main.inner_text())
    page.follow("#concepts")
    for view in links(page, "concept")[:5]:
        page.follow(view)
        assert page.heading
        assert_is_plain(page.main.inner_text())
    pinned = ",".join(view.removeprefix("#unit/") for view in units[:3])
    page.follow(f"#compare/{pinned}")
    assert page.main.locator("section.card").count() == min(3, len(units))
    assert_is_plain(page.main.inner_text())


def assert_is_plain(text):
    """Nothing that JavaScript writes for what is not there."""
    assert not re.search(r"\b(undefined|NaN|null|\[object)\b", text)


def visible(text):
    """A name as the page spells its odd characters out."""
    return re.sub(r"[\x00-\x1f\u202e\u202c]", lambda odd: f"⟨U+{ord(odd[0]):04X}⟩", text)


def test_what_the_policy_refuses_does_not_run_and_would_be_noticed(chromium, report_of):
    _, path = report_of("usual")
    context = chromium.new_context()
    page = Opened(context.new_page(), path).go()
    page.tab.evaluate(_INJECT)
    page.tab.wait_for_timeout(100)
    assert page.tab.evaluate("() => window.ran") is None
    refused = " ".join(page.complaints)
    assert "refused: script-src" in refused
    assert "refused: img-src https://example.invalid/x.png" in refused
    context.close()


def test_names_are_shown_as_the_text_that_they_are(open_report):
    page = open_report("hostile names", "#concepts")
    told = page.main.inner_text()
    for name in HOSTILE:
        assert visible(name)[:40].strip() in told, name
    assert page.main.locator("script, img, iframe, object, form").count() == 0
    # Emoji that are joined, and names in other directions, stand alone.
    assert page.main.locator("bdi").count() >= len(HOSTILE)


def test_a_long_name_is_cut_and_its_title_has_all_of_it(open_report):
    page = open_report("hostile names", "#concept/n0006")
    heading = page.main.locator("h1 bdi")
    assert heading.inner_text().endswith("…")
    assert heading.get_attribute("title") == "x" * 300


def test_a_concept_without_definition_says_so(open_report):
    page = open_report("hostile names", "#concept/n0000")
    assert "no definition" in page.main.inner_text()


def test_the_view_of_a_concept_has_the_units_that_follow_it(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual", "#concept/n0003")
    extent = made.concepts.extent("n0003")[:240]
    assert f"True on {int(extent.sum())} of 240 samples" in page.main.inner_text()
    bars = page.main.locator("section.card").first
    told = dict(
        zip(
            bars.locator(".bars .name").all_inner_texts(),
            map(float, bars.locator(".bars .number").all_inner_texts()),
            strict=True,
        )
    )
    values = made.values["conv2"]
    above = (values[extent][:, None] > values[~extent]).mean(axis=(0, 1))
    equal = (values[extent][:, None] == values[~extent]).mean(axis=(0, 1))
    expected = {f"conv2:{unit}": one for unit, one in enumerate(above + equal / 2)}
    assert told == {name: pytest.approx(expected[name], abs=6.1e-5) for name in told}
    assert len(told) >= 11


def test_a_unit_seen_from_both_ends_follows_a_concept_once(open_report, report_of):
    made, _ = report_of("both directions")
    page = open_report("both directions")
    for id in made.concepts.id:
        page.follow(f"#concept/{id}")
        bars = page.main.locator("section.card").first
        told = bars.locator(".bars .name").all_inner_texts()
        assert sorted(told) == sorted(f"conv2:{unit}" for unit in range(12))


def test_a_label_of_which_nothing_is_known_on_unseen_samples_has_no_curve_of_them(
    open_report, report_of
):
    kind = "nothing known of unseen samples"
    made, _ = report_of(kind)
    labels = [answer(rows_of(made), unit, "auc") for unit in range(12)]
    unknown = {int(row["unit"]) for row in labels if row["n_samples_held_out"] == "0"}
    assert unknown
    page = open_report(kind)
    for unit in range(12):
        page.follow(unit_view("conv2", unit))
        has_curve = page.main.locator("path.unseen").count() > 0
        assert has_curve == (labels[unit]["status"] != "dead" and unit not in unknown), unit


def test_every_formula_can_be_opened_where_charts_were_left_out(open_report):
    page = open_report("few charts")
    notes = page.main.locator("ul.notes").inner_text()
    assert "charts of formulas that are neither the label nor the peak" in notes
    found = set()
    for unit in links(page, "unit"):
        page.follow(unit)
        of_rows = page.main.locator("tbody a.plain").evaluate_all(_LINKS)
        marked = page.main.locator("tbody tr").all_inner_texts()
        for view, line in zip(of_rows, marked, strict=True):
            page.follow(view)
            assert page.main.locator("section.card h2").count() > 5
            is_answer = "· the " in line
            repeats = [other for other in marked if other.split("\t")[0] == line.split("\t")[0]]
            has_charts = any("· the " in other for other in repeats)
            assert is_answer <= has_charts
            was_left_out = "charts of this formula were left out" in page.main.inner_text()
            assert was_left_out != has_charts, line
            found.add(was_left_out)
    assert found == {True, False}


def test_links_open_where_they_point_and_back_returns(open_report):
    deep = unit_view("conv2", 7)
    page = open_report("usual", deep)
    assert page.heading.startswith("conv2:7")
    page.tab.reload()
    page.tab.wait_for_function("() => document.documentElement.dataset.ready")
    assert page.heading.startswith("conv2:7")
    concept = links(page, "concept")[0]
    page.follow(concept)
    page.follow("#concepts")
    page.tab.go_back()
    page.settle()
    assert page.view == concept
    page.tab.go_back()
    page.settle()
    assert page.heading.startswith("conv2:7")
    page.tab.go_forward()
    page.settle()
    assert page.view == concept


def test_a_link_that_points_nowhere_is_answered(open_report):
    page = open_report("usual")
    of_things = (
        "unit/conv2%3A99",
        "unit/%E0%A4",
        "concept/none",
        "unit/__proto__",
        "concept/length",
    )
    of_views = ("nowhere/x", "constructor", "__proto__", "toString", "hasOwnProperty/x", "%00", "é")
    for view in (*of_things, *of_views):
        page.follow("#concepts")
        page.follow(f"#{view}")
        told = page.main.inner_text()
        assert told.startswith("There is no") == (view in of_things), view
        if view in of_views:
            assert page.tab.get_by_role("grid", name="Units").count() == 1, view
        assert_is_plain(told)


def test_a_named_unit_is_found_by_name_and_by_number(open_report):
    page = open_report("unit names", unit_view("flat", 5))
    by_number = page.main.inner_text()
    assert visible(HOSTILE[5])[:10] in by_number


def test_units_are_pinned_and_compared(open_report):
    page = open_report("usual", unit_view("conv2", 3))
    page.press("p")
    page.follow(unit_view("conv2", 5))
    page.press("p", "c")
    assert page.view.startswith("#compare/")
    told = page.main.locator("section.card h2").all_inner_texts()
    assert [name.split()[0] for name in told] == ["conv2:3", "conv2:5"]
    page.go(page.view)
    assert page.main.locator("section.card").count() == 2


def test_keys_go_through_the_units_in_the_order_of_the_table(open_report):
    page = open_report("usual")
    order = links(page, "unit")
    shown = page.tab.get_by_role("grid").locator('a[href^="#unit/"]').evaluate_all(_LINKS)
    page.follow(shown[4])
    page.press("j")
    assert page.view == shown[5]
    page.press("k", "k")
    assert page.view == shown[3]
    assert set(shown) <= set(order)


def test_the_theme_can_be_switched_and_follows_the_system(open_report):
    colour = "() => getComputedStyle(document.body).backgroundColor"
    light = open_report("usual")
    dark = open_report("usual", color_scheme="dark")
    before = light.tab.evaluate(colour)
    assert before != dark.tab.evaluate(colour)
    light.tab.get_by_role("button", name="theme").click()
    assert light.tab.evaluate(colour) == dark.tab.evaluate(colour)
    light.tab.get_by_role("button", name="theme").click()
    assert light.tab.evaluate(colour) == before


def test_all_rows_of_the_table_are_on_paper(open_report):
    page = open_report("many layers")
    on_screen = page.tab.get_by_role("grid").get_by_role("row").count()
    assert on_screen < 100
    page.tab.emulate_media(media="print")
    page.settle()
    assert page.tab.get_by_role("grid").get_by_role("row").count() == 301
    paper = page.tab.pdf(format="A4")
    assert paper.startswith(b"%PDF")
    assert paper.count(b"/Type /Page\n") > 3
    page.tab.emulate_media(media="null")


def test_a_phone_scrolls_down_only(open_report):
    for kind in ("usual", "samples that are gone"):
        assert_scrolls_down_only(open_report(kind, viewport=PHONE))


def assert_scrolls_down_only(page):
    for view in (
        *STANDARD,
        unit_view("conv2", 3),
        "#concept/n0003",
        "#compare/conv2%3A3,conv2%3A5",
    ):
        page.follow(view)
        width = page.tab.evaluate("() => document.documentElement.scrollWidth")
        assert width <= PHONE["width"], view


def test_pictures_are_shown_and_have_names(open_report):
    page = open_report("pictures", unit_view("conv2", 3))
    pictures = page.main.locator("ul.samples").first.get_by_role("img", name=re.compile("sample-"))
    assert pictures.count() == 24
    assert page.tab.evaluate(
        "() => [...document.querySelectorAll('main img')].every(one => one.naturalWidth > 8)"
    )


def test_texts_are_shown_as_text(open_report):
    page = open_report("texts", unit_view("conv2", 3))
    assert "text" in page.main.locator("ul.samples").first.inner_text()
    assert page.main.locator("script, img").count() == 0


def test_without_held_out_samples_nothing_is_said_of_unseen_ones(open_report):
    page = open_report("no sample ids", unit_view("conv2", 3))
    assert "unseen" not in page.main.inner_text()
    assert re.search(r"row \d+", page.main.locator("ul.samples").first.inner_text())


def test_without_a_living_unit_the_page_says_why_it_is_empty(open_report):
    page = open_report("dead units")
    assert "No unit has a label: every activation is constant." in page.main.inner_text()
