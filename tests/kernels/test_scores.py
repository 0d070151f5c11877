from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from invert_core.kernels import scores
from tests.kernels.parts import from_python

pytestmark = pytest.mark.kernels

least_sum = from_python(scores.least_sum)
score_of = from_python(scores.score_of)


@st.composite
def extents(draw):
    """N, the size of an extent, and a rank sum that it can have."""
    n_samples = draw(st.integers(2, 2**27))
    n = draw(st.integers(1, n_samples - 1))
    doubled_u = draw(st.integers(0, 2 * n * (n_samples - n)))
    return n_samples, n, doubled_u + n * (n + 1)


@given(extents(), st.sampled_from((1.0, -1.0)))
@example((2**27, 2**26, 2**53 + 2**26 * (2**26 + 1)), 1.0)
def test_no_rank_sum_below_the_bound_has_the_score(extent, sign):
    n_samples, n, rank_sum = extent
    score = score_of(n, rank_sum, sign, n_samples, None)
    assert sign * rank_sum >= least_sum(float(n), score, sign, float(n_samples), None)


@given(extents(), st.sampled_from((1.0, -1.0)))
def test_the_bound_rules_out_what_scores_clearly_less(extent, sign):
    n_samples, n, rank_sum = extent
    least = least_sum(
        float(n), score_of(n, rank_sum, sign, n_samples, None), sign, float(n_samples), None
    )
    assert sign * rank_sum - least <= n_samples**2 * 2.0**-46 + 1


@given(extents())
def test_a_score_is_the_quotient_rounded_once_and_turns_round_with_the_sign(extent):
    n_samples, n, rank_sum = extent
    exact = float(Fraction(rank_sum - n * (n + 1), 2 * n * (n_samples - n)))
    assert score_of(n, rank_sum, 1.0, n_samples, None) == exact
    assert score_of(n, rank_sum, -1.0, n_samples, None) == -exact


@st.composite
def measured(draw):
    """A measure as the objectives make them, and the size and sum of an extent."""
    n_samples = draw(st.integers(2, 2**27))
    n = draw(st.integers(1, n_samples - 1))
    total = draw(st.integers(1, 2**53 - 1))
    part = draw(st.integers(0, total))
    scale = draw(st.floats(1e-3, 1e12))
    shift = draw(st.sampled_from([0.0, float(total), total / n_samples, -1e6]))
    lift = draw(st.sampled_from([1.0, float(n_samples)]))
    among, more, is_root = draw(st.booleans()), draw(st.integers(0, n_samples)), draw(st.booleans())
    rest, slope = (float(n_samples), -1.0) if among else (1.0, 0.0)
    more = 0.0 if among else float(more)
    measure = scores.Measure(total, lift, shift, scale, more, rest, slope, is_root)
    return measure, n_samples, n, part


@given(measured())
def test_no_sum_below_the_bound_of_a_measure_has_the_score(case):
    measure, n_samples, n, part = case
    score = score_of(n, part, 1.0, n_samples, measure)
    assert float(part) >= least_sum(float(n), score, 1.0, float(n_samples), measure)
    more = score_of(n, part + 1, 1.0, n_samples, measure)
    assert more >= score
