"""Codes order values exactly, whatever their type."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.kernels.codes import MAGNITUDE, SIGN, codes_of
from invert_core.kernels.radix import room_for
from invert_core.testing import strategies
from tests.kernels.tunings import tunings

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


def as_numbers(codes):
    return [-int(c & MAGNITUDE) if c & SIGN else int(c) for c in codes]


@given(strategies.n_samples().flatmap(strategies.activations), tunings())
def test_codes_are_ordered_as_the_values_are(activations, tuning):
    values = np.ascontiguousarray(activations[:, 0])
    found = as_numbers(codes_of(values[None], room_for(values.size, tuning), tuning)[0])
    for (a, code_a), (b, code_b) in itertools.pairwise(
        sorted(zip(values.tolist(), found, strict=True))
    ):
        assert (a < b, a == b) == (code_a < code_b, code_a == code_b)
    assert [code == 0 for code in found] == [value == 0 for value in values.tolist()]


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=60))
def test_any_doubles_have_codes_in_their_order(values):
    found = as_numbers(codes_of(np.array([values]), room_for(len(values)))[0])
    for (a, code_a), (b, code_b) in itertools.pairwise(sorted(zip(values, found, strict=True))):
        assert (a < b, a == b) == (code_a < code_b, code_a == code_b)


def test_doubles_that_differ_in_their_last_bit_only_have_codes_of_their_own():
    near = np.nextafter(1.0, 2.0, dtype=np.float64)
    values = np.array([1e300, -near, near, -1.0, 1.0, -1e-300, 0.0, near])
    found = as_numbers(codes_of(values[None], room_for(values.size))[0])
    assert np.argsort(found, kind="stable").tolist() == [1, 3, 5, 6, 4, 2, 7, 0]
    assert found[2] == found[7]
    assert len(set(found)) == 7
