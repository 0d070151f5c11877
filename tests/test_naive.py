"""The oracles themselves, against sums done by hand and against other ways to the same number."""

from decimal import Decimal, localcontext
from fractions import Fraction
from itertools import product
from math import log10

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from invert_core.testing.strategies import activations, labels, n_samples, search_cases
from tests import naive

few = settings(max_examples=40, deadline=None)

# Activations 0..5, A = concept 0 and B = concept 1. By hand:
#   A 14/18, ~A 4/18, B 4/16, ~B 12/16, A & ~B 16/16, ~A | ~B 8/10, A | B 12/16,
#   A & B 2/10, ~A | B 0/16, ~A & B 4/10, A | ~B 6/10, ~A & ~B 4/16
SIX = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
A = {1, 4, 5}
B = {1, 2}
A_, NOT_A, B_, NOT_B = range(4)


def search(concepts=(A, B), values=SIX, **changes):
    chosen = {
        "length": 2,
        "beam": 2,
        "min_fraction": 0.0,
        "max_fraction": 1.0,
        "direction": "positive",
    }
    return naive.beam_search(values, concepts, len(values), **(chosen | changes))


def keys(formulas):
    return [(f.literals, "".join(f.connectives)) for f in formulas]


def random_extent(draw_from, size):
    extent = naive.extents(draw_from.draw(labels(size, 1)))[0]
    assume(0 < len(extent) < size)
    return extent


# Ranks and tests


def test_auc_counts_a_tie_as_one_half():
    assert naive.auc([1, 2, 2, 3], {2, 3}) == (7, 0.875)


def test_midranks_and_ties_of_a_worked_example():
    values = [2.0, -0.0, np.inf, 0.0, -np.inf, 2.0, 0.0]
    assert naive.doubled_midranks(values) == [11, 6, 14, 6, 2, 11, 6]
    assert naive.tie_sum(values) == 24 + 6


def test_mann_whitney_of_a_worked_example():
    test = naive.mann_whitney([1, 2, 2, 3], {2, 3})
    z = 1 / 1.5**0.5
    assert (test.doubled_u, test.u, test.auc) == (7, 3.5, 0.875)
    assert test.z == pytest.approx(z, rel=1e-15, abs=0)
    assert test.p == pytest.approx(2 * scipy.stats.norm.sf(z), rel=1e-12, abs=0)
    assert test.log10_p == pytest.approx(log10(test.p), rel=1e-12, abs=0)


def test_z_is_signed_and_0_where_the_continuity_correction_eats_the_difference():
    assert naive.mann_whitney([1, 2, 2, 3], {0, 1}).z == -naive.mann_whitney([1, 2, 2, 3], {2, 3}).z
    assert naive.mann_whitney([1, 2, 2, 3], {0, 3}).z == 0
    test = naive.mann_whitney([1, 2, 3], {1})
    assert (test.z, test.p, test.log10_p) == (0, 1, 0)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_a_constant_unit_is_no_evidence(alternative):
    test = naive.mann_whitney([np.inf] * 5, {0, 1}, alternative)
    assert (test.auc, test.z, test.p, test.log10_p) == (0.5, 0, 1, 0)


@few
@given(st.data(), n_samples())
def test_midranks_equal_scipy(data, size):
    values = data.draw(activations(size))[:, 0]
    expected = 2 * scipy.stats.rankdata(values.astype(float))
    assert naive.doubled_midranks(values) == expected.tolist()
    assert sum(naive.doubled_midranks(values)) == size * (size + 1)


@few
@given(st.data(), n_samples())
def test_pair_counts_equal_rank_sums_and_scipy(data, size):
    values = data.draw(activations(size))[:, 0]
    extent = random_extent(data, size)
    doubled_u, area = naive.auc(values, extent)
    ranks = naive.doubled_midranks(values)
    assert doubled_u == sum(ranks[i] for i in extent) - len(extent) * (len(extent) + 1)
    outside = set(range(size)) - extent
    assert Fraction(area) == pytest.approx(Fraction(doubled_u, 2 * len(extent) * len(outside)))
    assert naive.auc(values, outside)[0] == 2 * len(extent) * len(outside) - doubled_u


@few
@given(st.data(), n_samples(), st.sampled_from(["two-sided", "less", "greater"]))
def test_the_high_precision_tail_agrees_with_the_p_of_scipy(data, size, alternative):
    values = data.draw(activations(size))[:, 0]
    test = naive.mann_whitney(values, random_extent(data, size), alternative)
    assert 10**test.log10_p == pytest.approx(test.p, rel=1e-10, abs=0)


# The normal tail


@pytest.mark.parametrize("z", [-30.0, -7.5, -1.0, 0.0, 0.3, 5.9, 6.1, 37.0, 120.0, 1000.0])
def test_log10_of_the_normal_tail_equals_scipy(z):
    found = float(naive.log10_upper_tail(Decimal(z)))
    assert found == pytest.approx(scipy.stats.norm.logsf(z) / np.log(10), rel=1e-13, abs=0)


