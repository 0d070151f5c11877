"""The tail of Student's t distribution, against many digits and closed forms."""

import math

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.statistics.student import log_upper_tail_t


def tail(t, freedom):
    return float(log_upper_tail_t(np.array([t]), np.array([float(freedom)]))[0])


@given(st.floats(-1e12, 1e12) | st.floats(-9, 9), st.integers(1, 2000))
def test_the_tail_is_that_of_many_digits(t, freedom):
    with mpmath.workdps(60):
        exact_t, half = mpmath.mpf(t), mpmath.mpf(freedom) / 2
        share = freedom / (freedom + exact_t**2)
        tail_above = mpmath.betainc(half, mpmath.mpf(1) / 2, 0, share, regularized=True) / 2
        expected = float(mpmath.log(tail_above if t >= 0 else 1 - tail_above))
    assert tail(t, freedom) == pytest.approx(expected, rel=1e-11, abs=1e-15)


def test_one_degree_of_freedom_is_the_cauchy_distribution():
    for t in (0.0, 1e-8, 0.3, 1.0, 50.0, 1e9):
        assert tail(t, 1) == pytest.approx(math.log(math.atan2(1, t) / math.pi), rel=1e-13)


def test_a_value_does_not_depend_on_those_beside_it():
    t, freedom = np.array([0.5, 3.0, 80.0, -2.0]), np.array([1.0, 900.0, 4.0, 1e5])
    alone = [tail(*each) for each in zip(t, freedom, strict=True)]
    np.testing.assert_array_equal(log_upper_tail_t(t, freedom), alone)
