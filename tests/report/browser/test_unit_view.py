"""The view of a unit: its numbers are those of labels.csv, or come from the activations again."""

import re

import numpy as np
import pytest

from invert_core.formula.formula import Formula
from tests.naive.evidence import edges, histogram, shared
from tests.report.browser.expected import (
    Found,
    answer,
    assert_is_rounded,
    fixed,
    in_words,
    rows_of,
)
from tests.report.browser.opened import unit_view

pytestmark = pytest.mark.browser

KINDS = (
    "usual",
    "one objective",
    "three objectives",
    "both directions",
    "missing labels",
    "no sample ids",
)
_NUMBERS = """node => Object.fromEntries([...node.querySelectorAll('.numbers > div')].map(
    one => [one.querySelector('dt').innerText, one.querySelector('dd').innerText]))"""
_BARS = r"""() => [...document.querySelectorAll('main svg title')].map(title => title.textContent)
    .map(text => text.match(/^inside: ([\d,]+) of ([\d,]+), \D+: ([\d,]+) of ([\d,]+)$/))
    .filter(Boolean).map(match => match.slice(1).map(text => Number(text.replaceAll(',', ''))))"""
_SAMPLES = """list => [...list.children].map(item => ({
    kind: item.className, value: item.querySelector('b').innerText,
    id: item.title.split(', ')[0] }))"""
_CURVE = r"""chart => ({
    searched: chart.querySelector('path.searched').getAttribute('d'),
    unseen: chart.querySelector('path.unseen')?.getAttribute('d'),
    of_x: ['x1', 'x2'].map(name => Number(chart.querySelector('line.axis').getAttribute(name))),
    of_y: [...chart.querySelectorAll('line.level')].map(one => Number(one.getAttribute('y1'))) })"""


def labels_of(made, rows):
    """Yield the row that is the first answer for each living unit and direction, and its link."""
    objective = rows[0]["objective"]
    directions = list(dict.fromkeys(row["direction"] for row in rows if row["formula"]))
    for layer, values in made.values.items():
        for unit in range(values.shape[1]):
            for direction in directions:
                row = answer(rows, unit, objective, direction)
                if row["formula"]:
                    low_end = ["negative"] if direction != directions[0] else []
                    yield row, unit_view(layer, unit, *low_end)


@pytest.fixture(params=KINDS)
def case(request, open_report, report_of):
    made, _ = report_of(request.param)
    return made, rows_of(made), open_report(request.param)


def card(page, heading):
    return page.main.locator("section", has=page.tab.get_by_role("heading", name=heading)).first


def test_the_numbers_of_each_answer_are_those_of_labels_csv(case):
    made, rows, page = case
    objectives = list(dict.fromkeys(row["objective"] for row in rows))
    compared = 0
    for label, view in labels_of(made, rows):
        page.follow(view)
        sections = page.main.locator("section.answer").all()
        answers = [answer(rows, int(label["unit"]), one, label["direction"]) for one in objectives]
        if len(sections) < len(answers):
            assert len({row["formula"] for row in answers}) == 1
        for section, row in zip(sections, answers, strict=False):
            assert section.locator(".headline").inner_text() == in_words(
                row["formula"], made.concepts
            )
            assert section.locator("code").inner_text() == row["formula"]
            assert_are_numbers(section.evaluate(_NUMBERS), row)
            compared += 1
    assert compared > 8


def assert_are_numbers(told, row):
    assert told.pop("AUC") == fixed(row["auc"])
    if "AUC, unseen" in told:
        assert told.pop("AUC, unseen") == fixed(row["auc_held_out"])
    assert_is_rounded(told.pop("p"), row["p_search"])
    if row["q_value"]:
        assert_is_rounded(told.pop("q"), row["q_value"])
    n, share = re.fullmatch(r"([\d,]+) \(([\d.]+) %\)", told.pop("inside")).groups()
    assert int(n.replace(",", "")) == int(row["n_positive"])
    assert float(share) == pytest.approx(100 * float(row["concept_fraction"]), abs=0.51)
    ((of, hits),) = [(name, text) for name, text in told.items() if name.startswith("of ")]
    size = int(of.split()[1])
    assert size == min(10, int(row["n_positive"]))
    if size == 10:
        found = float(hits.split()[0])
        assert found == pytest.approx(10 * float(row["precision_at_10"]), abs=0.0551)


