"""The AUC of single concepts equals the oracle, whatever the search finds its rank sums in."""

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from invert_core import Settings
from invert_core.metrics import concept_auc
from invert_core.metrics.concept_auc import ConceptAUC
from invert_core.results import concept_records
from invert_core.results.concept_records import NO_CONCEPT, SCALE, UNDEFINED
from invert_core.search.beam_search import BeamSearch
from invert_core.search.exhaustive_search import ExhaustiveSearch
from invert_core.search.measured_search import MeasuredSearch
from invert_core.search.several import Found, Several
from invert_core.testing import strategies
from tests import naive
from tests.metrics.test_evidence import stored_sparsely
from tests.search import test_masked_search as masked
from tests.search import test_measured_search as measured
from tests.search.test_search import DenseSearch, as_floats, concept_set

pytestmark = [
    pytest.mark.kernels,
    # Without compilation, NumPy warns of what the searches allow for.
    pytest.mark.filterwarnings("ignore:(overflow|divide by zero|invalid value):RuntimeWarning"),
]

BY_PHI = {"objective": ("phi",), "quantile": 0.1}
WAYS = {
    "auc": lambda concepts, options: [BeamSearch(concepts, Settings(**options))],
    "auc among dense labels": lambda concepts, options: [
        DenseSearch(concepts, Settings(**options))
    ],
    "phi": lambda concepts, options: [MeasuredSearch(concepts, Settings(**options, **BY_PHI))],
    "phi among dense labels": lambda concepts, options: [
        measured.DenseSearch(concepts, Settings(**options, **BY_PHI))
    ],
    "correlation, auc": lambda concepts, options: [
        MeasuredSearch(concepts, Settings(**options, objective=("correlation",))),
        BeamSearch(concepts, Settings(**options)),
    ],
    "exhaustive": lambda concepts, options: [exhaustive(concepts, options)],
}


def exhaustive(concepts, options):
    kept = {name: options[name] for name in ("min_fraction", "max_fraction", "direction")}
    return ExhaustiveSearch(concepts, Settings(**kept, search="exhaustive", length=2))


def oracle(values, labels, defined=None, min_defined=0.0):
    """The AUC of each concept among the samples on which it is defined; None if it has none."""
    defined = np.ones_like(labels) if defined is None else defined
    found = []
    for of_concept, domain in zip(labels.T, defined.T, strict=True):
        marks = of_concept[domain]
        inside = set(np.flatnonzero(marks).tolist())
        if domain.mean() < min_defined or len(inside) in (0, marks.size):
            found.append(None)
        else:
            found.append(naive.auc(values[domain].tolist(), inside)[1])
    return found


def as_stored(found):
    return [UNDEFINED if one is None else round(one * SCALE) for one in found]


def made_by(searches, concepts, options, units, n_units=1):
    make = ConceptAUC(concepts, options, n_units)
    return Several(searches, make).explain(units).of_concepts


