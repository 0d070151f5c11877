"""The search with missing marks: it compares each formula where it is defined."""

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from invert_core.activations.sparse import SparseUnits
from invert_core.concepts import ConceptSet
from invert_core.errors import DataError
from invert_core.kernels.sums import PLANES
from invert_core.search.beam_search import BeamSearch
from invert_core.search.findings import Findings
from invert_core.search.masked_concepts import MaskedConcepts
from invert_core.search.masked_search import MaskedSearch
from invert_core.search.unit_result import unit_results
from invert_core.settings import Settings
from invert_core.testing import strategies
from tests import naive


def concept_set(labels, defined):
    ids = [f"c{number}" for number in range(labels.shape[1])]
    return ConceptSet.from_arrays(np.where(defined, labels, -1), ids)


def as_floats(activations):
    return activations.astype(np.float64 if activations.dtype == np.float64 else np.float32)


def plain(formulas):
    """Return the formulas of the search or the oracle as exact, comparable values."""
    return [
        (f.literals, f.connectives, getattr(f, "n1", 0) or f.n_positive, f.doubled_u, f.auc)
        for f in formulas
    ]


class DenseSearch(MaskedSearch):
    """All concepts as bits that are counted."""

    def _prepare(self, concepts):
        return MaskedConcepts(concepts, PLANES)


def assert_equals_oracle(values, labels, defined, options):
    concepts = concept_set(labels, defined)
    try:
        expected = naive.masked_beam_search(
            *(values.tolist(), naive.extents(labels), naive.extents(defined), len(values)),
            **options,
        )
    except naive.NoLiteralPassesError:
        with pytest.raises(DataError, match="No concept"):
            MaskedSearch(concepts, Settings(objective="auc", **options))
        return
    if expected.dead:
        return
    for way in (MaskedSearch, DenseSearch):
        (found,) = way(concepts, Settings(objective="auc", **options)).unit(as_floats(values))
        assert plain(found.beam) == plain(expected.beam)
        by_length = [expected.by_length[length] for length in sorted(expected.by_length)]
        assert plain(found.by_length) == plain(by_length)
        assert plain(found.reported) == plain(expected.reported)
        assert found.n_scored == expected.n_scored
        assert found.direction == options["direction"]


@pytest.mark.kernels
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@settings(
    max_examples=40 if numba.config.DISABLE_JIT else 200,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(strategies.masked_cases(max_concepts=8))
def test_the_search_equals_the_oracle(case):
    for values in case.activations.T:
        assert_equals_oracle(values, case.labels, case.defined, case.settings)


@pytest.mark.parametrize("n_sources", [2, 5])
def test_the_search_equals_the_oracle_on_thousands_of_samples(n_sources):
    rng = np.random.default_rng(n_sources)
    labels = rng.random((2_000, 5)) < rng.choice([0.01, 0.4, 0.95], 5)
    defined = (rng.random((2_000, n_sources)) < 0.8)[:, np.arange(5) % n_sources]
    values = rng.normal(size=2_000) + labels[:, 0] - labels[:, 1]
    options = {
        "length": 3,
        "beam": 3,
        "min_fraction": 0.002,
        "max_fraction": 0.5,
        "direction": "positive",
        "min_defined": 0.3,
    }
    assert_equals_oracle(values.astype(np.float32), labels & defined, defined, options)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.search_cases(max_concepts=8, max_units=1))
def test_where_nothing_is_missing_it_finds_what_the_fast_search_finds(case):
    # One more concept lacks marks on so many samples that it cannot be in any formula.
    options = Settings(objective="auc", **case.settings)
    n_samples, n_concepts = case.labels.shape
    more = np.zeros((n_samples, 1), bool)
    labels = np.concatenate([case.labels, more], axis=1)
    defined = np.concatenate([np.ones_like(case.labels), more], axis=1)
    everywhere = ConceptSet.from_arrays(case.labels, [f"c{i}" for i in range(n_concepts)])
    values = as_floats(case.activations[:, 0])[None]
    limits = (options.min_fraction, options.max_fraction)
    if not naive.any_literal_passes(naive.extents(case.labels), n_samples, *limits):
        with pytest.raises(DataError, match="No concept and no negation"):
            MaskedSearch(concept_set(labels, defined), options)
        return
    of_all = BeamSearch(everywhere, options).explain(values)
    of_defined = MaskedSearch(concept_set(labels, defined), options).explain(values)
    for found, expected in zip(
        *unit_results(of_defined, options), *unit_results(of_all, options), strict=True
    ):
        assert (found.beam, found.by_length) == (expected.beam, expected.by_length)
        assert found.reported == expected.reported
    spread = Findings.of(of_all, options).spread
    own_spread = Findings.of(of_defined, options).spread
    assert own_spread.d.tolist() == spread.d.tolist()
    assert own_spread.n_samples.tolist() == [n_samples] * spread.d.size


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.masked_cases(max_units=1))
def test_negative_on_activations_is_positive_on_their_negation(case):
    options = case.settings | {"min_gain": 0.0, "limit_search": None}
    values = as_floats(case.activations[:, 0])[None]
    concepts = concept_set(case.labels, case.defined)
    try:
        down = MaskedSearch(
            concepts, Settings(objective="auc", **options | {"direction": "negative"})
        )
    except DataError:
        assume(False)
    up = MaskedSearch(concepts, Settings(objective="auc", **options | {"direction": "positive"}))
    lowest = down.explain(values)
    ((one,),) = unit_results(lowest, down.settings)
    ((two,),) = unit_results(up.explain(-values), up.settings)
    assert [(f.literals, f.connectives) for f in one.reported] == [
        (f.literals, f.connectives) for f in two.reported
    ]
    found = Findings.of(lowest, down.settings)
    n_samples = found.spread.n_samples[found.rank > 0].tolist()
    for n, f, g in zip(n_samples, one.reported, two.reported, strict=True):
        assert f.doubled_u == 2 * f.n_positive * (n - f.n_positive) - g.doubled_u


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.masked_cases(max_units=2))
def test_sparse_units_give_what_dense_ones_give(case):
    try:
        search = MaskedSearch(
            concept_set(case.labels, case.defined), Settings(objective="auc", **case.settings)
        )
    except DataError:
        assume(False)
    units = np.ascontiguousarray(as_floats(case.activations).T)
    stored = [np.flatnonzero(values) for values in units]
    sparse = SparseUnits(
        len(case.labels),
        np.cumsum([0, *map(len, stored)]),
        np.concatenate(stored).astype(np.int32),
        np.concatenate([unit[at] for unit, at in zip(units, stored, strict=True)]),
    )
    of_sparse, of_dense = search.explain(sparse), search.explain(units)
    assert unit_results(of_sparse, search.settings) == unit_results(of_dense, search.settings)


