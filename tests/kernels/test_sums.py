import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.kernels import bits, planes, sums
from invert_core.testing import strategies

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]

WAYS = (sums.WALK, sums.PLANES, sums.BY_COST)
UNKNOWN = np.empty(0, np.int64)


@st.composite
def cases(draw):
    n_atoms = draw(st.sampled_from((1, 2, 63, 64, 65, 127, 128, 200)))
    labels = draw(strategies.labels(n_atoms, draw(st.integers(1, 6))))
    extent = draw(strategies.labels(n_atoms, 1))[:, 0]
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    weights = rng.integers(2, 2 ** draw(st.sampled_from((3, 20, 50))), n_atoms)
    sizes = rng.integers(1, draw(st.sampled_from((2, 5, 10**6))), n_atoms)
    return labels, extent, weights, sizes


def room(n_concepts):
    """Sums that are yet to be written."""
    return sums.Sums(*(np.full(n_concepts, -1) for _ in range(3)))


def within(labels, extent, weights, sizes, how):
    """Sums and counts of an extent by one way."""
    index = sums.label_index(bits.pack_columns(labels), sizes, how)
    unit = sums.ranked_over(weights, index.dense.size > 0)
    n_concepts = labels.shape[1]
    whole, found = room(n_concepts), room(n_concepts)
    everything = bits.whole_set(len(labels))
    sums.sums_within(everything, unit, 0, index, UNKNOWN, whole)
    assert whole.counts.tolist() == index.counts.tolist()
    words = bits.pack_columns(extent[:, None])[0]
    sums.sums_within(words, unit, 0, index, whole.sums, found)
    assert found.slack.tolist() == [0] * n_concepts
    return found.sums.tolist(), found.counts.tolist()


@given(cases())
def test_walking_and_planes_give_the_sums_and_sizes_of_every_concept_within_an_extent(case):
    labels, extent, weights, sizes = case
    members = [np.flatnonzero(column & extent).tolist() for column in labels.T]
    expected = (
        [sum(int(weights[atom]) for atom in inside) for inside in members],
        [sum(int(sizes[atom]) for atom in inside) for inside in members],
    )
    for how in WAYS:
        assert within(*case, how) == expected


@given(cases())
def test_every_concept_is_found_in_the_index_by_atom(case):
    labels, _, _, sizes = case
    for how in WAYS:
        index = sums.label_index(bits.pack_columns(labels), sizes, how)
        listed = np.zeros(labels.shape, bool)
        for atom in range(len(labels)):
            listed[atom, index.concept[index.first[atom] : index.first[atom + 1]]] = True
        listed[:, index.dense] |= unpacked_rows(index)
        assert (listed == labels).all()


def unpacked_rows(index):
    n_atoms = index.rows.shape[0]
    return np.array(
        [
            [
                int(index.rows[atom, place // 64]) >> (place % 64) & 1
                for place in range(index.dense.size)
            ]
            for atom in range(n_atoms)
        ],
        bool,
    ).reshape(n_atoms, index.dense.size)


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
    for how in WAYS:
        assert within(labels, extent, weights, sizes, how) == (expected, counts)


@given(cases(), st.integers(0, 60))
def test_planes_that_are_left_out_are_within_the_slack_and_can_be_added(case, n_left_out):
    labels, extent, weights, sizes = case
    index = sums.label_index(bits.pack_columns(labels), sizes, sums.PLANES)
    unit = sums.ranked_over(weights, True)
    n_left_out = min(n_left_out, unit.planes.shape[0] // 2)
    within_set = room(labels.shape[1])
    words = bits.pack_columns(extent[:, None])[0]
    sums.sums_within(words, unit, n_left_out, index, UNKNOWN, within_set)
    found, counts, slack = within_set
    for concept, column in enumerate(labels.T):
        exact = sum(int(weight) for weight in weights[column & extent])
        assert found[concept] <= exact <= found[concept] + slack[concept]
        rest = planes.sum_below(words, unit.planes, n_left_out, index.bits[concept])
        assert found[concept] + rest == exact
        assert slack[concept] == counts[concept] * (2**n_left_out - 1)


@given(cases())
@settings(max_examples=20)
def test_a_set_adds_up_to_its_weights(case):
    _, extent, weights, _ = case
    words = bits.pack_columns(extent[:, None])[0]
    assert sums.sum_of_set(words, weights) == sum(int(weight) for weight in weights[extent])