def test_the_samples_at_the_top_are_those_of_the_activations(case):
    made, rows, page = case
    for row, view in labels_of(made, rows):
        page.follow(view)
        found = Found.of(made, row)
        everywhere = np.ones_like(found.domain)
        order = Found(found.values, found.extent, everywhere, found.sign).ranked.order()[:24]
        told = page.main.locator("ul.samples").first.evaluate(_SAMPLES)
        assert [one["value"] for one in told] == [shown(found.values[at]) for at in order]
        if made.concepts.sample_id is not None:
            assert [one["id"] for one in told] == [made.concepts.sample_id[at] for at in order]
        kinds = ["inside" if found.extent[at] else "outside" for at in order]
        known = found.domain[order].tolist()
        assert [one["kind"] for one in told] == [
            kind if is_known else "unknown" for kind, is_known in zip(kinds, known, strict=True)
        ]


def shown(value):
    """A value as JavaScript writes its four significant digits."""
    short = float(f"{float(value):.4g}")
    return str(int(short)) if short == int(short) else repr(short)


def test_missed_samples_and_false_alarms_are_those_of_the_activations(case):
    made, rows, page = case
    for row, view in labels_of(made, rows):
        page.follow(view)
        ranked = Found.of(made, row).ranked
        missed = [at for at in ranked.bottom() if ranked.extent[at]][:8]
        alarms = [at for at in ranked.order() if not ranked.extent[at]][:8]
        for heading, expected in (("Missed", missed), ("False alarms", alarms)):
            told = card(page, heading).locator("ul.samples").evaluate(_SAMPLES)
            values = [shown(ranked.values[at]) for at in expected]
            assert [one["value"] for one in told] == values, heading


def test_the_histogram_counts_every_sample_once(case):
    made, rows, page = case
    for row, view in labels_of(made, rows):
        page.follow(view)
        found = Found.of(made, row)
        inside = found.extent & found.domain
        bars = page.tab.evaluate(_BARS)
        n, n_all = int(inside.sum()), inside.size
        assert {(of_inside, of_others) for _, of_inside, _, of_others in bars} == {(n, n_all - n)}
        at = edges(found.values, 40)
        of_bins = np.array([[counts[0], counts[2]] for counts in bars[-40:]])
        assert of_bins[:, 0].tolist() == histogram(found.values[inside], at).tolist()
        assert of_bins[:, 1].tolist() == histogram(found.values[~inside], at).tolist()
        zeros = [[int((found.values[part] == 0).sum()) for part in (inside, ~inside)]]
        assert [[one[0], one[2]] for one in bars[:-40]] == (zeros if sum(zeros[0]) else [])


def test_the_curve_goes_through_the_precision_among_the_first_samples(case):
    made, rows, page = case
    for row, view in list(labels_of(made, rows))[:6]:
        page.follow(view)
        curve = card(page, "How pure the top is").get_by_role("img").evaluate(_CURVE)
        for name, unseen in (("searched", False), ("unseen", True)):
            if curve[name]:
                assert_is_curve(curve[name], Found.of(made, row, unseen=unseen), curve)


def assert_is_curve(path, found, chart):
    """Compare the points of a path with precisions; axes and grid say what places mean."""
    left, right = chart["of_x"]
    top, bottom = min(chart["of_y"]), max(chart["of_y"])
    n_all, n_known = found.domain.size, int(found.domain.sum())
    points = [tuple(map(float, one.split())) for one in re.split("[ML]", path)[1:]]
    for x, y in points:
        share = np.exp((x - left) / (right - left) * np.log(n_all)) / n_all
        n = round(share * n_all)
        precision = (bottom - y) / (bottom - top)
        near = {min(max(1, n + step), n_all) for step in (-1, 0, 1)} if n > 100 else {n}
        expected = [found.hits(min(one, n_known)) / min(one, n_known) for one in near]
        assert min(abs(precision - one) for one in expected) < 0.006, (n, precision, expected)


