"""What groups say of an AUC, against every pair of groups, DeLong, SciPy and simulation."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given
from hypothesis import strategies as st

from bench.group_coverage import Design, group_coverage
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.placements import placements
from invert_core.statistics.grouped_auc import grouped_variance, log10_p_between_groups
from invert_core.statistics.intervals import (
    auc_interval,
    delong_variance,
    logit_interval,
    newcombe_interval,
)
from invert_core.testing import strategies
from tests.naive import intervals as naive

# Without compiled code, NumPy warns of sums that wrap around on purpose.
pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")

Z = float(scipy.stats.norm.isf(0.025))
POSITIVE, NEGATIVE = np.zeros(1, np.bool_), np.ones(1, np.bool_)


def placed(values, extent, group=None):
    return placements(
        *(values[None], np.zeros(1, np.int64), pack_columns(extent[:, None]), None, values.size),
        None if group is None else np.asarray(group, np.int32),
    )


@st.composite
def grouped_units(draw):
    """A unit, an extent that holds some of the samples but not all, and groups."""
    n_samples = draw(st.integers(2, 40))
    values = draw(strategies.activations(n_samples))[:, 0].copy()
    extent = draw(strategies.labels(n_samples, 1))[:, 0].copy()
    assume(extent.any() and not extent.all())
    n_groups = draw(st.integers(1, n_samples))
    number = st.integers(0, n_groups - 1)
    return values, extent, draw(st.lists(number, min_size=n_samples, max_size=n_samples))


@pytest.mark.kernels
@given(grouped_units())
def test_the_variance_and_the_interval_are_those_of_every_pair_of_groups(case):
    values, extent, group = case
    found = placed(values, extent, group)
    variance = naive.grouped_variance(values.tolist(), extent.tolist(), group)
    low, high = (float(end[0]) for end in auc_interval(found))
    if variance is None:
        assert np.isnan([grouped_variance(found)[0], low, high]).all()
        assert np.isnan(log10_p_between_groups(found, POSITIVE)).all()
        return
    assert grouped_variance(found)[0] == pytest.approx(float(variance), rel=1e-10, abs=1e-24)

    n_inside, n_outside = naive.effective_groups(extent.tolist(), group)
    auc = int(found.doubled_u[0]) / (2 * int(extent.sum()) * int((~extent).sum()))
    every = [naive.newcombe_interval(auc, n_inside, n_outside, Z)]
    np.testing.assert_allclose(np.ravel(newcombe_interval(found)), every[0], rtol=1e-9, atol=1e-12)
    if (ends := naive.logit_interval(auc, variance, Z)) is not None:
        every.append(ends)
        np.testing.assert_allclose(np.ravel(logit_interval(found)), ends, rtol=1e-6, atol=1e-9)
    assert low == pytest.approx(min(ends[0] for ends in every), abs=1e-9)
    assert high == pytest.approx(max(ends[1] for ends in every), abs=1e-9)
    assert 0 <= low <= auc <= high <= 1
    assert low < high


@pytest.mark.kernels
@given(grouped_units())
def test_groups_of_one_sample_each_say_what_delong_and_newcombe_do(case):
    values, extent, _ = case
    alone, grouped = placed(values, extent), placed(values, extent, np.arange(values.size))
    np.testing.assert_allclose(grouped_variance(grouped), delong_variance(alone), rtol=1e-12)
    if min(extent.sum(), (~extent).sum()) > 1:
        for one, other in zip(auc_interval(grouped), auc_interval(alone), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-12)


def test_the_p_value_is_that_of_a_t_test_between_groups():
    random = np.random.default_rng(3)
    group = np.repeat(np.arange(9), 7)
    extent = group < 4
    values = random.normal(size=63) + random.normal(size=9)[group] + 1.5 * extent
    found = placed(values, extent, group)
    auc = int(found.doubled_u[0]) / (2 * 28 * 35)
    variance = naive.grouped_variance(values.tolist(), extent.tolist(), group.tolist())
    t = math.log(auc / (1 - auc)) * auc * (1 - auc) / math.sqrt(variance)
    expected = scipy.stats.t.sf(t, 3)  # four groups inside
    assert 10 ** log10_p_between_groups(found, POSITIVE)[0] == pytest.approx(expected, rel=1e-9)
    opposite = log10_p_between_groups(found, NEGATIVE)[0]
    assert 10**opposite == pytest.approx(1 - expected, rel=1e-9)
    mirrored = log10_p_between_groups(placed(-values, extent, group), NEGATIVE)[0]
    assert 10**mirrored == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("n_inside", [2, 3, 8])
def test_groups_that_all_say_the_same_are_as_one_sample_each(n_inside):
    group = np.repeat(np.arange(20), 6)
    extent = group < n_inside
    perfect = extent + 0.0
    z = 0.5 / math.sqrt(21 / (12 * n_inside * (20 - n_inside)))
    expected = scipy.stats.t.sf(z, min(n_inside, 20 - n_inside) - 1)
    found = 10 ** log10_p_between_groups(placed(perfect, extent, group), POSITIVE)[0]
    assert found == pytest.approx(expected, rel=1e-9)
    # It is never below the chance that these groups of all are the highest.
    assert found > 1 / math.comb(20, n_inside)
    constant = placed(np.ones(120), extent, group)
    assert 10 ** log10_p_between_groups(constant, POSITIVE)[0] == pytest.approx(0.5)
    # Within every group, the sample inside is the higher one by a step of the same size, so that
    # only rounding makes groups differ.
    step = np.tile([0.0, 1.0], 6)
    paired = placed(step + 0.0, step > 0, np.repeat(np.arange(6), 2))
    assert 10 ** log10_p_between_groups(paired, POSITIVE)[0] > 1e-4


@pytest.mark.parametrize("design", [Design(12, 2), Design(12, 5), Design(40, 3, varies=True)])
@pytest.mark.parametrize("alike", [0.0, 0.5, 0.9])
def test_the_interval_covers_and_the_test_holds_its_level_whatever_groups_have_in_common(
    design, alike
):
    for shift in (0.0, 2.0):
        found = group_coverage(design, alike, shift, n_rounds=1500, seed=2)
        # Binomial noise of 1,500 rounds is 0.7 % at 92 %, and 0.6 % at 5 %.
        assert found.union > 0.92
        if shift == 0.0:
            assert found.below_5 < 0.05 + 3 * 0.006


def test_an_interval_that_takes_samples_of_groups_as_independent_covers_far_too_little():
    found = group_coverage(Design(12, 5), 0.9, 1.0, n_rounds=500, seed=2)
    assert found.of_samples < 0.6 < found.union
