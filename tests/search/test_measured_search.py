import math

import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from invert_core.activations.sparse import SparseUnits
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms, bits_of_atoms, find_atoms
from invert_core.kernels.sums import PLANES, label_index
from invert_core.search.findings import Findings
from invert_core.search.measured_search import MeasuredSearch
from invert_core.settings import OBJECTIVES, OF_HIGHEST, OF_VALUES, Settings
from invert_core.testing import strategies
from tests import naive
from tests.search.test_search import as_floats, concept_set

# Without compilation, NumPy warns of the wrap-around that popcounts are made of, and of bounds for
# sizes that no extent has, which are compared before anything is known of the sizes.
pytestmark = [
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered in sqrt:RuntimeWarning"),
]

MEASURED = OBJECTIVES[1:]


class DenseSearch(MeasuredSearch):
    """All concepts as bit planes over merged samples."""

    def _prepare(self, concepts):
        atoms = find_atoms(concepts.bits, concepts.n_samples)
        return atoms, label_index(bits_of_atoms(concepts.bits, atoms), atoms.sizes, PLANES)


class SearchOfSamples(MeasuredSearch):
    """Every sample is an atom of its own."""

    def _prepare(self, concepts):
        n_samples = concepts.n_samples
        atoms = Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))
        bits = concepts.bits.copy()
        return atoms, label_index(bits, atoms.sizes, PLANES)


def by(objective, quantile):
    """Settings of a search; only some objectives take a quantile."""
    told = {"quantile": quantile} if objective in OF_HIGHEST else {}
    return {"objective": (objective,)} | told


def plain(formulas):
    return [(f.literals, f.connectives, f.n1, f.doubled_u, f.score) for f in formulas]


def as_plain(found, rows):
    made = []
    for row in rows:
        length = found.length[row]
        connectives = tuple("&|"[one] for one in found.connectives[row, 1:length])
        made.append(
            (
                tuple(found.literals[row, :length].tolist()),
                connectives,
                int(found.n_positive[row]),
                int(found.doubled_u[row]),
                float(found.score[row]),
            )
        )
    return made


@pytest.mark.kernels
@pytest.mark.parametrize("objective", MEASURED)
@settings(
    max_examples=20 if numba.config.DISABLE_JIT else 150,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(case=strategies.search_cases(max_concepts=12))
def test_the_search_by_an_objective_equals_the_oracle(objective, case):
    options = Settings(**case.settings, **by(objective, 0.1))
    sign = -1.0 if options.direction == "negative" else 1.0
    for unit in case.activations.T:
        values = as_floats(unit)
        if objective in OF_VALUES and not np.isfinite(values).all():
            continue
        assume(values.min() < values.max())
        measure = naive.Measure(objective, (sign * values.astype(float)).tolist(), 0.1)
        try:
            expected = naive.beam_search(
                unit.tolist(),
                naive.extents(case.labels),
                len(unit),
                **case.settings,
                measure=measure,
            )
        except naive.NoLiteralPassesError:
            with pytest.raises(DataError, match="No concept and no negation"):
                MeasuredSearch(concept_set(case.labels), options)
            return
        for way in (MeasuredSearch, DenseSearch, SearchOfSamples):
            result = way(concept_set(case.labels), options).explain(values[None])
            found = Findings.of(result, options)
            in_beam = np.flatnonzero(found.place_in_beam)
            in_beam = in_beam[np.argsort(found.place_in_beam[in_beam])]
            assert as_plain(found, in_beam) == plain(expected.beam)
            of_length = np.flatnonzero(found.is_best_of_length)
            of_length = of_length[np.argsort(found.length[of_length])]
            assert as_plain(found, of_length) == plain(
                expected.by_length[length] for length in sorted(expected.by_length)
            )
            assert as_plain(found, np.flatnonzero(found.rank)) == plain(expected.reported)
            assert result.n_scored[0, 0] == expected.n_scored


@pytest.mark.parametrize("objective", MEASURED)
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(case=strategies.search_cases(max_concepts=12))
def test_scores_are_what_the_objective_is_defined_as(objective, case):
    options = Settings(**case.settings, **by(objective, 0.1))
    sign = -1.0 if options.direction == "negative" else 1.0
    values = as_floats(case.activations[:, 0])
    assume(np.abs(values[np.isfinite(values)]).max(initial=0.0) < 1e6 and np.isfinite(values).all())
    assume(np.ptp(values) > 1e-3)
    try:
        search = MeasuredSearch(concept_set(case.labels), options)
    except DataError:
        assume(False)
    found = Findings.of(search.explain(values[None]), options)
    extents = naive.extents(case.labels)
    for row in range(found.length.size):
        literals = found.literals[row, : found.length[row]].tolist()
        extent = np.zeros(len(values), bool)
        for number, literal in enumerate(literals):
            holds = np.isin(np.arange(len(values)), list(extents[literal // 2])) ^ (
                literal % 2 == 1
            )
            joins = number == 0 or found.connectives[row, number] == 1
            extent = extent | holds if joins else extent & holds
        expected = naive.definition(objective, sign * values.astype(np.float64), extent, 0.1)
        assert math.isclose(found.score[row], expected, rel_tol=1e-7, abs_tol=1e-7)


@pytest.mark.parametrize("objective", MEASURED)
@pytest.mark.parametrize("direction", ["positive", "negative"])
def test_sparse_units_and_dense_ones_give_the_same_bits(objective, direction):
    rng = np.random.default_rng(5)
    labels = rng.random((500, 8)) < 0.2
    units = rng.normal(size=(5, 500)).astype(np.float32)
    for number, share in enumerate((0.0, 0.5, 0.9, 0.97, 0.995)):
        units[number, rng.random(500) < share] = 0.0
    units[2] = np.abs(units[2])
    first, samples, values = [0], [], []
    for unit in units:
        stored = np.flatnonzero(unit)
        samples.append(stored)
        values.append(unit[stored])
        first.append(first[-1] + stored.size)
    sparse = SparseUnits(
        500, np.array(first), np.concatenate(samples).astype(np.int32), np.concatenate(values)
    )
    options = Settings(**by(objective, 0.05), direction=direction)
    search = MeasuredSearch(concept_set(labels), options)
    one, other = search.explain(sparse), search.explain(units)
    for name in ("length", "literals", "connectives", "rank_sum", "score", "n_highest", "log10_p"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