@pytest.mark.parametrize("z", ["4.5", "6", "8.25"])
def test_two_expansions_of_the_normal_tail_agree(z):
    with localcontext(prec=80):
        series = naive.tail_by_series(Decimal(z))
        fraction = naive.tail_by_fraction(Decimal(z))
    assert abs(series / fraction - 1) < Decimal(10) ** -40


def test_a_tail_from_a_table():
    # Abramowitz and Stegun, table 26.2: -log10 Q(10) = 23.11805, -log10 Q(100) = 2173.87154
    assert float(naive.log10_upper_tail(Decimal(10))) == pytest.approx(-23.11805, abs=5e-6)
    assert float(naive.log10_upper_tail(Decimal(100))) == pytest.approx(-2173.87154, abs=5e-6)


# The size of the search


def test_the_space_of_two_concepts_counted_by_hand():
    assert naive.n_formulas(2, 1, False) == 4
    assert naive.n_formulas(2, 2, False) == 4 + 4 * 4 * 2
    assert naive.n_formulas(2, 3, True) == 2 * (4 + 32 + 4 * 4 * 4 * 4)


@pytest.mark.parametrize("tenth_power", [1, 3, 7])
@pytest.mark.parametrize("space", [1, 2, 36])
def test_p_search_equals_exact_fractions(tenth_power, space):
    exact = 1 - (1 - Fraction(1, 10**tenth_power)) ** space
    assert naive.log10_p_search(-tenth_power, space) == pytest.approx(
        log10(exact), rel=1e-13, abs=0
    )


def test_p_search_at_its_ends():
    assert naive.log10_p_search(0.0, 12) == 0
    assert naive.log10_p_search(-5000.0, 10**9) == pytest.approx(-4991, rel=1e-15, abs=0)
    assert naive.log10_p_search(-3.0, 10**5) == pytest.approx(-(0.999**100_000) / np.log(10))


# Formulas


def test_a_formula_is_read_from_left_to_right():
    assert naive.extent_of((A_, NOT_B, B_), ("&", "|"), (A, B), 6) == {1, 2, 4, 5}
    assert naive.extent_of((B_, A_, NOT_B), ("|", "&"), (A, B), 6) == {4, 5}


def test_normal_form_sorts_within_each_run_only():
    assert naive.normal_form((5, 2, 7, 0, 6), "&&||") == (2, 5, 7, 0, 6)
    assert naive.normal_form((5, 2, 7, 1, 0), "&|||") == (2, 5, 0, 1, 7)
    assert naive.normal_form((3, 2), "|") == (2, 3)


# The beam search


def test_a_search_done_by_hand():
    found = search()
    assert keys(found.beam) == [((A_, NOT_B), "&"), ((NOT_A, NOT_B), "|")]
    assert [f.auc for f in found.beam] == [1.0, 0.8]
    assert keys(found.by_length.values()) == [((A_,), ""), ((A_, NOT_B), "&")]
    assert found.n_scored == 4 + 2 * 4 * 2
    assert keys(found.reported) == keys(found.beam)
    assert not found.dead


def test_a_negative_search_done_by_hand():
    found = search(direction="negative")
    assert keys(found.beam) == [((NOT_A, B_), "|"), ((A_, B_), "&")]
    assert [f.auc for f in found.beam] == [0.0, 0.2]
    assert keys(found.by_length.values()) == [((NOT_A,), ""), ((NOT_A, B_), "|")]


def test_min_gain_drops_a_formula_that_is_hardly_better_than_a_shorter_one():
    found = search(min_gain=0.1)
    assert keys(found.reported) == [((A_, NOT_B), "&"), ((A_,), "")]
    assert keys(found.beam) == keys(search().beam)


def test_a_longer_formula_that_is_worse_than_a_shorter_one_is_not_reported():
    found = search(beam=4)
    assert [f.auc for f in found.beam] == [1.0, 0.8, 14 / 18, 0.75]
    assert keys(found.beam)[2:] == [((A_,), ""), ((NOT_B,), "")]
    wide = search(beam=5)
    assert keys(wide.beam)[4] == ((A_, B_), "|")
    assert keys(wide.reported) == keys(found.beam)


def test_a_literal_outside_the_limits_may_still_be_combined():
    found = search(beam=1, max_fraction=0.5)
    assert keys(found.beam) == [((A_, NOT_B), "&")]


def test_limits_include_their_ends():
    found = search(length=1, beam=4, min_fraction=1 / 3, max_fraction=0.5)
    assert keys(found.beam) == [((A_,), ""), ((B_,), ""), ((NOT_A,), "")]


