import numba
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from invert_core.concepts import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.kernels.atoms import Atoms, bits_of_atoms, find_atoms
from invert_core.kernels.sums import PLANES, label_index
from invert_core.search.beam_search import BeamSearch
from invert_core.search.complete_search import sizes_within
from invert_core.settings import Settings
from invert_core.testing import strategies
from tests import naive


def concept_set(labels):
    return ConceptSet.from_arrays(labels, [f"c{i}" for i in range(labels.shape[1])])


def as_floats(activations):
    return activations.astype(np.float64 if activations.dtype == np.float64 else np.float32)


def plain(formulas):
    """Return the formulas of the search or the oracle as exact, comparable values."""
    return [
        (f.literals, f.connectives, getattr(f, "n1", 0) or f.n_positive, f.doubled_u, f.auc)
        for f in formulas
    ]


class DenseSearch(BeamSearch):
    """All concepts as bit planes, and every sample an atom of its own."""

    def _prepare(self, concepts):
        n_samples = concepts.n_samples
        atoms = Atoms(np.arange(n_samples, dtype=np.int32), np.ones(n_samples, np.int64))
        bits = concepts.bits.copy()
        return atoms, label_index(bits, atoms.sizes, PLANES)


class DenseAtomsSearch(BeamSearch):
    """All concepts as bit planes over merged samples."""

    def _prepare(self, concepts):
        atoms = find_atoms(concepts.bits, concepts.n_samples)
        return atoms, label_index(bits_of_atoms(concepts.bits, atoms), atoms.sizes, PLANES)


WAYS = (BeamSearch, DenseSearch, DenseAtomsSearch)


def assert_equals_oracle(values, labels, options, ways=(BeamSearch,)):
    try:
        expected = naive.beam_search(values.tolist(), naive.extents(labels), len(values), **options)
    except naive.NoLiteralPassesError:
        with pytest.raises(DataError, match="No concept and no negation"):
            BeamSearch(concept_set(labels), Settings(objective="auc", **options))
        return
    if expected.dead:
        return
    for way in ways:
        search = way(concept_set(labels), Settings(objective="auc", **options))
        (found,) = search.unit(as_floats(values))
        assert plain(found.beam) == plain(expected.beam)
        assert plain(found.by_length) == plain(
            expected.by_length[length] for length in sorted(expected.by_length)
        )
        assert plain(found.reported) == plain(expected.reported)
        assert found.n_scored == expected.n_scored
        assert found.direction == options["direction"]


