"""The strategies reach what they are there to reach."""

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings

from invert_core.testing.strategies import activations, defined, labels, masked_cases, search_cases

few = settings(max_examples=50, deadline=None)
without_shrinking = settings(max_examples=2000, deadline=None, phases=[Phase.generate])


@few
@given(search_cases(max_concepts=7, max_units=2))
def test_a_case_fits_together(case):
    n, n_units = case.activations.shape
    assert 2 <= n <= 500
    assert 1 <= n_units <= 2
    assert case.activations.dtype in (np.float16, np.float32, np.float64)
    assert not np.isnan(case.activations).any()
    assert case.labels.dtype == bool
    assert case.labels.shape[0] == n
    assert 1 <= case.labels.shape[1] <= 7
    chosen = case.settings
    assert 0 <= chosen["min_fraction"] <= chosen["max_fraction"] <= 1
    assert chosen["limit_search"] is None or 1 <= chosen["limit_search"] <= case.labels.shape[1]


@pytest.mark.parametrize(
    "reached",
    [
        lambda case: len(case.labels) == 64,
        lambda case: (case.activations == case.activations[0]).all(),
        lambda case: np.isinf(case.activations).any(),
        lambda case: (np.signbit(case.activations) & (case.activations == 0)).any(),
        lambda case: (case.activations == 0).mean() > 0.8,
        lambda case: case.activations.dtype == np.float16,
        lambda case: case.labels.shape[1] == 40,
        lambda case: case.settings["limit_search"] == 2,
        lambda case: case.settings["length"] == 4 and case.settings["beam"] == 5,
    ],
    ids=[
        "64",
        "constant",
        "infinite",
        "-0.0",
        "sparse",
        "float16",
        "40 concepts",
        "limited",
        "deep",
    ],
)
def test_hard_cases_are_reached(reached):
    assert reached(find(search_cases(), reached, settings=without_shrinking))


def test_neighbouring_numbers_are_reached_that_tie_in_float32():
    def tie(unit):
        with np.errstate(over="ignore"):
            return len(np.unique(unit)) > len(np.unique(unit.astype(np.float32)))

    assert tie(find(activations(20), tie, settings=without_shrinking))


@pytest.mark.parametrize("relation", ["equal", "complementary", "nested"])
def test_related_concepts_are_reached(relation):
    def related(columns):
        one, two = columns.T
        true = 0 < one.sum() < len(one)
        holds = {
            "equal": (one == two).all(),
            "complementary": (one != two).all(),
            "nested": (two <= one).all() and 0 < two.sum() < one.sum(),
        }
        return bool(true and holds[relation])

    assert related(find(labels(65, 2), related, settings=without_shrinking))


@few
@given(masked_cases(max_concepts=7, max_units=2))
def test_a_case_with_missing_labels_fits_together(case):
    assert case.defined.shape == case.labels.shape
    assert not case.defined.all()
    assert not (case.labels & ~case.defined).any()
    assert 0 <= case.settings["min_defined"] <= 1


@pytest.mark.parametrize("pattern", ["shared", "own", "everywhere", "nowhere"])
def test_patterns_of_missing_labels_are_reached(pattern):
    def reached(table):
        n_sets = len(np.unique(table, axis=1).T)
        return {
            "shared": n_sets < table.shape[1] / 2,
            "own": n_sets == table.shape[1],
            "everywhere": table.all(axis=0).any(),
            "nowhere": not table.any(axis=0).all(),
        }[pattern]

    assert reached(find(defined(65, 8), reached, settings=without_shrinking))
