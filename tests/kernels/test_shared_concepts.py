"""What the samples at the top share: the tail of the hypergeometric distribution, and the order."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels import shared_concepts
from invert_core.kernels.shared_concepts import NO_CONCEPT, Concepts, Shared, find_shared
from tests.kernels.parts import from_python

pytestmark = pytest.mark.kernels

tail_of_hits = from_python(shared_concepts.tail_of_hits)


@st.composite
def counts(draw):
    n_samples = draw(st.integers(3, 60) | st.integers(3, 2**27))
    n_top = draw(st.integers(3, min(24, n_samples)))
    n_positive = draw(st.integers(3, n_samples))
    least = max(3, n_top - (n_samples - n_positive))
    return draw(st.integers(least, min(n_top, n_positive))), n_top, n_positive, n_samples


@given(counts())
def test_the_tail_is_that_of_counting(case):
    n_hits, n_top, n_positive, n_samples = case
    ways = sum(
        math.comb(n_positive, hits) * math.comb(n_samples - n_positive, n_top - hits)
        for hits in range(n_hits, n_top + 1)
    )
    exact = Fraction(ways, math.comb(n_samples, n_top))
    assert tail_of_hits(*case) == pytest.approx(float(exact), rel=1e-12)


def test_of_concepts_that_are_equally_surprising_the_first_come_first():
    bits = np.full((9, 1), 0b1111, np.uint64)
    bits[4] = 0b0111
    bits[7] = 0b11
    concepts = Concepts(
        np.arange(9, dtype=np.uint32),
        *(bits, bits[:0], np.bitwise_count(bits)[:, 0].astype(np.int64), np.full(9, 50)),
    )
    top = np.array([[0, 1, 2, 3], [0, 1, 2, NO_CONCEPT]], np.uint32)
    found = Shared.empty(2)
    find_shared(top, concepts, found)
    assert found.share.tolist() == [[0, 1, 2, 3, 5, 6], [4, 0, 1, 2, 3, 5]]
    assert found.share_hits.tolist() == [[4] * 6, [3] * 6]


def test_only_concepts_that_may_be_shared_are():
    bits = np.full((3, 1), 0b1111, np.uint64)
    four = np.full(3, 4)
    concepts = Concepts(np.array([1], np.uint32), bits, bits[:0], four, np.full(3, 50))
    found = Shared.empty(1)
    find_shared(np.arange(4, dtype=np.uint32)[None], concepts, found)
    assert found.share.tolist() == [[1, *[NO_CONCEPT] * 5]]