def test_a_formula_is_the_same_only_if_it_is_defined_on_the_same_samples():
    # b is a, but unknown on two samples without it: a and b are two explanations, c is a.
    labels = np.zeros((20, 3), bool)
    labels[:6] = True
    defined = np.ones_like(labels)
    defined[[10, 11], 1] = False
    values = np.linspace(1, 0, 20, dtype=np.float32)
    options = Settings(objective="auc", length=1, beam=3)
    (found,) = MaskedSearch(concept_set(labels, defined), options).unit(values)
    assert [f.literals for f in found.beam] == [(0,), (2,)]
    assert [f.n_positive for f in found.beam] == [6, 6]


@pytest.mark.parametrize("value", [0.0, 2.5, -1.0])
def test_a_unit_that_is_constant_on_all_samples_is_dead(value):
    labels = np.eye(8, dtype=bool)[:, :3]
    defined = np.ones_like(labels)
    defined[7] = False
    search = MaskedSearch(concept_set(labels, defined), Settings(objective="auc", direction="both"))
    (found,) = search.unit(np.full(8, value))
    assert (found.direction, found.reported, found.by_length) == ("both", (), ())


def missing_on(n_missing, labels):
    defined = np.ones_like(labels)
    defined[len(labels) - n_missing :] = False
    return concept_set(labels & defined, defined)


def test_concepts_that_are_defined_on_too_little_are_an_error():
    labels = np.arange(100)[:, None] < np.array([20, 40])
    with pytest.raises(DataError, match=r"share of 0\.5 or more of the samples.* is 0\.4\."):
        MaskedSearch(missing_on(60, labels), Settings(objective="auc"))
    for share in (0.0, 0.5):
        with pytest.raises(DataError, match="defined on any of the samples") as caught:
            MaskedSearch(missing_on(100, labels), Settings(objective="auc", min_defined=share))
        assert "--min-defined" not in caught.value.hint


def test_a_concept_that_is_defined_on_just_enough_counts():
    concepts = missing_on(60, np.arange(100)[:, None] < np.array([10, 15]))
    search = MaskedSearch(concepts, Settings(objective="auc", min_defined=0.4))
    assert search.n_literals_within_limits == 2
    with pytest.raises(DataError, match=r"largest share is 0\.4\."):
        MaskedSearch(concepts, Settings(objective="auc", min_defined=0.401))


def test_fractions_outside_the_limits_are_those_of_what_is_defined():
    labels = np.arange(100)[:, None] < np.array([4, 32])
    options = Settings(objective="auc", min_fraction=0.1, max_fraction=0.3)
    with pytest.raises(DataError, match=r"nearest fractions are 0\.05 and 0\.4\.") as caught:
        MaskedSearch(missing_on(20, labels), options)
    assert caught.value.hint == "Widen --min-fraction or --max-fraction."


def test_where_a_concept_is_left_out_the_hint_names_min_defined():
    labels = np.zeros((10, 2), bool)
    labels[:9, 0] = labels[:2, 1] = True
    defined = np.ones_like(labels)
    defined[4:, 1] = False
    for limits, words in (((0.2, 0.5), "Widen"), ((0.0, 1.0), "Give other")):
        labels[9, 0] = limits[1] == 1.0
        options = Settings(objective="auc", min_fraction=limits[0], max_fraction=limits[1])
        with pytest.raises(DataError) as caught:
            MaskedSearch(concept_set(labels, defined), options)
        assert caught.value.hint.startswith(words)
        assert caught.value.hint.endswith(", or lower --min-defined.")


def test_concepts_that_can_be_in_no_formula_are_counted(caplog):
    labels = np.arange(100)[:, None] < np.array([20, 40])
    defined = np.ones_like(labels)
    defined[:90, 1] = False
    caplog.set_level("INFO", "invert")
    search = MaskedSearch(concept_set(labels & defined, defined), Settings(objective="auc"))
    assert "1 of 2 concepts is defined on less than 0.5 of the samples" in caplog.text
    assert search.n_literals_within_limits == 1


def test_concepts_that_are_defined_nowhere_are_counted(caplog):
    labels = np.arange(100)[:, None] < np.array([20, 40])
    defined = np.ones_like(labels)
    defined[:, 1] = False
    caplog.set_level("INFO", "invert")
    MaskedSearch(concept_set(labels & defined, defined), Settings(objective="auc", min_defined=0.0))
    assert "1 of 2 concepts is defined on none of the samples" in caplog.text
