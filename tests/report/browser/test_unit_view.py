"""The view of a unit: its numbers are those of labels.csv, or come from the activations again."""

import re
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.naive.evidence import edges, histogram, shared
from tests.report.browser.conftest import opener
from tests.report.browser.expected import (
    Found,
    Row,
    answer,
    assert_is_power,
    assert_is_rounded,
    fixed,
    in_words,
    rows_of,
)
from tests.report.browser.opened import unit_view
from tests.report.browser.runs import Made

pytestmark = pytest.mark.browser

KINDS = (
    "usual",
    "one objective",
    "three objectives",
    "both directions",
    "missing labels",
    "no sample ids",
)
_READ = r"""() => {
    const all = (node, selector) => [...node.querySelectorAll(selector)];
    const text = node => node.innerText.trim();
    const numeral = found => Number(found.replaceAll(',', ''));
    const main = document.querySelector('main');
    const cards = Object.fromEntries(all(main, 'section.card').map(card =>
        [text(card.querySelector('h2')), card]));
    const named = part => Object.entries(cards).find(([name]) => name.includes(part))[1];
    const bars = card => all(card, '.bars .name').map((name, at) =>
        [text(name), text(all(card, '.bars .number')[at])]);
    const samples = card => all(card, 'ul.samples > li').map(item => ({
        kind: item.className, value: text(item.querySelector('b')),
        id: item.title.split(', ')[0] }));
    const curves = all(named('How pure'), 'svg[role=img]')[0];
    const way = kind => curves.querySelector(`path.${kind}`)?.getAttribute('d');
    const place = (line, name) => Number(line.getAttribute(name));
    return {
        answers: all(main, 'section.answer').map(section => ({
            words: text(section.querySelector('.headline')),
            formula: text(section.querySelector('code')),
            verdicts: all(section, 'h2 .verdict').map(one => one.lastChild.textContent),
            numbers: Object.fromEntries(all(section, '.numbers > div').map(one =>
                [one.querySelector('dt').firstChild.textContent, text(one.querySelector('dd'))])),
            beside: Object.fromEntries(all(section, '.numbers small').map(one =>
                [one.parentNode.firstChild.textContent, text(one)])) })),
        note: all(main, '[role=note]').map(text).join(' '),
        top: samples(named(' samples')),
        missed: samples(named('Missed')),
        alarms: samples(named('False alarms')),
        bins: all(named('Activation inside'), 'title').map(one => one.textContent.match(
            /^inside: ([\d,]+) of ([\d,]+), \D+: ([\d,]+) of ([\d,]+)$/))
            .map(match => match.slice(1).map(numeral)),
        curve: { searched: way('searched'), unseen: way('unseen'),
            x: ['x1', 'x2'].map(name => place(curves.querySelector('line.axis'), name)),
            y: all(curves, 'line.level').map(line => place(line, 'y1')) },
        shares: bars(named(' share')),
        follows: bars(named('Single concepts')),
        formulas: all(named('All formulas'), 'tbody tr').map(row => [...row.children].map(text)),
    };
}"""


class Read(NamedTuple):
    """What the view of a unit says, and the row of labels.csv that is its first answer."""

    row: Row
    told: dict[str, Any]


class Case(NamedTuple):
    """A run, the rows of its labels.csv, and the views of all living units."""

    made: Made
    rows: list[Row]
    units: list[Read]


@pytest.fixture(scope="module", params=KINDS)
def case(request, chromium, report_of, tabs):
    made, _ = report_of(request.param)
    rows = rows_of(made)
    opening = opener(chromium, report_of, tabs)
    page = next(opening)(request.param)
    units = []
    for row, view in first_answers(made, rows):
        page.follow(view)
        units.append(Read(row, page.tab.evaluate(_READ)))
    yield Case(made, rows, units)
    next(opening, None)


def first_answers(made, rows):
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


def answers_of(case, label):
    """The rows that are the answers for the unit and direction of a label, this one first."""
    objectives = dict.fromkeys(row["objective"] for row in case.rows)
    unit, direction = int(label["unit"]), label["direction"]
    return [answer(case.rows, unit, one, direction) for one in objectives]