@pytest.mark.kernels
@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@settings(
    max_examples=60 if numba.config.DISABLE_JIT else 300,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(strategies.search_cases())
def test_the_search_equals_the_oracle(case):
    for values in case.activations.T:
        assert_equals_oracle(values, case.labels, case.settings, WAYS)


@pytest.mark.parametrize("length", [1, 2, 3, 4])
@pytest.mark.parametrize("beam", [1, 5])
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(case=strategies.search_cases(max_units=1))
def test_every_length_and_the_widest_and_narrowest_beam_equal_the_oracle(case, length, beam):
    options = case.settings | {"length": length, "beam": beam}
    assert_equals_oracle(case.activations[:, 0], case.labels, options)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("direction", ["positive", "negative"])
def test_the_search_equals_the_oracle_beyond_65536_samples(seed, direction):
    rng = np.random.default_rng(seed)
    n_samples = 65_537 + 63 * seed
    labels = rng.random((n_samples, 6)) < rng.choice([0.004, 0.2, 0.9], 6)
    labels[:, 5] = labels[:, 0] & ~labels[:, 1]
    values = np.maximum(rng.normal(size=n_samples) + labels[:, 0] - labels[:, 1], 0)
    options = {
        "length": 3,
        "beam": 3,
        "min_fraction": 0.002,
        "max_fraction": 0.5,
        "direction": direction,
    }
    assert_equals_oracle(values.astype(np.float32), labels, options, WAYS)


@given(strategies.search_cases(max_units=1))
def test_negative_on_activations_is_positive_on_their_negation(case):
    assume(case.settings["limit_search"] is None)
    options = case.settings | {"min_gain": 0.0}
    values = as_floats(case.activations[:, 0])
    try:
        down = BeamSearch(
            concept_set(case.labels),
            Settings(objective="auc", **options | {"direction": "negative"}),
        )
    except DataError:
        assume(False)
    up = BeamSearch(
        concept_set(case.labels), Settings(objective="auc", **options | {"direction": "positive"})
    )
    (one,), (two,) = down.unit(values), up.unit(-values)
    assert [f.literals for f in one.beam] == [f.literals for f in two.beam]
    for f, g in zip(one.beam, two.beam, strict=True):
        n_pairs = f.n_positive * (len(values) - f.n_positive)
        assert f.doubled_u == 2 * n_pairs - g.doubled_u


def test_both_directions_are_two_searches():
    rng = np.random.default_rng(1)
    labels, values = rng.random((200, 5)) < 0.3, rng.normal(size=200)
    made = {
        direction: BeamSearch(
            concept_set(labels), Settings(objective="auc", direction=direction)
        ).unit(values)
        for direction in ("positive", "negative", "both")
    }
    assert made["both"] == (*made["positive"], *made["negative"])


def test_a_dead_unit_gives_one_result_without_formulas():
    labels = np.eye(8, dtype=bool)[:, :3]
    (found,) = BeamSearch(concept_set(labels), Settings(objective="auc", direction="both")).unit(
        np.ones(8)
    )
    assert found.direction == "both"
    assert (found.reported, found.by_length, found.n_scored) == ((), (), 0)


def test_a_literal_outside_the_limits_can_still_be_combined():
    # c1 covers 70 % and its negation 30 %, both outside the limits; c0 & c1 covers 40 %.
    labels = np.zeros((10, 2), bool)
    labels[:5, 0] = labels[:4, 1] = labels[5:8, 1] = True
    options = Settings(objective="auc", length=2, min_fraction=0.35, max_fraction=0.5)
    values = np.isin(np.arange(10), [0, 1, 2, 3]).astype(np.float32)
    (found,) = BeamSearch(concept_set(labels), options).unit(values)
    assert (found.reported[0].literals, found.reported[0].connectives) == ((0, 2), ("&",))
    assert found.reported[0].auc == 1.0


@pytest.mark.parametrize("n_samples", [7, 10, 1000, 1797])
@pytest.mark.parametrize(
    "limits", [(0.0, 1.0), (0.1, 0.3), (0.002, 0.5), (1 / 3, 1 / 3), (0.7, 0.7)]
)
def test_size_limits_are_those_of_the_float64_fraction(n_samples, limits):
    low, high = sizes_within(*limits, n_samples)
    within = [n for n in range(1, n_samples) if limits[0] <= n / n_samples <= limits[1]]
    assert [n for n in range(n_samples + 1) if low <= n <= high] == within


def test_no_literal_within_the_limits_is_an_error_with_the_nearest_fractions():
    labels = np.arange(100)[:, None] < np.array([2, 40])
    with pytest.raises(DataError, match=r"nearest fractions are 0\.02 and 0\.4\.") as caught:
        BeamSearch(
            concept_set(labels), Settings(objective="auc", min_fraction=0.1, max_fraction=0.3)
        )
    assert "--min-fraction" in caught.value.hint


def test_labels_that_are_true_everywhere_or_nowhere_are_an_error():
    with pytest.raises(DataError, match="true everywhere or nowhere"):
        BeamSearch(concept_set(np.array([[0, 1], [0, 1]])), Settings(objective="auc"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"length": 0},
        {"beam": 0},
        {"beam": 10**30},
        {"beam": 2.5},
        {"length": 101},
        {"limit_search": 0},
        {"min_fraction": -0.1},
        {"max_fraction": 1.1},
        {"min_fraction": 0.6},
        {"min_fraction": float("nan")},
        {"min_gain": -1.0},
        {"min_gain": "much"},
        {"min_gain": float("nan")},
        {"direction": "up"},
        {"search": "all"},
        {"time_limit": 1.0},
        {"search": "exhaustive", "length": 4},
        {"search": "exhaustive", "limit_search": 5},
        {"search": "exhaustive", "time_limit": 0},
        {"search": "exhaustive", "time_limit": -1.0},
        {"search": "exhaustive", "time_limit": float("nan")},
        {"search": "exhaustive", "time_limit": float("inf")},
        {"search": "exhaustive", "time_limit": "long"},
    ],
)
def test_settings_outside_their_range_are_refused(wrong):
    with pytest.raises(SettingError) as caught:
        Settings(objective="auc", **wrong)
    assert caught.value.hint


def test_the_callers_concept_set_is_not_frozen():
    concepts = concept_set(np.eye(5, dtype=bool))
    writeable = concepts.bits.flags.writeable
    BeamSearch(concepts, Settings(objective="auc", min_fraction=0.0))
    assert concepts.bits.flags.writeable == writeable
