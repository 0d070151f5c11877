import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import bits, overlaps
from invert_core.testing import strategies
from tests import naive

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


@given(
    st.sampled_from((1, 63, 64, 65, 129)).flatmap(
        lambda n: st.tuples(strategies.labels(n, 4), strategies.labels(n, 3))
    )
)
def test_common_samples_are_counted_for_every_pair(pair):
    counts = overlaps.common_counts(*map(bits.pack_columns, pair))
    a, b = map(naive.extents, pair)
    assert counts.tolist() == [[len(one & other) for other in b] for one in a]


def test_sets_of_many_words_are_counted_to_the_end():
    random = np.random.default_rng(0)
    a = random.integers(0, 2**64, (2, overlaps._WORDS + 1), np.uint64)
    b = random.integers(0, 2**64, (overlaps._SETS + 1, overlaps._WORDS + 1), np.uint64)
    counts = overlaps.common_counts(a, b)
    expected = np.bitwise_count(a[:, None] & b).sum(axis=2)
    np.testing.assert_array_equal(counts, expected)