def called(row, rows):
    """What the answer by the objective of a row is called."""
    objective = row["objective"]
    if objective == rows[0]["objective"]:
        return "label"
    return "peak" if objective == "phi" else f"label by {objective}"


def test_the_numbers_of_each_answer_are_those_of_labels_csv(case):
    assert len(case.units) >= 11
    for label, told in case.units:
        rows = answers_of(case, label)
        is_one = len({row["formula"] for row in rows}) == 1
        said_of = [rows] if is_one else [[row] for row in rows]
        for said, same in zip(told["answers"], said_of, strict=True):
            first, *others = same
            assert said["words"] == in_words(first["formula"], case.made.concepts)
            assert said["formula"] == first["formula"]
            assert said["verdicts"] == [row["verdict"] for row in same]
            assert_are_numbers(said["numbers"], first)
            assert_are_probabilities(said["numbers"], first)
            for row in others:
                assert_are_probabilities(said["numbers"], row, f" of the {called(row, rows)}")
            assert_are_scores(said["numbers"], same)
            assert_has_interval(said["beside"], first)


def assert_are_numbers(told, row):
    assert told["AUC"] == fixed(row["auc"])
    assert ("AUC, unseen" in told) == bool(row["n_samples_held_out"])
    if row["n_samples_held_out"]:
        assert told["AUC, unseen"] == fixed(row["auc_held_out"])
    n, share = re.fullmatch(r"([\d,]+) \(([\d.]+) %\)", told["inside"]).groups()
    assert int(n.replace(",", "")) == int(row["n_positive"])
    assert float(share) == pytest.approx(100 * float(row["concept_fraction"]), abs=0.51)
    size = min(10, int(row["n_positive"]))
    ((of, hits),) = [(name, text) for name, text in told.items() if name.startswith("of ")]
    assert int(of.split()[1]) == size
    if size == 10:
        precision = float(row["precision_at_10"])
        assert float(hits.split()[0]) == pytest.approx(10 * precision, abs=0.0551)


def assert_are_probabilities(told, row, of=""):
    assert_is_power(told[f"p{of}"], row["log10_p_search"])
    assert (f"q{of}" in told) == bool(row["q_value"])
    if row["q_value"]:
        assert_is_rounded(told[f"q{of}"], row["q_value"])


def assert_are_scores(told, rows):
    """Scores are of those objectives that look at the highest samples only."""
    phi = [row for row in rows if row["objective"] == "phi"]
    names = {"phi"} if phi else set()
    if phi and phi[0]["score_held_out"]:
        names |= {"phi, unseen"}
        assert told["phi, unseen"] == fixed(phi[0]["score_held_out"])
    if phi:
        assert told["phi"] == fixed(phi[0]["score"])
    assert {name for name in told if name.startswith("phi")} == names


def assert_has_interval(beside, row):
    low, high = row["auc_held_out_low"], row["auc_held_out_high"]
    assert beside == ({"AUC, unseen": f"{fixed(low, 2)}–{fixed(high, 2)}"} if low else {})


def test_the_samples_at_the_top_are_those_of_the_activations(case):
    ids = case.made.concepts.sample_id
    for row, told in case.units:
        found = Found.of(case.made, row)
        order = found.everywhere().ranked.order()[:24]
        assert [one["value"] for one in told["top"]] == [shown(found.values[at]) for at in order]
        if ids is not None:
            assert [one["id"] for one in told["top"]] == [ids[at] for at in order]
        kinds = np.where(found.extent, "inside", "outside")
        kinds[~found.domain] = "unknown"
        assert [one["kind"] for one in told["top"]] == kinds[order].tolist()


def shown(value):
    """A value as JavaScript writes its four significant digits."""
    short = float(f"{float(value):.4g}")
    return str(int(short)) if short == int(short) else repr(short)


