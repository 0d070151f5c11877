"""Intervals of an AUC and of a share, against the definitions, SciPy and simulation."""

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from bench.coverage import coverage
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.placements import placements
from invert_core.statistics import intervals
from invert_core.testing import strategies
from tests.naive import intervals as naive

# Without compiled code, NumPy warns of sums that wrap around on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")

Z = float(scipy.stats.norm.isf(0.025))


def placed(values, extent):
    return placements(
        values[None], np.zeros(1, np.int64), pack_columns(extent[:, None]), None, values.size
    )


@st.composite
def formulas_on_a_unit(draw):
    """A unit, and an extent that holds some of the samples but not all."""
    n_samples = draw(st.integers(2, 60))
    values = draw(strategies.activations(n_samples))[:, 0].copy()
    extent = draw(strategies.labels(n_samples, 1))[:, 0].copy()
    if extent.all() or not extent.any():
        extent[:] = False
        extent[draw(st.integers(0, n_samples - 1))] = True
    return values, extent


@pytest.mark.kernels
@given(formulas_on_a_unit())
def test_intervals_are_those_of_the_definitions(case):
    values, extent = case
    found = placed(values, extent)
    inside, outside = values[extent].tolist(), values[~extent].tolist()
    pairs = len(inside) * len(outside)
    auc = int(found.doubled_u[0]) / (2 * pairs)
    if np.isfinite(values).all():
        assert auc == pytest.approx(roc_auc_score(extent, values), abs=1e-12)

    variance = naive.delong_variance(inside, outside)
    of_delong = naive.logit_interval(auc, variance, Z)
    if variance is None:
        assert np.isnan(intervals.delong_variance(found)[0])
    else:
        assert intervals.delong_variance(found)[0] == pytest.approx(float(variance), rel=1e-11)
    if of_delong is None:
        assert np.isnan(intervals.logit_interval(found)).all()
    else:
        np.testing.assert_allclose(
            np.ravel(intervals.logit_interval(found)), of_delong, rtol=1e-9, atol=1e-15
        )
    of_newcombe = naive.newcombe_interval(auc, len(inside), len(outside), Z)
    np.testing.assert_allclose(
        np.ravel(intervals.newcombe_interval(found)), of_newcombe, rtol=1e-9, atol=1e-12
    )

    low, high = (float(end[0]) for end in intervals.auc_interval(found))
    every = [of_newcombe] + ([of_delong] if of_delong else [])
    assert low == pytest.approx(min(ends[0] for ends in every), abs=1e-11)
    assert high == pytest.approx(max(ends[1] for ends in every), abs=1e-11)
    assert 0 <= low <= auc <= high <= 1
    assert low < high


@pytest.mark.parametrize("n_samples", [2, 5, 400])
@pytest.mark.parametrize("n_positive", [1, 2])
def test_extremes_have_intervals_that_admit_how_little_is_known(n_samples, n_positive):
    n_positive = min(n_positive, n_samples - 1)
    extent = np.arange(n_samples) < n_positive
    for values, auc in ((extent + 0.0, 1.0), (-1.0 * extent, 0.0), (np.ones(n_samples), 0.5)):
        low, high = (float(end[0]) for end in intervals.auc_interval(placed(values, extent)))
        assert 0 <= low <= auc <= high <= 1
        # A sample or two say little, even if they are all on one side.
        assert high - low > 0.3


def test_the_interval_of_the_opposite_is_the_mirrored_one():
    random = np.random.default_rng(4)
    values, extent = random.normal(size=50).round(1), np.arange(50) < 7
    low, high = intervals.auc_interval(placed(values, extent))
    other_low, other_high = intervals.auc_interval(placed(-values, extent))
    np.testing.assert_allclose([low, high], [1 - other_high, 1 - other_low], rtol=1e-12)


@pytest.mark.parametrize("zeros", [0.0, 0.9])
@pytest.mark.parametrize(("n_positive", "least"), [(3, 0.87), (5, 0.87), (10, 0.93), (50, 0.93)])
def test_the_interval_covers_the_true_auc_where_the_variance_alone_does_not(
    n_positive, least, zeros
):
    # Binomial noise of 2,000 rounds is 0.6 % at 93 %.
    for shift in (0.0, 1.0, 2.0):
        found = coverage(n_positive, 400, shift, zeros, n_rounds=2000, seed=1)
        assert found.union > least - 0.012


def test_delong_alone_covers_far_too_little_of_small_extents():
    found = coverage(3, 400, 2.0, 0.0, n_rounds=1000, seed=1)
    assert found.delong < 0.87
    assert found.union > found.delong


@given(st.integers(0, 40), st.integers(1, 40))
def test_the_interval_of_a_share_is_that_of_scipy(n_successes, n_more):
    n_trials = n_successes + n_more
    for count in (n_successes, n_trials):
        expected = scipy.stats.binomtest(count, n_trials).proportion_ci(method="wilson")
        assert intervals.share_interval(count, n_trials) == pytest.approx(expected, abs=1e-12)
