"""The table of units: what it shows is labels.csv, and it can be sorted, searched and saved."""

import csv
import re
import sys
from collections import Counter
from decimal import Decimal

import pytest

from invert_core.formula.syntax import tokens
from tests.report.browser.expected import (
    NOTHING,
    Found,
    answer,
    assert_is_power,
    assert_is_rounded,
    fixed,
    in_words,
    rows_of,
)
from tests.report.browser.opened import unit_view

pytestmark = pytest.mark.browser

_CELLS = """() => [...document.querySelectorAll('[role=grid] .body [role=row]')].map(row =>
    Object.fromEntries([...row.children].map(cell =>
        [cell.className.match(/of-(\\S+)/)[1], cell.innerText.trim()])))"""
_TOP = """() => [...document.querySelectorAll('[role=grid] .body .of-top10 [role=img]')].map(
    bars => [bars.getAttribute('aria-label'),
             [...bars.children].map(bar => bar.className).join(' ')])"""


def cells(page):
    """The rows that the table shows, from top to bottom."""
    return page.tab.evaluate(_CELLS)


def shown_units(page):
    return [int(row["unit"].split()[0].rpartition(":")[2]) for row in cells(page)]


def count(page):
    return page.tab.get_by_role("status").inner_text()


def find(page, text):
    page.tab.get_by_role("searchbox").fill(text)
    page.settle()


@pytest.mark.parametrize(
    "kind",
    [
        "usual",
        "one objective",
        "three objectives",
        "both directions",
        "missing labels",
        "infinite values",
    ],
)
def test_every_cell_is_what_labels_csv_says(open_report, report_of, kind):
    made, _ = report_of(kind)
    rows = rows_of(made)
    objectives = list(dict.fromkeys(row["objective"] for row in rows))
    found = cells(open_report(kind))
    assert len(found) == (24 if kind == "both directions" else 12)
    for cell in found:
        unit = int(cell["unit"].split()[0].rpartition(":")[2])
        direction = "negative" if "low end" in cell["unit"] else "positive"
        label = answer(rows, unit, objectives[0], direction)
        assert cell["verdict"].split()[-1] == label["verdict"]
        if label["status"] == "dead":
            assert (cell["auc"], cell["label"]) == (NOTHING, NOTHING)
            continue
        assert cell["label"] == in_words(label["formula"], made.concepts)
        assert cell["auc"] == fixed(label["auc"])
        assert ("unseen" in cell) == (made.unseen is not None)
        assert cell.get("unseen", NOTHING) == fixed(label["auc_held_out"])
        assert_is_rounded(cell["p"], label["p_search"])
        assert int(cell["inside"].replace(",", "")) == int(label["n_positive"])
        if len(objectives) > 1:
            beside = answer(rows, unit, objectives[1], direction)
            assert cell["peak-verdict"].split()[-1] == beside["verdict"]
            is_same = beside["formula"] == label["formula"]
            said = "same" if is_same else in_words(beside["formula"], made.concepts)
            assert cell["peak"] == said


