"""The oracles of ranks and tests, against sums done by hand and against scipy."""

from fractions import Fraction
from math import log10

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from invert_core.testing.strategies import activations, labels, n_samples
from tests import naive

few = settings(max_examples=40, deadline=None)


def random_extent(draw_from, size):
    extent = naive.extents(draw_from.draw(labels(size, 1)))[0]
    assume(0 < len(extent) < size)
    return extent


def test_auc_counts_a_tie_as_one_half():
    assert naive.auc([1, 2, 2, 3], {2, 3}) == (7, 0.875)


def test_midranks_and_ties_of_a_worked_example():
    values = [2.0, -0.0, np.inf, 0.0, -np.inf, 2.0, 0.0]
    assert naive.doubled_midranks(values) == [11, 6, 14, 6, 2, 11, 6]
    assert naive.tie_sum(values) == 24 + 6


def test_mann_whitney_of_a_worked_example():
    test = naive.mann_whitney([1, 2, 2, 3], {2, 3})
    z = 1 / 1.5**0.5
    assert (test.doubled_u, test.u, test.auc) == (7, 3.5, 0.875)
    assert test.z == pytest.approx(z, rel=1e-15, abs=0)
    assert test.p == pytest.approx(2 * scipy.stats.norm.sf(z), rel=1e-12, abs=0)
    assert test.log10_p == pytest.approx(log10(test.p), rel=1e-12, abs=0)


def test_z_is_signed_and_0_where_the_continuity_correction_eats_the_difference():
    assert naive.mann_whitney([1, 2, 2, 3], {0, 1}).z == -naive.mann_whitney([1, 2, 2, 3], {2, 3}).z
    assert naive.mann_whitney([1, 2, 2, 3], {0, 3}).z == 0
    test = naive.mann_whitney([1, 2, 3], {1})
    assert (test.z, test.p, test.log10_p) == (0, 1, 0)


@pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
def test_a_constant_unit_is_no_evidence(alternative):
    test = naive.mann_whitney([np.inf] * 5, {0, 1}, alternative)
    assert (test.auc, test.z, test.p, test.log10_p) == (0.5, 0, 1, 0)


@few
@given(st.data(), n_samples())
def test_midranks_equal_scipy(data, size):
    values = data.draw(activations(size))[:, 0]
    expected = 2 * scipy.stats.rankdata(values.astype(float))
    assert naive.doubled_midranks(values) == expected.tolist()
    assert sum(naive.doubled_midranks(values)) == size * (size + 1)


@few
@given(st.data(), n_samples())
def test_pair_counts_equal_rank_sums_and_scipy(data, size):
    values = data.draw(activations(size))[:, 0]
    extent = random_extent(data, size)
    doubled_u, area = naive.auc(values, extent)
    ranks = naive.doubled_midranks(values)
    assert doubled_u == sum(ranks[i] for i in extent) - len(extent) * (len(extent) + 1)
    outside = set(range(size)) - extent
    assert Fraction(area) == pytest.approx(Fraction(doubled_u, 2 * len(extent) * len(outside)))
    assert naive.auc(values, outside)[0] == 2 * len(extent) * len(outside) - doubled_u


@few
@given(st.data(), n_samples(), st.sampled_from(["two-sided", "less", "greater"]))
def test_the_high_precision_tail_agrees_with_the_p_of_scipy(data, size, alternative):
    values = data.draw(activations(size))[:, 0]
    test = naive.mann_whitney(values, random_extent(data, size), alternative)
    assert 10**test.log10_p == pytest.approx(test.p, rel=1e-10, abs=0)