def test_missed_samples_and_false_alarms_are_those_of_the_activations(case):
    for row, told in case.units:
        ranked = Found.of(case.made, row).ranked
        missed = [at for at in ranked.bottom() if ranked.extent[at]][:8]
        alarms = [at for at in ranked.order() if not ranked.extent[at]][:8]
        for name, expected in (("missed", missed), ("alarms", alarms)):
            values = [shown(ranked.values[at]) for at in expected]
            assert [one["value"] for one in told[name]] == values, name


def test_the_histogram_counts_every_sample_once(case):
    for row, told in case.units:
        found = Found.of(case.made, row)
        inside = found.extent & found.domain
        n, n_all = int(inside.sum()), inside.size
        bins = np.array(told["bins"])
        assert np.unique(bins[:, [1, 3]], axis=0).tolist() == [[n, n_all - n]]
        of_parts = [found.values[part] for part in (inside, ~inside)]
        at = edges(found.values, 40)
        expected = np.transpose([histogram(values, at) for values in of_parts])
        zeros = [int((values == 0).sum()) for values in of_parts]
        if any(zeros):
            expected = np.concatenate([[zeros], expected])
        assert bins[:, [0, 2]].tolist() == expected.tolist()
        assert bins[:, [0, 2]].sum() == n_all


def test_the_curve_goes_through_the_precision_among_the_first_samples(case):
    for row, told in case.units:
        for name, unseen in (("searched", False), ("unseen", True)):
            if told["curve"][name]:
                found = Found.of(case.made, row, unseen=unseen)
                assert_is_curve(told["curve"], name, found, int(row["n_samples"]))
    has_unseen = {bool(told["curve"]["unseen"]) for _, told in case.units}
    assert has_unseen == {case.made.unseen is not None}


