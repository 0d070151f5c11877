import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import bits
from invert_core.testing import strategies

pytestmark = [
    pytest.mark.kernels,
    # Plain Python warns where uint64 wraps, as the multiplication in `popcount` means to.
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


@st.composite
def label_matrices(draw):
    n_samples = draw(st.sampled_from((1, 2, 63, 64, 65, 127, 128, 129)))
    return draw(strategies.labels(n_samples, draw(st.integers(1, 5))))


@given(st.integers(0, 2**64 - 1))
def test_popcount_and_lowest_bit_agree_with_python_integers(number):
    word = np.uint64(number)
    assert bits.popcount(word) == number.bit_count()
    if number:
        assert bits.lowest_bit(word) == (number & -number).bit_length() - 1


@given(label_matrices(), st.sampled_from("CF"))
def test_packing_keeps_every_label_and_leaves_unused_bits_zero(labels, order):
    packed = bits.pack_columns(np.asarray(labels, order=order))
    n_samples, n_concepts = labels.shape
    assert packed.shape == (n_concepts, -(-n_samples // 64))
    assert packed.dtype == np.uint64
    for concept in range(n_concepts):
        whole = sum(int(word) << (64 * i) for i, word in enumerate(packed[concept]))
        assert whole == sum(1 << int(i) for i in np.flatnonzero(labels[:, concept]))
    np.testing.assert_array_equal(bits.unpack(packed, n_samples), labels)
    np.testing.assert_array_equal(bits.popcounts(packed), labels.sum(axis=0))


@given(label_matrices(), st.randoms())
def test_pairs_in_any_order_pack_like_the_matrix(labels, random):
    pairs = list(zip(*np.nonzero(labels), strict=True))
    random.shuffle(pairs)
    sample, concept = np.array(pairs, np.int64).reshape(-1, 2).T
    packed = bits.pack_pairs(sample.copy(), concept.copy(), *labels.shape)
    np.testing.assert_array_equal(packed, bits.pack_columns(labels))


@pytest.mark.parametrize("n_samples", [1, 63, 64, 65, 128])
def test_the_whole_set_has_every_sample_and_no_more(n_samples):
    whole = bits.whole_set(n_samples)
    assert sum(int(word) << (64 * i) for i, word in enumerate(whole)) == 2**n_samples - 1