@pytest.mark.parametrize("way", WAYS)
@settings(
    max_examples=10 if numba.config.DISABLE_JIT else 60,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(strategies.search_cases(max_concepts=8), st.booleans(), st.integers(0, 2**31))
def test_the_auc_of_every_concept_equals_the_oracle(way, case, is_sparse, seed):
    limits = [case.settings[name] for name in ("min_fraction", "max_fraction")]
    assume(naive.any_literal_passes(naive.extents(case.labels), len(case.labels), *limits))
    concepts = concept_set(case.labels)
    searches = WAYS[way](concepts, case.settings)
    units = as_floats(np.ascontiguousarray(case.activations.T))
    stored = stored_sparsely(units, np.random.default_rng(seed)) if is_sparse else units
    records = made_by(searches, concepts, Settings(), stored)
    for record, values in zip(records, units, strict=True):
        assert record["auc"].tolist() == as_stored(oracle(values, case.labels))


@pytest.mark.parametrize("way", [masked.MaskedSearch, masked.DenseSearch])
@settings(max_examples=10 if numba.config.DISABLE_JIT else 60)
@given(strategies.masked_cases(max_concepts=8))
def test_the_auc_is_that_of_the_samples_on_which_a_concept_is_defined(way, case):
    concepts, options = masked.concept_set(case.labels, case.defined), Settings(**case.settings)
    limits = options.min_fraction, options.max_fraction, options.min_defined
    sets = naive.extents(case.labels), naive.extents(case.defined)
    assume(naive.any_masked_literal_passes(*sets, len(case.labels), *limits))
    search = way(concepts, options)
    units = as_floats(np.ascontiguousarray(case.activations.T))
    records = made_by([search], concepts, options, units)
    for record, values in zip(records, units, strict=True):
        expected = oracle(values, case.labels, case.defined, options.min_defined)
        assert record["auc"].tolist() == as_stored(expected)


@pytest.mark.parametrize("direction", ["positive", "negative", "both"])
def test_the_direction_of_the_search_does_not_matter(direction):
    rng = np.random.default_rng(2)
    labels, units = rng.random((90, 5)) < 0.3, rng.normal(size=(4, 90))
    units[1] = 0.5
    concepts = concept_set(labels)
    options = Settings(direction=direction, min_fraction=0.1)
    records = made_by([BeamSearch(concepts, options)], concepts, options, units)
    assert records["auc"].tolist() == [as_stored(oracle(values, labels)) for values in units]
    assert records["auc"][1].tolist() == [SCALE // 2] * 5


def test_only_the_extreme_concepts_are_kept_of_very_many(monkeypatch):
    rng = np.random.default_rng(3)
    labels = rng.random((40, 300)) < rng.uniform(0.05, 0.6, 300)
    labels[:, 7] = True
    units = np.round(rng.normal(size=(3, 40)), 1)
    monkeypatch.setattr(concept_records, "MOST_NUMBERS", 899)
    concepts, options = concept_set(labels), Settings(min_fraction=0.1)
    records = made_by([BeamSearch(concepts, options)], concepts, options, units, n_units=3)
    for record, values in zip(records, units, strict=True):
        found = oracle(values, labels)
        with_auc = [concept for concept in range(300) if found[concept] is not None]
        assert len(with_auc) < 300
        highest = sorted(with_auc, key=lambda concept: (-found[concept], concept))[:50]
        lowest = sorted(with_auc, key=lambda concept: (found[concept], concept))[:50]
        for name, expected in (("highest", highest), ("lowest", lowest)):
            assert record[name].tolist() == expected
            stored = as_stored(found[concept] for concept in expected)
            assert record[f"{name}_auc"].tolist() == stored


def test_lists_of_extreme_concepts_end_early_if_there_are_few():
    labels = np.array([[1, 1, 0], [1, 0, 1], [1, 0, 0], [1, 1, 0]], np.bool_)
    concepts, options = concept_set(labels), Settings(length=1)
    values = np.array([[3.0, 2.0, 1.0, 0.0]])
    searches = [BeamSearch(concepts, options)]
    (record,) = made_by(searches, concepts, options, values, n_units=10**7)
    assert record["highest"].tolist() == [2, 1] + [NO_CONCEPT] * 48
    assert record["lowest_auc"].tolist() == as_stored([0.5, 2 / 3]) + [UNDEFINED] * 48


def test_ties_of_extreme_concepts_go_to_the_first_however_many_there_are():
    values = np.array([1.0, 0.0, 1.0, np.nan, 0.0, 0.0, 2.0])
    for n in range(1, 9):
        assert concept_auc.smallest(values, n).tolist() == [1, 4, 5, 0, 2, 6][:n]


def test_a_search_that_nobody_asks_keeps_no_sums():
    rng = np.random.default_rng(5)
    concepts = concept_set(rng.random((70, 4)) < 0.3)
    search = BeamSearch(concepts, Settings(min_fraction=0.1))
    assert Several([search]).explain(rng.normal(size=(2, 70))).of_concepts is None


def test_parts_are_joined_in_their_order():
    rng = np.random.default_rng(6)
    concepts, units = concept_set(rng.random((70, 4)) < 0.3), rng.normal(size=(5, 70))
    options = Settings(min_fraction=0.1)
    several = Several([BeamSearch(concepts, options)], ConceptAUC(concepts, options, 5))
    joined = Found.joined([several.explain(units[:2]), several.explain(units[2:])])
    assert len(joined) == 5
    np.testing.assert_array_equal(joined.of_concepts, several.explain(units).of_concepts)
