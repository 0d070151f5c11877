import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core import strategies
from invert_core.kernels import bits, sums

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


@st.composite
def cases(draw):
    n_samples = draw(st.sampled_from((2, 63, 64, 65, 127, 128, 200)))
    labels = draw(strategies.labels(n_samples, draw(st.integers(1, 6))))
    extent = draw(strategies.labels(n_samples, 1))[:, 0]
    ranks = np.random.default_rng(draw(st.integers(0, 999))).integers(2, 2**40, n_samples)
    return labels, extent, ranks


@given(cases())
def test_the_label_index_lists_the_concepts_of_every_sample_in_order(case):
    labels, _, _ = case
    _, first, concept = sums.label_index(bits.pack_columns(labels), len(labels))
    for sample, row in enumerate(labels):
        assert concept[first[sample] : first[sample + 1]].tolist() == np.flatnonzero(row).tolist()


@given(cases())
def test_one_pass_sums_the_ranks_of_every_concept_within_an_extent(case):
    labels, extent, ranks = case
    packed = bits.pack_columns(labels)
    words = bits.pack_columns(extent[:, None])[0]
    found = np.full(labels.shape[1], -1), np.full(labels.shape[1], -1)
    sums.sums_within(words, ranks, sums.label_index(packed, len(labels)), *found)
    inside = [{int(i) for i in np.flatnonzero(column & extent)} for column in labels.T]
    assert found[0].tolist() == [sum(int(ranks[i]) for i in members) for members in inside]
    assert found[1].tolist() == [len(members) for members in inside]
    assert sums.sum_of_set(words, ranks) == sum(int(r) for r in ranks[extent])
