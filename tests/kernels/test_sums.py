import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.kernels import bits, planes, sums
from invert_core.testing import strategies
from tests.kernels.parts import from_python

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]

WAYS = (sums.WALK, sums.PLANES, sums.BY_COST)

ranked_over = from_python(sums.ranked_over)
add_whole = from_python(sums.add_whole)
add_within = from_python(sums.add_within)
forget = from_python(sums.forget)
sum_below = from_python(planes.sum_below)


@st.composite
def cases(draw):
    n_atoms = draw(st.sampled_from((1, 2, 63, 64, 65, 127, 128, 200)))
    labels = draw(strategies.labels(n_atoms, draw(st.integers(1, 6))))
    extent = draw(strategies.labels(n_atoms, 1))[:, 0]
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    weights = rng.integers(2, 2 ** draw(st.sampled_from((3, 20, 50))), n_atoms)
    sizes = rng.integers(1, draw(st.sampled_from((2, 5, 10**6))), n_atoms)
    return labels, extent, weights, sizes


def ways(labels, sizes):
    """Yield the index of each way to sum."""
    for how in WAYS:
        yield sums.label_index(bits.pack_columns(labels), sizes, how)


def within(index, extent, weights):
    """Sums and counts of all concepts within an extent, and which of them it touches."""
    ranked = ranked_over(weights, index, index.dense)
    found = sums.nothing_within(index)
    found.words[:] = bits.pack_columns(extent[:, None])[0]
    add_within(ranked, 0, index, index.dense, found)
    assert not found.slack.any()
    values = found.sums.tolist(), found.counts.tolist()
    touched = found.touched[: found.n_touched[0]].tolist()
    assert sorted(touched) == np.flatnonzero(found.counts).tolist()
    forget(found)
    assert not any(array.any() for array in (found.sums, found.counts, found.n_touched))
    return values


def whole(index, weights):
    """Sums of whole concepts."""
    found = np.full(index.counts.size, -1)
    add_whole(ranked_over(weights, index, index.dense), index, index.dense, found)
    return found.tolist()


@given(cases())
def test_walking_and_planes_give_the_sums_and_sizes_of_every_concept_within_an_extent(case):
    labels, extent, weights, sizes = case
    members = [np.flatnonzero(column & extent).tolist() for column in labels.T]
    expected = (
        [sum(int(weights[atom]) for atom in inside) for inside in members],
        [sum(int(sizes[atom]) for atom in inside) for inside in members],
    )
    for index in ways(labels, sizes):
        assert within(index, extent, weights) == expected
        everything = np.ones(len(labels), bool)
        assert (whole(index, weights), index.counts.tolist()) == within(index, everything, weights)


@given(cases())
def test_every_concept_is_found_in_the_index_by_atom(case):
    labels, _, _, sizes = case
    for index in ways(labels, sizes):
        listed = np.zeros(labels.shape, bool)
        for atom in range(len(labels)):
            listed[atom, index.concept[index.first[atom] : index.first[atom + 1]]] = True
        if index.dense is not None:
            listed[:, index.dense.concept] |= unpacked_rows(index.dense)
        assert (listed == labels).all()


def unpacked_rows(dense):
    unpacked = [
        [int(row[place // 64]) >> (place % 64) & 1 for place in range(dense.concept.size)]
        for row in dense.rows
    ]
    return np.array(unpacked, bool)


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="so many atoms take long")
@pytest.mark.parametrize("largest_atom", [1, 10**8])
def test_the_ways_agree_beyond_65536_atoms_and_sums_of_32_bits(largest_atom):
    """With one atom that holds more than 99 % of all samples, and without."""
    rng = np.random.default_rng(0)
    n_atoms = 70_001
    labels = rng.random((n_atoms, 3)) < np.array([0.6, 0.2, 0.0005])
    sizes = np.ones(n_atoms, np.int64)
    sizes[33] = largest_atom
    n_samples = int(sizes.sum())
    weights = sizes * rng.integers(2, max(2**20, 2 * n_samples), n_atoms)
    extent = rng.random(n_atoms) < 0.7
    extent[33] = True
    expected = [int(weights[column & extent].sum()) for column in labels.T]
    assert max(expected) > 2**32
    counts = [int(sizes[column & extent].sum()) for column in labels.T]
    for index in ways(labels, sizes):
        assert within(index, extent, weights) == (expected, counts)


@given(cases(), st.integers(0, 60))
def test_planes_that_are_left_out_are_within_the_slack_and_can_be_added(case, n_left_out):
    labels, extent, weights, sizes = case
    index = sums.label_index(bits.pack_columns(labels), sizes, sums.PLANES)
    ranked = ranked_over(weights, index, index.dense)
    n_left_out = min(n_left_out, ranked.planes.shape[0] // 2)
    found = sums.nothing_within(index)
    found.words[:] = bits.pack_columns(extent[:, None])[0]
    add_within(ranked, n_left_out, index, index.dense, found)
    for concept, column in enumerate(labels.T):
        exact = sum(int(weight) for weight in weights[column & extent])
        assert found.sums[concept] <= exact <= found.sums[concept] + found.slack[concept]
        rest = sum_below(found.words, ranked.planes, n_left_out, index.bits[concept])
        assert found.sums[concept] + rest == exact
        assert found.slack[concept] == found.counts[concept] * (2**n_left_out - 1)


@given(cases())
@settings(max_examples=20)
def test_a_set_adds_up_to_its_weights(case):
    _, extent, weights, _ = case
    words = bits.pack_columns(extent[:, None])[0]
    assert sums.sum_of_set(words, weights) == sum(int(weight) for weight in weights[extent])
