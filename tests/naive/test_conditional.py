"""The oracle of rank sums given the ties, against scipy and against going through all extents."""

from fractions import Fraction
from itertools import combinations

import pytest
import scipy.stats

from tests import naive

VALUES = [2.0, 0.0, 0.0, 5.0, 2.0, -1.0, 0.0, 7.0]


@pytest.mark.parametrize("size", [1, 3, 7])
def test_the_counts_are_those_of_all_extents(size):
    ranks = naive.doubled_midranks(VALUES)
    sums = [sum(ranks[i] for i in extent) for extent in combinations(range(len(VALUES)), size)]
    assert naive.rank_sum_counts(VALUES, size) == {s: sums.count(s) for s in sums}


def test_without_ties_p_is_that_of_scipys_exact_test():
    inside, outside = [0.5, 3.5, 6.5, 9.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    rank_sum = sum(naive.doubled_midranks(inside + outside)[:4])
    for alternative in ("two-sided", "less", "greater"):
        expected = scipy.stats.mannwhitneyu(
            inside, outside, alternative=alternative, method="exact"
        ).pvalue
        found = naive.conditional_p(inside + outside, 4, rank_sum, alternative)
        assert float(found) == pytest.approx(expected, rel=1e-12, abs=0)


def test_log10_holds_where_floats_do_not():
    assert naive.log10_of(Fraction(1, 10**400)) == pytest.approx(-400, rel=1e-15, abs=0)