def assert_is_curve(curve, name, found, n_searched):
    """Compare the points of a path with precisions; axes and grid say what places mean."""
    (left, right), top, bottom = curve["x"], min(curve["y"]), max(curve["y"])
    n_known, ranked = int(found.domain.sum()), found.ranked

    def precision_at(n):
        n = min(max(n, 1), n_known)
        return float(ranked.hits(n)) / n

    for point in re.split("[ML]", curve[name])[1:]:
        x, y = map(float, point.split())
        n = round(n_searched ** ((x - left) / (right - left) - 1) * n_known)
        # A path has one decimal, so that large n are known to a few samples only.
        near = [precision_at(n + step) for step in range(-(n // 100), n // 100 + 1)]
        precision = (bottom - y) / (bottom - top)
        assert min(abs(precision - one) for one in near) < 0.006, (n, precision, near)


def test_what_the_top_shares_is_what_the_marks_of_its_samples_say(case):
    concepts = case.made.concepts
    n = len(next(iter(case.made.values.values())))
    of_concepts = [Found.of(case.made, case.rows[0] | {"formula": id}) for id in concepts.id]
    marks = np.stack([one.extent[:n] for one in of_concepts], axis=1)
    defined = np.stack([one.domain[:n] for one in of_concepts], axis=1)
    for row, told in case.units:
        order = Found.of(case.made, row).everywhere().ranked.order()[:24]
        expected = shared(order, marks, defined, 0.02)
        assert [[name.replace("+ ", ""), text] for name, text in told["shares"]] == [
            [concepts.name[concept], f"{hits} of 24"] for concept, hits in expected
        ]


def test_all_formulas_are_listed_with_their_numbers(case):
    for label, told in case.units:
        of_unit = [
            row
            for row in case.rows
            if (row["unit"], row["direction"]) == (label["unit"], label["direction"])
        ]
        expected = []
        for row in of_unit:
            numbers = [fixed(row["auc"])]
            if case.made.unseen is not None:
                numbers.append(fixed(row["auc_held_out"]))
            expected.append([in_words(row["formula"], case.made.concepts), *numbers])
        texts = [[cell for cell in line if cell] for line in told["formulas"]]
        found = [[line[0], *cells_with(line, expected[0])] for line in texts]
        assert sorted(found) == sorted(expected)


def cells_with(line, like):
    """The numbers of a line that have four decimals: AUC, and AUC on unseen samples."""
    return [cell for cell in line[1:] if re.fullmatch(r"\d\.\d{4}|–", cell)][: len(like) - 1]


def test_concepts_that_a_unit_follows_have_their_auc(case):
    id_of = dict(zip(case.made.concepts.name, case.made.concepts.id, strict=True))
    for row, told in case.units:
        for name, number in told["follows"]:
            alone = Found.of(case.made, row | {"formula": id_of[name]}).auc()
            seen = alone if row["direction"] == "positive" else 1 - alone
            assert float(number) == pytest.approx(seen, abs=6.1e-5)
        assert len(told["follows"]) == 6


def test_the_verdict_of_each_answer_is_explained_with_its_numbers(case):
    explained = set()
    for label, told in case.units:
        rows = answers_of(case, label)
        same = [row for row in rows[1:] if row["formula"] == label["formula"]]
        other = [row for row in same if row["verdict"] != label["verdict"]][:1]
        doubted = [row for row in [label, *other] if row["verdict"] != "holds"]
        for row in doubted:
            assert_explains(told["note"], case.made, row, called(row, rows))
        explained |= {row["verdict"] for row in doubted}
        if not doubted:
            assert told["note"] == ""
        # The number of sentences, as each begins in one of these ways.
        starts = re.findall(
            r"Of the \d+ samples|A search of samples|The (?:label|peak)", told["note"]
        )
        assert len(starts) == len(doubted)
        assert ("does hold" in told["note"]) == (
            bool(doubted) and len(rows) > 1 and not same and rows[1]["verdict"] == "holds"
        )
    assert explained >= {"bulk"}


def assert_explains(note, made, row, name):
    """Find the sentence for a verdict, and compare its numbers."""
    if row["verdict"] == "chance":
        p = re.search(rf"a formula as good with p = (\S+): the {name} may be chance", note)[1]
        assert_is_power(p, row["log10_p_search"])
    elif row["verdict"] == "fades":
        what, before, after = re.search(
            rf"The {name}'s (\S+) (?:falls|rises) from (\S+) to (\S+) on unseen samples", note
        ).groups()
        of_auc = (row["auc"], row["auc_held_out"])
        numbers = {"AUC": of_auc, "phi": (row["score"], row["score_held_out"])}[what]
        assert [before, after] == [fixed(one) for one in numbers]
    else:
        assert row["verdict"] in ("bulk", "partly")
        assert_counts_hits(note, made, row, name)


def assert_counts_hits(note, made, row, name):
    n_positive, end = (
        int(row["n_positive"]),
        "lowest" if row["direction"] == "negative" else "highest",
    )
    size, hits, chance, conclusion = re.search(
        rf"Of the (\d+) samples with the {end} activation, (?:only )?(\S+) (?:is|are) inside the "
        rf"{name} \((\S+) by chance\): ([^.;]+)",
        note,
    ).groups()
    assert int(size) == min(10, n_positive)
    counted = 0 if hits == "none" else float(hits)
    assert counted == pytest.approx(Found.of(made, row).hits(int(size)), abs=0.0051)
    assert_is_rounded(chance, str(int(size) * n_positive / int(row["n_samples"])))
    words = {"partly": "more than chance", "bulk": "describes the bulk|nothing shows that"}
    assert re.search(words[row["verdict"]], conclusion)


def test_a_dead_unit_says_so(open_report):
    page = open_report("usual", unit_view("conv2", 1))
    assert "This unit is dead" in page.main.inner_text()
    assert "2.5 on all 240 samples" in page.main.inner_text()


def test_the_evidence_of_another_formula_can_be_looked_at(open_report):
    page = open_report("usual", unit_view("conv2", 0))
    link = page.main.locator("tbody a").last
    formula = link.inner_text()
    link.click()
    page.settle()
    assert re.search(r"/\d+$", page.view)
    assert formula in page.main.locator(".looked-at").inner_text()
    page.tab.go_back()
    page.settle()
    assert page.view == unit_view("conv2", 0)