def test_the_top_shares_what_the_marks_of_its_samples_say(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual")
    n = len(made.values["conv2"])
    marks = np.stack([made.concepts.extent(id) for id in made.concepts.id], axis=1)[:n]
    for row, view in labels_of(made, rows_of(made)):
        page.follow(view)
        order = Found.of(made, row).ranked.order()[:24]
        expected = shared(order, marks, np.ones_like(marks), 0.02)
        of_card = card(page, "share")
        names = [one.replace("+ ", "") for one in of_card.locator(".bars .name").all_inner_texts()]
        numbers = of_card.locator(".bars .number").all_inner_texts()
        assert list(zip(names, numbers, strict=True)) == [
            (made.concepts.name[concept], f"{hits} of 24") for concept, hits in expected
        ]


def test_all_formulas_are_listed_with_their_numbers(case):
    made, rows, page = case
    for label, view in labels_of(made, rows):
        page.follow(view)
        of_unit = [
            row
            for row in rows
            if (row["unit"], row["direction"]) == (label["unit"], label["direction"])
        ]
        lines = card(page, "All formulas found").locator("tbody tr")
        told = lines.evaluate_all(
            "rows => rows.map(row => [...row.children].map(cell => cell.innerText.trim()))"
        )
        expected = []
        for row in of_unit:
            numbers = [fixed(row["auc"])]
            if made.unseen is not None:
                numbers.append(fixed(row["auc_held_out"]))
            expected.append([in_words(row["formula"], made.concepts), *numbers])
        n_columns = len(expected[0])
        assert sorted([[one[0], *one[2 : n_columns + 1]] for one in told]) == sorted(expected)


def test_concepts_that_a_unit_follows_have_their_auc(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual")
    for row, view in labels_of(made, rows_of(made)):
        page.follow(view)
        of_card = card(page, "Single concepts it follows")
        names = of_card.locator(".bars .name").all_inner_texts()
        numbers = of_card.locator(".bars .number").all_inner_texts()
        id_of = dict(zip(made.concepts.name, made.concepts.id, strict=True))
        for name, number in zip(names, numbers, strict=True):
            alone = Found.of(made, row | {"formula": str(Formula.parse(id_of[name]))})
            assert float(number) == pytest.approx(alone.auc(), abs=6.1e-5)
        assert len(names) == 6


def test_a_doubtful_label_is_explained_in_a_sentence(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual")
    words = {"bulk": "describes the bulk", "chance": "may be chance", "fades": "unseen samples"}
    met = set()
    for row, view in labels_of(made, rows_of(made)):
        page.follow(view)
        told = page.main.get_by_role("note")
        if row["verdict"] == "holds":
            assert told.count() == 0
        elif row["verdict"] in words:
            assert words[row["verdict"]] in told.inner_text()
            met.add(row["verdict"])
    assert met >= {"bulk"}


def test_a_dead_unit_says_so(open_report):
    page = open_report("usual", unit_view("conv2", 1))
    assert "This unit is dead" in page.main.inner_text()
    assert "2.5 on all 240 samples" in page.main.inner_text()


def test_the_evidence_of_another_formula_can_be_looked_at(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual", unit_view("conv2", 0))
    link = card(page, "All formulas found").locator("tbody a").last
    formula = link.inner_text()
    link.click()
    page.settle()
    assert re.search(r"/\d+$", page.view)
    assert formula in page.main.locator(".looked-at").inner_text()
    page.tab.go_back()
    page.settle()
    assert page.view == unit_view("conv2", 0)
