"""The oracle of the beam search, against searches done by hand and mirror images."""

from itertools import product

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from invert_core.testing.strategies import activations, labels, search_cases
from tests import naive
from tests.naive.six_samples import A_, B_, NOT_A, NOT_B, SIX, A, B, keys

few = settings(max_examples=40, deadline=None)


def search(concepts=(A, B), values=SIX, **changes):
    chosen = {
        "length": 2,
        "beam": 2,
        "min_fraction": 0.0,
        "max_fraction": 1.0,
        "direction": "positive",
    }
    return naive.beam_search(values, concepts, len(values), **(chosen | changes))


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
@given(search_cases(max_concepts=3, max_units=1))
def test_a_search_is_refused_where_no_literal_passes_and_only_there(case):
    values, concepts = case.activations[:, 0], naive.extents(case.labels)
    assume(len(set(values.tolist())) > 1)
    limits = (case.settings["min_fraction"], case.settings["max_fraction"])
    if naive.any_literal_passes(concepts, len(values), *limits):
        assert naive.beam_search(values, concepts, len(values), **case.settings).reported
    else:
        with pytest.raises(naive.NoLiteralPassesError):
            naive.beam_search(values, concepts, len(values), **case.settings)


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
