"""The oracle of the search with missing marks, against searches done by hand."""

import pytest
from hypothesis import assume, given, settings

from invert_core.testing.strategies import masked_cases, search_cases
from tests import naive
from tests.naive.six_samples import A_, B_, NOT_B, SIX, keys

few = settings(max_examples=40, deadline=None)


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
@given(masked_cases(max_concepts=3, max_units=1))
def test_a_search_is_refused_where_no_literal_passes_and_only_there(case):
    values = case.activations[:, 0]
    given = (naive.extents(case.labels), naive.extents(case.defined), len(values))
    assume(len(set(values.tolist())) > 1)
    limits = (case.settings[name] for name in ("min_fraction", "max_fraction", "min_defined"))
    if naive.any_masked_literal_passes(*given, *limits):
        assert naive.masked_beam_search(values, *given, **case.settings).reported
    else:
        with pytest.raises(naive.NoLiteralPassesError):
            naive.masked_beam_search(values, *given, **case.settings)


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
