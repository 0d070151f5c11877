"""The oracles of corrections, against counts made by hand and exact fractions."""

from fractions import Fraction
from math import log10

import numpy as np
import pytest

from tests import naive


def test_the_space_of_two_concepts_counted_by_hand():
    assert naive.n_formulas(2, 1, False) == 4
    assert naive.n_formulas(2, 2, False) == 4 + 4 * 4 * 2
    assert naive.n_formulas(2, 3, True) == 2 * (4 + 32 + 4 * 4 * 4 * 4)


@pytest.mark.parametrize("tenth_power", [1, 3, 7])
@pytest.mark.parametrize("space", [1, 2, 36])
def test_p_search_equals_exact_fractions(tenth_power, space):
    exact = 1 - (1 - Fraction(1, 10**tenth_power)) ** space
    assert naive.log10_p_search(-tenth_power, space) == pytest.approx(
        log10(exact), rel=1e-13, abs=0
    )


def test_p_search_at_its_ends():
    assert naive.log10_p_search(0.0, 12) == 0
    assert naive.log10_p_search(-5000.0, 10**9) == pytest.approx(-4991, rel=1e-15, abs=0)
    assert naive.log10_p_search(-3.0, 10**5) == pytest.approx(-(0.999**100_000) / np.log(10))