def test_bars_are_filled_for_the_first_samples_that_are_inside(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual")
    told = dict(zip(shown_units(page), page.tab.evaluate(_TOP), strict=False))
    living = [unit for unit in shown_units(page) if unit != 1]
    told = dict(zip(living, page.tab.evaluate(_TOP), strict=True))
    for unit, (said, bars) in told.items():
        row = answer(rows_of(made), unit, "auc")
        hits = re.match(r"([\d.]+) of the first 10", said)[1]
        assert float(hits) == pytest.approx(10 * float(row["precision_at_10"]), abs=0.0551)
        assert bars.split().count("inside") + bars.split().count("outside") == 10


@pytest.mark.parametrize("column", ["unit", "AUC", "unseen", "top 10", "verdict", "p", "inside"])
def test_a_click_on_a_column_sorts_by_it_and_another_turns_the_order(open_report, column):
    page = open_report("usual")
    header = page.tab.get_by_role("columnheader", name=column, exact=False).first
    orders = []
    for _ in range(2):
        header.get_by_role("button").click()
        page.settle()
        orders.append(header.get_attribute("aria-sort"))
        key = re.search(r"of-(\S+)", header.get_attribute("class"))[1]
        assert_is_sorted([cell[key] for cell in cells(page)], key, orders[-1])
    assert set(orders) == {"ascending", "descending"}


def assert_is_sorted(texts, key, order):
    if key in ("top10", "verdict"):
        return
    if key == "unit":
        numbers = [int(text.split()[0].rpartition(":")[2]) for text in texts]
    else:
        # What is missing comes last in both orders.
        known = [text for text in texts if text != NOTHING]
        assert texts[: len(known)] == known
        numbers = [float(text.replace(",", "")) for text in known]
    assert numbers == sorted(numbers, reverse=order == "descending")


def test_words_and_bounds_find_units(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual")
    labels = [answer(rows_of(made), unit, "auc") for unit in range(12)]
    for text, expected in {
        **bounds(labels, auc=0.9, p_search=0.001, q_value=0.01, auc_held_out=0.9),
        "top10<0.5": [row for row in living(labels) if float(row["precision_at_10"]) < 0.5],
        "top10<5": [row for row in living(labels) if float(row["precision_at_10"]) < 0.5],
        "top10>=3": [row for row in living(labels) if float(row["precision_at_10"]) >= 0.3],
        "auc>0.7": [row for row in labels if row["formula"] and float(row["auc"]) > 0.7],
        "verdict:dead": [row for row in labels if row["verdict"] == "dead"],
        "-conv2": [],
        "conv2:7": [labels[7]],
        "inside<=60 auc>0.6": [
            row
            for row in labels
            if row["formula"] and int(row["n_positive"]) <= 60 and float(row["auc"]) > 0.6
        ],
    }.items():
        find(page, text)
        assert sorted(shown_units(page)) == sorted(int(row["unit"]) for row in expected), text
        assert count(page).startswith(f"{len(expected)} of 12")


def living(labels):
    return [row for row in labels if row["formula"]]


def bounds(labels, **columns):
    """Words for the find box, and the labels below, and above, a bound of each column."""
    words = {"p_search": "p", "q_value": "q", "auc_held_out": "unseen", "auc": "auc"}
    found = {}
    for column, bound in columns.items():
        known = [row for row in living(labels) if row[column]]
        below = [row for row in known if float(row[column]) < bound]
        assert 0 < len(below) < len(known), column
        found[f"{words[column]}<{bound}"] = below
        found[f"{words[column]}>={bound}"] = [row for row in known if row not in below]
        found[f"{words[column]}<=1"] = known
    return found


def test_p_and_q_below_all_floats_are_found_shown_and_saved(open_report, report_of):
    made, _ = report_of("tiny p-values")
    labels = [answer(rows_of(made), unit, "auc") for unit in range(6)]
    page = open_report("tiny p-values")
    least = sys.float_info.min
    assert {float(row["q_value"]) < least for row in living(labels)} == {True, False}
    for text, expected in {
        "p<1e-300": [row for row in living(labels) if float(row["log10_p_search"]) < -300],
        "q<1e-300": [row for row in living(labels) if float(row["q_value"]) < 1e-300],
        "q>1e-300": [row for row in living(labels) if float(row["q_value"]) > 1e-300],
        "p<=1": living(labels),
        "q<=1": living(labels),
    }.items():
        find(page, text)
        assert sorted(shown_units(page)) == [int(row["unit"]) for row in expected], text
    find(page, "")
    for cell in cells(page):
        row = labels[int(cell["unit"].rpartition(":")[2])]
        if row["formula"]:
            assert_is_power(cell["p"], row["log10_p_search"])
    saved = {int(line["unit"]): line for line in saved_table(page)}
    for row in living(labels):
        assert_has_power(saved[int(row["unit"])]["label_p"], row["log10_p_search"])
    for row in living(labels):
        page.follow(unit_view("conv2", int(row["unit"])))
        numbers = page.main.locator("section.answer").first.locator(".numbers > div")
        told = dict(text.split("\n") for text in numbers.all_inner_texts())
        assert_is_power(told["p"], row["log10_p_search"])
        if float(row["q_value"]) < least:
            assert told["q"] == "<2.2e-308"
        else:
            assert_is_rounded(told["q"], row["q_value"])


def assert_has_power(text, exponent):
    """Compare a saved number, which has four digits, with its logarithm in labels.csv."""
    assert abs(Decimal(text) / Decimal(10) ** Decimal(exponent) - 1) < Decimal("1e-3")


def test_addresses_in_layers_called_like_words_are_found(open_report):
    page = open_report("layers called like words")
    for layer in ("layer", "verdict", "unit", "peak"):
        for unit in range(3):
            find(page, f"{layer}:{unit}")
            assert [cell["unit"] for cell in cells(page)] == [f"{layer}:{unit}"]
    find(page, "layer:verdict")
    assert {cell["unit"].partition(":")[0] for cell in cells(page)} == {"verdict"}


def test_words_that_objects_of_javascript_have_are_words(open_report):
    page = open_report("usual")
    for text in ("constructor:x", "__proto__:x", "toString", "hasOwnProperty:dog"):
        find(page, text)
        assert count(page).startswith("0 of 12"), text
        assert page.tab.get_by_role("alert").inner_text() == ""


_DOUBTS = """() => [...document.querySelectorAll('a.doubt')].map(doubt => ({
    unit: doubt.querySelector('.unit').innerText,
    told: doubt.querySelector('.doubt-words > .soft').innerText,
    verdict: doubt.querySelector('.verdict').lastChild.textContent }))"""
_RANKS = ("bulk", "fades", "steps", "chance", "untrusted", "partly")


@pytest.mark.parametrize("kind", ["usual", "missing labels", "both directions"])
def test_labels_to_doubt_are_told_with_their_numbers(open_report, report_of, kind):
    made, _ = report_of(kind)
    rows = rows_of(made)
    directions = dict.fromkeys(row["direction"] for row in rows if row["formula"])
    labels = [answer(rows, unit, "auc", end) for unit in range(12) for end in directions]
    doubted = [row for row in labels if row["verdict"] in _RANKS]
    page = open_report(kind)
    told = page.tab.evaluate(_DOUBTS)
    ranks = sorted(_RANKS.index(row["verdict"]) for row in doubted)
    assert [_RANKS.index(one["verdict"]) for one in told] == ranks[:5]
    for one in told:
        end = "negative" if "low end" in one["unit"] else "positive"
        row = answer(rows, int(one["unit"].split()[0].rpartition(":")[2]), "auc", end)
        assert one["verdict"] == row["verdict"]
        auc, of_zero, said = re.fullmatch(
            r"AUC (\S+)( \(0 is perfect here\))?, but (.+)", one["told"]
        ).groups()
        assert auc == fixed(row["auc"])
        assert bool(of_zero) == (end == "negative")
        assert_says_why(said, row, Found.of(made, row))


def assert_says_why(said, row, found):
    if row["verdict"] == "fades":
        assert said == f"{fixed(row['auc_held_out'])} on unseen samples"
    elif row["verdict"] == "chance":
        assert_is_power(said.removeprefix("as good by chance with p = "), row["log10_p_search"])
    else:
        hits, end, chance = re.fullmatch(
            r"(\S+) of its 10 (highest|lowest) samples (?:is|are) inside \((\S+) by chance\)", said
        ).groups()
        assert (0 if hits == "none" else float(hits)) == pytest.approx(found.hits(10), abs=0.0051)
        assert end == ("lowest" if found.sign < 0 else "highest")
        share = int(row["n_positive"]) / int(row["n_samples"])
        assert_is_rounded(chance, str(10 * share))


def test_what_cannot_be_found_is_said(open_report):
    page = open_report("usual")
    for text, problem in {
        "constructor>0.5": "There is no “constructor”",
        "auk>0.5": "There is no “auk”",
        "auc>high": "“high” is not a number",
        "verdict:good": "No verdict is called “good”",
    }.items():
        find(page, text)
        assert problem in page.tab.get_by_role("alert").inner_text()
    find(page, "")
    assert page.tab.get_by_role("alert").inner_text() == ""


def test_the_link_holds_what_was_found_and_how_it_is_sorted(open_report):
    page = open_report("usual")
    find(page, "auc>0.6 dog")
    page.tab.get_by_role("columnheader", name="inside").get_by_role("button").click()
    page.settle()
    before, link = shown_units(page), page.view
    assert "find=" in link
    page.go(link)
    assert shown_units(page) == before
    assert page.tab.get_by_role("searchbox").input_value() == "auc>0.6 dog"


@pytest.mark.parametrize("kind", ["usual", "hostile names", "both directions"])
def test_the_saved_table_is_labels_csv(open_report, report_of, kind):
    made, _ = report_of(kind)
    rows = rows_of(made)
    page = open_report(kind)
    saved = saved_table(page)
    objectives = list(dict.fromkeys(row["objective"] for row in rows))
    n_ends = 2 if kind == "both directions" else 1
    assert len(saved) == n_ends * 12
    for line in saved:
        for called, objective in zip(("label", "peak"), objectives, strict=False):
            row = answer(rows, int(line["unit"]), objective, line["direction"])
            assert line["layer"].lstrip("'") == row["layer"]
            assert line[f"{called}_verdict"] == row["verdict"]
            if row["formula"]:
                assert_is_answer(line, called, row, made.concepts)
            else:
                assert [line[f"{called}{name}"] for name in ("", "_formula", "_auc", "_p")] == [
                    ""
                ] * 4
    cells_that_run = [
        cell for line in saved for cell in line.values() if re.match(r"[=+@\t\r]|-[^\d]", cell)
    ]
    assert cells_that_run == []


def saved_table(page):
    with page.tab.expect_download() as download:
        page.tab.get_by_role("button", name="CSV").click()
    with open(download.value.path(), encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def assert_is_answer(line, called, row, concepts):
    """Compare what is saved of the label or the peak with its row of labels.csv."""
    assert line[f"{called}_formula"].lstrip("'") == row["formula"]
    of_columns = {"auc": "auc", "auc_unseen": "auc_held_out"}
    if row["objective"] == "phi":
        of_columns["phi"] = "score"
        assert line["peak"] == in_words(row["formula"], concepts)
    for saved, column in of_columns.items():
        expected = str(round(float(row[column]), 4)) if row[column] else ""
        assert line[f"{called}_{saved}"] == expected, saved
    assert line[f"{called}_inside"] == row["n_positive"]
    hits = 10 * float(row["precision_at_10"])
    assert float(line[f"{called}_hits_of_10"]) == pytest.approx(hits, abs=0.0051)
    assert_has_power(line[f"{called}_p"], row["log10_p_search"])


def test_keys_move_open_and_come_back(open_report):
    page = open_report("usual")
    page.press("/")
    assert page.tab.evaluate("() => document.activeElement.type") == "search"
    page.tab.keyboard.type("conv2")
    page.press("Escape", "j", "j")
    third = shown_units(page)[2]
    page.press("Enter")
    assert page.view.endswith(f"%3A{third}")
    page.press("Escape")
    assert not page.view.startswith("#unit/")
    page.press("?")
    assert page.tab.get_by_role("dialog").is_visible()
    page.press("Escape")
    assert not page.tab.get_by_role("dialog").is_visible()


def test_the_count_of_a_verdict_shows_its_units(open_report, report_of):
    made, _ = report_of("usual")
    labels = [answer(rows_of(made), unit, "auc") for unit in range(12)]
    page = open_report("usual")
    page.tab.get_by_role("button", name=re.compile(r"^\d+ \S? ?holds$")).first.click()
    page.settle()
    holds = [int(row["unit"]) for row in labels if row["verdict"] == "holds"]
    assert sorted(shown_units(page)) == holds


def test_the_histogram_of_auc_counts_every_label_once(open_report, report_of):
    made, _ = report_of("usual")
    aucs = [float(row["auc"]) for row in labels_of(made) if row["formula"]]
    page = open_report("usual")
    titles = page.main.locator("svg title").all_text_contents()
    bins = [re.fullmatch(r"(\d+) units? from ([\d.]+) to ([\d.]+)", title) for title in titles]
    counts = {tuple(map(float, one.groups()[1:])): int(one[1]) for one in bins if one}
    assert sum(counts.values()) == len(aucs)
    for (low, high), count in counts.items():
        # Bounds are written with two decimals.
        assert sum(low + 0.005 < auc < high - 0.005 for auc in aucs) <= count
        assert count <= sum(low - 0.005 <= auc <= high + 0.005 for auc in aucs)


def test_every_verdict_is_counted(open_report, report_of):
    made, _ = report_of("usual")
    page = open_report("usual")
    told = page.main.locator('button[data-term^="verdict:"]').all_inner_texts()
    words = Counter(row["verdict"] for row in labels_of(made))
    assert {one.split()[-1]: int(one.split()[0]) for one in told} == words


def test_the_table_of_concepts_counts_samples_and_labels(open_report, report_of):
    made, _ = report_of("usual")
    n = len(made.values["conv2"])
    found = cells(open_report("usual", "#concepts"))
    assert len(found) == len(made.concepts.id)
    used = [{text for _, text, _ in tokens(row["formula"])} for row in labels_of(made)]
    for cell in found:
        at = made.concepts.name.index(cell["name"])
        id = made.concepts.id[at]
        assert int(cell["samples"]) == made.concepts.extent(id)[:n].sum()
        assert int(cell["labels"]) == sum(id in of_label for of_label in used)
        assert cell["definition"] == made.concepts.definition[at]


def labels_of(made):
    return [answer(rows_of(made), unit, "auc") for unit in range(12)]