def test_by_length_leaves_out_an_extent_that_a_shorter_formula_had():
    limits = {"beam": 1, "min_fraction": 0.5, "max_fraction": 0.7}
    assert keys(search(**limits).by_length.values()) == [((A_,), ""), ((A_, B_), "|")]
    assert keys(search((A, B, A | B), **limits).by_length.values()) == [((A_,), "")]


def test_a_search_ends_where_no_formula_of_the_last_length_is_left():
    found = search((A,), length=4, beam=5)
    assert keys(found.beam) == [((0,), ""), ((1,), "")]
    assert list(found.by_length) == [1]
    assert found.n_scored == 2 + 2 * 2 * 2


def test_of_equal_extents_the_first_concept_stays():
    found = search((B, A, set(A), set(range(6)) - A), length=1, beam=8)
    assert keys(found.beam) == [((2,), ""), ((1,), ""), ((0,), ""), ((3,), "")]


def test_of_two_formulas_that_differ_in_the_connective_and_then_comes_first():
    # {1} and {0, 1, 2} both have AUC 1.
    found = search(({0, 1}, {1, 2}), [1.0, 2.0, 1.0, 0.0], beam=1)
    assert keys(found.beam) == keys([found.by_length[2]]) == [((0, 2), "&")]


def test_limit_search_counts_an_auc_below_one_half_too():
    found = search((B, set(range(6)) - A), beam=1, limit_search=1)
    assert keys(found.beam) == [((3,), "")]


def test_limit_search_keeps_the_concepts_farthest_from_chance():
    found = search(beam=1, limit_search=1)
    assert list(found.by_length) == [1]
    assert found.n_scored == 4 + 1 * 2 * 2
    with_trivial_ones = search((set(), B, set(range(6)), A), limit_search=2)
    assert with_trivial_ones.n_scored == 8 + 2 * 4 * 2
    assert keys(with_trivial_ones.beam) == [((3, 6), "&"), ((3, 7), "|")]


def test_limit_search_breaks_ties_in_concept_order():
    found = search((B, A, set(A)), beam=1, limit_search=1)
    assert keys(found.beam) == [((2,), "")]
    assert keys(search((B, A, set(A)), limit_search=1).beam)[0] == ((1, 2), "&")


def test_a_dead_unit_is_not_searched():
    assert search(values=[0.0, -0.0, 0.0]) == naive.Search((), {}, (), 0, True)


def test_limits_that_no_literal_meets_are_an_error():
    with pytest.raises(naive.NoLiteralPassesError):
        search(min_fraction=0.4, max_fraction=0.45)


@few
@given(search_cases(max_concepts=12, max_units=1))
def test_what_is_found_is_what_its_formula_says(case):
    concepts = naive.extents(case.labels)
    values = case.activations[:, 0]
    size = len(values)
    try:
        found = naive.beam_search(values, concepts, size, **case.settings)
    except naive.NoLiteralPassesError:
        assume(False)
    for formula in {*found.beam, *found.reported, *found.by_length.values()}:
        extent = naive.extent_of(formula.literals, formula.connectives, concepts, size)
        assert formula.extent == extent
        assert formula.n1 == len(extent)
        assert (formula.doubled_u, formula.auc) == naive.auc(values, extent)
        assert formula.literals == naive.normal_form(formula.literals, formula.connectives)
    assert len({f.extent for f in found.beam}) == len(found.beam) <= case.settings["beam"]
    assert len({f.extent for f in found.reported}) == len(found.reported)


@few
@given(st.data(), st.integers(2, 8), st.integers(1, 2), st.integers(1, 3))
def test_a_beam_without_end_finds_every_extent_at_its_shortest(data, size, n_concepts, length):
    concepts = naive.extents(data.draw(labels(size, n_concepts)))
    values = data.draw(activations(size))[:, 0]
    assume(len(set(values.tolist())) > 1)
    shortest: dict[frozenset[int], int] = {}
    for n in range(1, length + 1):
        for literals in product(range(2 * n_concepts), repeat=n):
            for connectives in product("&|", repeat=n - 1):
                extent = naive.extent_of(literals, connectives, concepts, size)
                if 0 < len(extent) < size:
                    shortest.setdefault(extent, n)
    assume(shortest)
    found = search(concepts, values, length=length, beam=10**6)
    assert {f.extent: len(f.literals) for f in found.beam} == shortest
    for n in range(1, length + 1):
        areas = [naive.auc(values, e)[1] for e, shortest_n in shortest.items() if shortest_n == n]
        assert max(areas, default=None) == (
            found.by_length[n].auc if n in found.by_length else None
        )


