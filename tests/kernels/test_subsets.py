"""Ranks and rank sums within a subset of the samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import subsets
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.ranks import TIE_BASE, sorted_keys
from invert_core.kernels.sums import BY_COST, PLANES, WALK
from invert_core.kernels.ties import room_for_large
from invert_core.testing import strategies
from tests import naive

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


@st.composite
def ranked_subsets(draw):
    """Values of samples, the atom of each, and atoms of which some are in the set."""
    n_samples = draw(strategies.n_samples())
    values = draw(strategies.activations(n_samples))[:, 0]
    values = values.astype(np.float64 if values.dtype == np.float64 else np.float32)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    of_sample = naive.atoms(rng.integers(0, rng.choice([1, 3, 1000]), (n_samples, 1)).tolist())
    inside = rng.random(max(of_sample) + 1) < rng.choice([0.2, 0.8, 1.0])
    return values, of_sample, inside


@given(ranked_subsets())
def test_ranks_are_those_among_the_samples_of_the_set(case):
    values, of_sample, inside = case
    sizes = np.bincount(of_sample).astype(np.int64)
    keys = sorted_keys(values[None], 0, Atoms(np.array(of_sample, np.int32), sizes))
    weights, ties = np.full(sizes.size, -1), np.full(2, -1)
    large = room_for_large(len(of_sample))
    words = pack_columns(inside[:, None])[0]
    subsets.rank_within(subsets.runs_of_keys(*keys), words, sizes, weights, ties, large)

    kept = [sample for sample, atom in enumerate(of_sample) if inside[atom]]
    chosen = [float(values[sample]) for sample in kept]
    expected = [0] * sizes.size
    for sample, rank in zip(kept, naive.doubled_midranks(chosen), strict=True):
        expected[of_sample[sample]] += rank
    assert weights.tolist() == expected
    assert int(ties[0]) * TIE_BASE + int(ties[1]) == naive.tie_sum(chosen)
    n = large.n[0]
    found = sorted(zip(large.below[:n].tolist(), large.size[:n].tolist(), strict=True))
    assert found == naive.large_ties(chosen)
    assert subsets.size_of(words, sizes) == len(chosen)


def test_ranks_of_the_most_samples_there_can_be_are_exact():
    # Four atoms: below zero, at zero twice, above it; the third one is outside.
    sizes = np.array([2**25, 2**25, 2**25, 2**25])
    runs = subsets.Runs(
        np.array([0, 3], np.int32), np.array([2**25, 2**25], np.int32), np.array([0, 1, 2]), 1
    )
    weights, ties = np.empty(4, np.int64), np.empty(2, np.int64)
    words = np.array([0b1011], np.uint64)
    subsets.rank_within(runs, words, sizes, weights, ties, room_for_large(2**27))
    t = 2**25
    assert weights.tolist() == [t * (t + 1), t * (3 * t + 1), 0, t * (5 * t + 1)]
    assert int(ties[0]) * TIE_BASE + int(ties[1]) == 3 * (t**3 - t)


@st.composite
def concepts_and_sets(draw):
    n_atoms = draw(st.sampled_from((1, 2, 63, 64, 65, 128, 200)))
    n_concepts = draw(st.integers(1, 6))
    known = draw(strategies.defined(n_atoms, n_concepts))
    labels = draw(strategies.labels(n_atoms, n_concepts)) & known
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    inside = known.all(axis=1) & (rng.random(n_atoms) < 0.8)
    sizes = rng.integers(1, draw(st.sampled_from((2, 5, 10**6))), n_atoms)
    weights = rng.integers(2, 2 ** draw(st.sampled_from((3, 20, 50))), n_atoms)
    return labels, known, inside, sizes, weights * inside


@pytest.mark.parametrize("how", [WALK, PLANES, BY_COST])
@given(case=concepts_and_sets())
def test_sizes_and_rank_sums_of_concepts_within_a_set_are_plain_sums(case, how):
    labels, known, inside, sizes, weights = case
    n_atoms, n_concepts = labels.shape
    lists = subsets.concept_lists(
        pack_columns(labels), pack_columns(known), np.arange(n_concepts), sizes, how
    )
    ranked = subsets.ranks_in_binary(weights, lists)
    numbers = np.arange(n_concepts)
    sparse = numbers[~lists.is_dense]
    dense = numbers[lists.is_dense].astype(np.uint32)
    counts, sums = np.full((2, n_concepts), -1)
    words = pack_columns(inside[:, None])[0]
    table = np.empty((n_atoms, 2), np.int64)
    chosen = subsets.Chosen(sparse, dense)
    whole = subsets.add_within(words, ranked, lists, chosen, table, counts, sums)
    assert whole == (sizes[inside].sum(), weights.sum())
    members = [np.flatnonzero(column & inside) for column in labels.T]
    assert counts.tolist() == [int(sizes[atoms].sum()) for atoms in members]
    assert sums.tolist() == [int(weights[atoms].sum()) for atoms in members]
    assert how == BY_COST or lists.is_dense.all() == (how == PLANES)


def test_concepts_of_many_samples_are_dense_where_that_costs_less():
    rng = np.random.default_rng(0)
    labels = rng.random((20_000, 60)) < np.where(np.arange(60) < 50, 0.4, 0.001)
    known = np.ones((20_000, 1), bool)
    of_concept, sizes = np.zeros(60, np.int64), np.ones(20_000, np.int64)
    lists = subsets.concept_lists(
        pack_columns(labels), pack_columns(known), of_concept, sizes, BY_COST
    )
    assert lists.is_dense.tolist() == [True] * 50 + [False] * 10
