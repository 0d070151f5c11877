"""The tail of the normal distribution against mpmath, which computes with any number of digits."""

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.statistics.normal import log_upper_tail, upper_tail

LEAST_NORMAL = np.finfo(np.float64).tiny


def exact_tail(z):
    with mpmath.workdps(40):
        return mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) / 2


def exact_log_tail(z):
    # erfc(z / sqrt(2)) in mpmath fails far below 0 only in its digits next to 1.
    with mpmath.workdps(40 if z > -40 else 2000):
        return mpmath.log1p(-exact_tail(-z)) if z < 0 else mpmath.log(exact_tail(z))


anywhere = st.floats(-1e4, 1e4) | st.floats(-40, 40) | st.floats(-1e-3, 1e-3)


@given(st.lists(anywhere, min_size=1, max_size=20))
def test_the_tail_is_exact_to_2e_15_until_it_underflows(z):
    for tail, expected in zip(upper_tail(np.array(z)), map(exact_tail, z), strict=True):
        if expected > LEAST_NORMAL:
            assert abs(tail / expected - 1) < 2e-15
        else:
            assert 0 <= tail <= LEAST_NORMAL


@given(st.lists(anywhere, min_size=1, max_size=20))
def test_the_logarithm_is_exact_to_2e_15_also_where_the_tail_underflows(z):
    for log, expected in zip(log_upper_tail(np.array(z)), map(exact_log_tail, z), strict=True):
        if -expected > LEAST_NORMAL:
            assert abs(log / expected - 1) < 2e-15
        else:
            assert -LEAST_NORMAL <= log <= 0


@pytest.mark.parametrize("function", [upper_tail, log_upper_tail])
def test_tails_fall_as_z_rises(function):
    z = np.linspace(-8, 38, 100_001)
    assert (np.diff(function(z)) <= 0).all()


@given(st.lists(anywhere, min_size=1, max_size=40))
def test_no_value_depends_on_its_neighbours(z):
    for function in (upper_tail, log_upper_tail):
        alone = [function(np.array([each]))[0] for each in z]
        assert function(np.array(z)).tolist() == alone


@pytest.mark.parametrize(
    ("z", "tail", "log"), [(0.0, 0.5, np.log(0.5)), (np.inf, 0.0, -np.inf), (-np.inf, 1.0, 0.0)]
)
def test_the_ends_and_the_middle_are_what_they_must_be(z, tail, log):
    assert upper_tail(np.array([z]))[0] == tail
    assert log_upper_tail(np.array([z]))[0] == pytest.approx(log, rel=1e-15, abs=0)