def negative_search_and(case, other_values, other_concepts, mirrored, order="&|"):
    """The same case minimised, and another one maximised that should be its mirror image."""
    # Without what rounds differently on the two sides: ties of |AUC - 0.5| and gains on the limit.
    chosen = case.settings | {"limit_search": None, "direction": "negative"}
    chosen["min_gain"] *= 1.0123456789
    size = len(case.labels)
    low = (round(chosen["min_fraction"] * size) - 0.5) / size
    high = (round(chosen["max_fraction"] * size) + 0.5) / size
    chosen |= {"min_fraction": low, "max_fraction": high}
    other = chosen | {"direction": "positive"}
    if mirrored:
        other |= {"min_fraction": 1 - high, "max_fraction": 1 - low}
    concepts = naive.extents(case.labels)
    try:
        one = naive.beam_search(case.activations[:, 0], concepts, size, **chosen)
        two = naive.beam_search(other_values, other_concepts, size, **other, connective_order=order)
    except naive.NoLiteralPassesError:
        assume(False)
    return one, two


def signs(formulas, swap=False):
    table = str.maketrans("&|", "|&" if swap else "&|")
    return [(f.literals, "".join(f.connectives).translate(table)) for f in formulas]


@few
@given(search_cases(max_concepts=12, max_units=1))
def test_minimising_equals_maximising_on_complements(case):
    # By De Morgan the complement of a formula has the other connectives and, when concepts are
    # replaced by their complements, the same literals; so only the order of `&` and `|` turns.
    complements = naive.extents(~case.labels)
    one, two = negative_search_and(case, case.activations[:, 0], complements, True, "|&")
    size = len(case.labels)
    assert (one.n_scored, one.dead) == (two.n_scored, two.dead)
    for ours, theirs in (
        (one.beam, two.beam),
        (one.reported, two.reported),
        (one.by_length.values(), two.by_length.values()),
    ):
        assert signs(ours) == signs(theirs, swap=True)
        for f, g in zip(ours, theirs, strict=True):
            assert f.extent == frozenset(range(size)) - g.extent
            assert f.doubled_u + g.doubled_u == 2 * f.n1 * g.n1
    assert list(one.by_length) == list(two.by_length)


@few
@given(search_cases(max_concepts=12, max_units=1))
def test_minimising_equals_maximising_on_negated_activations(case):
    concepts = naive.extents(case.labels)
    one, two = negative_search_and(case, -case.activations[:, 0], concepts, False)
    assert one.n_scored == two.n_scored
    assert signs(one.beam) == signs(two.beam)
    assert signs(one.reported) == signs(two.reported)
    assert signs(one.by_length.values()) == signs(two.by_length.values())


# The beam search where labels are missing


PARTLY = ({1, 4}, {1, 2}), ({0, 1, 2, 3, 4}, {0, 1, 2, 4, 5})


def masked_search(**changes):
    chosen = {
        "length": 2,
        "beam": 2,
        "min_fraction": 0.0,
        "max_fraction": 1.0,
        "direction": "positive",
    }
    return naive.masked_beam_search(SIX, *PARTLY, 6, **(chosen | changes))


def test_a_formula_is_scored_where_all_its_concepts_are_known():
    # A is {4} & {1} against {0, 2, 3}: 4 of 6 pairs; ~B is {0, 4, 5} against {1, 2}: 4 of 6.
    # Both are known on {0, 1, 2, 4}: A | B is {1, 2, 4} and A & ~B is {4} there.
    found = masked_search()
    assert (found.by_length[1].literals, found.by_length[1].auc) == ((A_,), 4 / 6)
    assert keys(found.beam) == [((A_, B_), "|"), ((A_, NOT_B), "&")]
    assert [(f.auc, f.n1, f.defined) for f in found.beam] == [
        (1.0, 3, {0, 1, 2, 4}),
        (1.0, 1, {0, 1, 2, 4}),
    ]


def test_a_formula_that_is_defined_on_too_little_is_none():
    found = masked_search(min_defined=0.7)
    assert keys(found.beam) == [((A_,), ""), ((NOT_B,), "")]
    assert list(found.by_length) == [1]
    with pytest.raises(naive.NoLiteralPassesError):
        masked_search(min_defined=0.9)


@few
@given(search_cases(max_concepts=8, max_units=1))
def test_where_all_is_known_both_searches_are_one(case):
    concepts = naive.extents(case.labels)
    size = len(case.labels)
    values = case.activations[:, 0]
    known = [set(range(size))] * len(concepts)
    try:
        expected = naive.beam_search(values, concepts, size, **case.settings)
    except naive.NoLiteralPassesError:
        with pytest.raises(naive.NoLiteralPassesError):
            naive.masked_beam_search(values, concepts, known, size, **case.settings)
        return
    found = naive.masked_beam_search(values, concepts, known, size, **case.settings)
    assert keys(found.beam) == keys(expected.beam)
    assert keys(found.reported) == keys(expected.reported)
    assert keys(found.by_length.values()) == keys(expected.by_length.values())
    assert found.n_scored == expected.n_scored
