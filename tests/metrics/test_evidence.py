"""Evidence equals the oracle, for dense and sparse units, both directions and missing labels."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from invert_core import ConceptSet, Settings
from invert_core.activations.sparse import SparseUnits
from invert_core.errors import DataError
from invert_core.kernels import evidence as kernel
from invert_core.kernels.histograms import N_BINS
from invert_core.kernels.orders import NO_SAMPLE
from invert_core.kernels.shared_concepts import NO_CONCEPT
from invert_core.metrics.evidence import Evidence, EvidenceMaker, places_of_cuts, range_in_steps
from invert_core.search.beam_search import BeamSearch
from invert_core.search.findings import Findings
from invert_core.search.headlines import may_be_reported
from invert_core.search.masked_search import MaskedSearch
from invert_core.testing import strategies
from tests import naive
from tests.naive.evidence import Ranked, edges, histogram, shared

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


def search_of(labels, defined, settings):
    ids = [f"c{number}" for number in range(labels.shape[1])]
    if defined is None:
        concepts = ConceptSet.from_arrays(labels, ids)
        return concepts, BeamSearch(concepts, settings)
    concepts = ConceptSet.from_arrays(np.where(defined, labels, -1), ids)
    return concepts, MaskedSearch(concepts, settings)


def stored_sparsely(units, rng):
    """The units with the values that are not 0 and some that are, in any order of the samples."""
    parts = []
    for values in units:
        kept = np.flatnonzero((values != 0) | (np.arange(values.size) % 3 == 0))
        parts.append(rng.permutation(kept))
    indptr = np.cumsum([0, *map(len, parts)])
    indices = np.concatenate(parts).astype(np.int32)
    data = np.concatenate([values[part] for values, part in zip(units, parts, strict=True)])
    return SparseUnits(units.shape[1], indptr, indices, data)


def samples(listed):
    return [int(one) for one in listed if one != NO_SAMPLE]


def assert_measures(measured, ranked):
    n_inside, n = int(ranked.extent.sum()), int(ranked.domain.sum())
    if len(set(ranked.values[ranked.domain].tolist())) > 1:
        assert 0 < n_inside < n
    exact = {
        kernel.PRECISION_AT_10: ranked.precision(10),
        kernel.PRECISION_AT_100: ranked.precision(100),
        kernel.PRECISION_AT_SIZE: ranked.precision(n_inside),
        kernel.AVERAGE_PRECISION: ranked.average_precision(),
        kernel.BEST_F1: ranked.best_f1(),
    }
    for name, expected in exact.items():
        assert measured[name] == pytest.approx(expected, rel=1e-12), name
    expected = ranked.point_biserial()
    if expected is None:
        assert np.isnan(measured[kernel.POINT_BISERIAL])
    else:
        assert measured[kernel.POINT_BISERIAL] == pytest.approx(expected, rel=1e-7, abs=1e-9)


def assert_equals_oracle(found, evidence, values, labels, defined, settings):
    """Compare the evidence of one unit, searched in one direction, with the oracle."""
    everywhere = np.ones(values.size, np.bool_)
    sign = -1 if settings.direction == "negative" else 1
    unit = Ranked(values, ~everywhere, everywhere, sign)
    of_unit = kernel.OfUnits(*(array[0] for array in evidence.units))
    assert of_unit.range.tolist() == [values.min(), values.max()]
    assert of_unit.zeros == (values == 0).sum()
    distinct, counts = np.unique(values, return_counts=True)
    assert of_unit.n_distinct == distinct.size
    assert of_unit.mode_count == counts.max()
    bins = edges(values, N_BINS)
    if distinct.size > 1 and np.isfinite(bins).all():
        assert of_unit.hist.tolist() == histogram(values, bins).tolist()
    order = unit.order()
    top = order[: kernel.N_TOP]
    assert samples(of_unit.top) == top
    n_middle = min(kernel.N_NEAR, values.size)
    begin = (values.size - n_middle) // 2
    assert samples(of_unit.middle) == order[begin : begin + n_middle]
    assert_values(of_unit.top, of_unit.top_value, values)
    assert_values(of_unit.middle, of_unit.middle_value, values)
    cuts = places_of_cuts(values.size)
    concepts = naive.extents(labels)
    for row in range(found.unit.size):
        length = found.length[row]
        literals = found.literals[row, :length].tolist()
        connectives = ["&|"[one] for one in found.connectives[row, 1:length]]
        domain = everywhere
        if defined is not None:
            domain = defined[:, [one // 2 for one in literals]].all(axis=1)
        true = naive.extent_of(literals, connectives, concepts, values.size)
        extent = np.isin(np.arange(values.size), list(true)) & domain
        ranked = Ranked(values, extent, domain, sign)
        of_row = kernel.OfFormulas(
            *(array[evidence.entries[0][row]] for array in evidence.formulas)
        )
        assert_measures(of_row.measures, ranked)
        expected = np.array([float(ranked.hits(int(n))) for n in cuts], np.float32)
        assert of_row.hits.tolist() == expected.tolist()
        assert of_row.zeros_in == (values[extent] == 0).sum()
        if distinct.size > 1 and np.isfinite(bins).all():
            assert of_row.hist_in.tolist() == histogram(values[extent], bins).tolist()
        inside = np.where(domain, extent, kernel.UNDEFINED)
        assert of_row.top_in[: len(top)].tolist() == inside[top].tolist()
        missed = [i for i in ranked.bottom() if extent[i]]
        alarms = [i for i in ranked.order() if not extent[i]]
        assert samples(of_row.missed) == missed[: kernel.N_NEAR]
        assert samples(of_row.alarm) == alarms[: kernel.N_NEAR]
        assert_values(of_row.missed, of_row.missed_value, values)
        assert_values(of_row.alarm, of_row.alarm_value, values)


def assert_kept(evidence, values, labels, defined, settings, compared):
    """Compare what only a run keeps of a unit with the oracle."""
    known = np.ones_like(labels) if defined is None else defined
    top = samples(evidence.units.top[0])
    expected = shared(top, labels.astype(np.bool_), known, settings.min_fraction)
    found = zip(evidence.shared.share[0], evidence.shared.share_hits[0], strict=True)
    assert [(int(c), int(hits)) for c, hits in found if c != NO_CONCEPT] == expected
    sign = -1 if settings.direction == "negative" else 1
    ranks = 2 * scipy.stats.rankdata(-sign * values[compared].astype(np.float64))
    assert evidence.ranks[0].tolist() == ranks.tolist()


def assert_values(listed, of_listed, values):
    n = len(samples(listed))
    assert of_listed[:n].tolist() == values[listed[:n]].astype(np.float32).tolist()
    assert np.isnan(of_listed[n:]).all()
    assert (listed[n:] == NO_SAMPLE).all()


@given(
    strategies.masked_cases(max_concepts=8, max_units=2)
    | strategies.search_cases(max_concepts=8, max_units=2),
    st.booleans(),
    st.integers(0, 2**31),
)
def test_evidence_equals_the_oracle(case, is_sparse, seed):
    settings = Settings(objective="auc", **case.settings)
    defined = getattr(case, "defined", None)
    try:
        concepts, search = search_of(case.labels, defined, settings)
    except DataError:
        assume(False)
    for values in case.activations.T:
        units = np.ascontiguousarray(values[None])
        if is_sparse:
            units = stored_sparsely(units, np.random.default_rng(seed))
        result = search.explain(units)
        found = Findings.of(result, settings)
        found = found.take(may_be_reported(found, is_tested=False))
        compared = np.flatnonzero(np.random.default_rng(seed).random(values.size) < 0.6)
        made = EvidenceMaker(concepts, settings, compared=compared)(units, [result])
        assert_equals_oracle(found, made, values, case.labels, defined, settings)
        assert_kept(made, values, case.labels, defined, settings, compared)


def test_evidence_of_many_samples_equals_the_oracle():
    rng = np.random.default_rng(4)
    labels = rng.random((700, 6)) < 0.2
    values = np.round(np.maximum(rng.normal(size=700) + labels[:, 0], 0), 1).astype(np.float32)
    for direction in ("positive", "negative"):
        settings = Settings(objective="auc", direction=direction, min_fraction=0.05)
        concepts, search = search_of(labels, None, settings)
        result = search.explain(values[None])
        found = Findings.of(result, settings)
        found = found.take(np.flatnonzero(found.rank))
        assert found.unit.size == 3
        compared = np.arange(0, 700, 3)
        made = EvidenceMaker(concepts, settings, compared=compared)(values[None], [result])
        assert_equals_oracle(found, made, values, labels, None, settings)
        assert_kept(made, values, labels, None, settings, compared)


def test_what_the_top_shares_is_what_few_others_carry():
    rng = np.random.default_rng(8)
    values = rng.normal(size=600)
    labels = rng.random((600, 40)) < np.linspace(0.01, 0.6, 40)
    top = np.argsort(-values)[:24]
    labels[top[:20], 7] = True
    labels[top[:9], 30] = False
    defined = rng.random(labels.shape) < 0.9
    for is_known in (None, defined):
        settings = Settings(objective="auc", length=1, beam=1, min_fraction=0.02)
        concepts, search = search_of(labels, is_known, settings)
        maker = EvidenceMaker(concepts, settings, compared=np.arange(9))
        made = maker(values[None], [search.explain(values[None])])
        assert made.shared.share[0, 0] == 7
        assert 30 not in made.shared.share[0]
        assert_kept(made, values, labels, is_known, settings, np.arange(9))


def test_evidence_that_no_run_keeps_lacks_ranks_and_what_is_shared():
    rng = np.random.default_rng(2)
    labels, values = rng.random((90, 5)) < 0.3, rng.normal(size=(2, 90))
    settings = Settings(objective="auc", length=1)
    concepts, search = search_of(labels, None, settings)
    made = EvidenceMaker(concepts, settings)(values, [search.explain(values)])
    assert made.ranks.shape == (2, 0)
    assert (made.shared.share == NO_CONCEPT).all()


def test_both_directions_and_all_units_have_evidence_of_their_own():
    rng = np.random.default_rng(3)
    labels, units = rng.random((90, 5)) < 0.3, rng.normal(size=(4, 90))
    both = Settings(objective="auc", direction="both", min_fraction=0.05)
    concepts, search = search_of(labels, None, both)
    made = EvidenceMaker(concepts, both)(units, [search.explain(units)])
    parts = []
    for unit in units:
        for direction in ("positive", "negative"):
            one = Settings(objective="auc", direction=direction, min_fraction=0.05)
            _, search = search_of(labels, None, one)
            parts.append(EvidenceMaker(concepts, one)(unit[None], [search.explain(unit[None])]))
    joined = Evidence.joined(parts)
    for kind in ("units", "formulas"):
        for name, array in getattr(joined, kind)._asdict().items():
            np.testing.assert_array_equal(array, getattr(getattr(made, kind), name), err_msg=name)


def test_the_correlation_is_that_of_scipy():
    rng = np.random.default_rng(1)
    labels, values = rng.random((300, 4)) < 0.4, rng.normal(size=300) + 1e6
    settings = Settings(objective="auc", length=1, beam=1)
    concepts, search = search_of(labels, None, settings)
    result = search.explain(values[None])
    made = EvidenceMaker(concepts, settings)(values[None], [result])
    literal = int(Findings.of(result, settings).literals[0, 0])
    marks = labels[:, literal // 2] ^ (literal % 2 == 1)
    expected = scipy.stats.pointbiserialr(marks, values).statistic
    assert made.formulas.measures[0, kernel.POINT_BISERIAL] == pytest.approx(expected, rel=1e-9)


def test_the_best_f1_is_the_largest_that_scikit_learn_finds():
    rng = np.random.default_rng(5)
    labels = rng.random((80, 3)) < 0.4
    values = np.round(rng.normal(size=80) + labels[:, 0], 1)
    settings = Settings(objective="auc", length=1, beam=1)
    concepts, search = search_of(labels, None, settings)
    result = search.explain(values[None])
    made = EvidenceMaker(concepts, settings)(values[None], [result])
    literal = int(Findings.of(result, settings).literals[0, 0])
    marks = labels[:, literal // 2] ^ (literal % 2 == 1)
    best = max(f1_score(marks, values >= value) for value in values)
    assert made.formulas.measures[0, kernel.BEST_F1] == pytest.approx(best, rel=1e-12)


@pytest.mark.parametrize("n_samples", [2, 9, 10, 11, 1_000, 50_000, 10_000_000])
def test_hits_are_counted_up_to_all_samples_and_closely_at_first(n_samples):
    cuts = places_of_cuts(n_samples)
    assert cuts[-1] == n_samples
    assert cuts[:10].tolist() == list(range(1, min(10, n_samples) + 1))
    assert (np.diff(cuts) > 0).all()
    assert (cuts[1:] / cuts[:-1])[10:].max(initial=1.0) < 1.4


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_values_a_rounding_step_apart_have_a_range_of_one_step(dtype):
    one = np.nextafter(dtype(1), dtype(2))
    assert range_in_steps(np.array([1, one], np.float64), np.array([1, one], dtype)) == 1.0


def test_values_that_were_float32_are_told_by_the_steps_of_float32():
    near = np.nextafter(np.float32(1), np.float32(2))
    values = np.array([1, near], np.float64)
    assert range_in_steps(values, values) == 1.0
    assert np.isnan(range_in_steps(np.array([0, np.inf]), np.array([0, np.inf])))
    assert range_in_steps(np.array([-1e300, 1e300]), np.array([-1e300, 1e300])) > 1e15


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_unit_at_the_ends_of_its_type_has_a_range(dtype):
    largest = np.finfo(dtype).max
    whole = 2.0 ** (np.finfo(dtype).nmant + 1) - 1
    for values, steps in (([0, largest], whole), ([-largest, largest], 2 * whole)):
        ends = np.array(values, dtype)
        assert range_in_steps(ends.astype(np.float64), ends) == steps


@given(st.floats(0, allow_infinity=False, width=32), st.sampled_from([np.float32, np.float64]))
def test_a_rounding_step_is_that_of_numpy(value, dtype):
    values = np.array([0, value], np.float32).astype(dtype)
    with np.errstate(over="ignore"):
        step = float(np.spacing(np.float32(value)))
    if np.isfinite(step):
        assert range_in_steps(values.astype(np.float64), values) == value / step
