"""The oracle of the normal tail, against a table and against other ways to the same number."""

from decimal import Decimal, localcontext

import numpy as np
import pytest
import scipy.stats

from tests import naive


@pytest.mark.parametrize("z", [-30.0, -7.5, -1.0, 0.0, 0.3, 5.9, 6.1, 37.0, 120.0, 1000.0])
def test_log10_of_the_normal_tail_equals_scipy(z):
    found = float(naive.log10_upper_tail(Decimal(z)))
    assert found == pytest.approx(scipy.stats.norm.logsf(z) / np.log(10), rel=1e-13, abs=0)


@pytest.mark.parametrize("z", ["4.5", "6", "8.25"])
def test_two_expansions_of_the_normal_tail_agree(z):
    with localcontext(prec=80):
        series = naive.tail_by_series(Decimal(z))
        fraction = naive.tail_by_fraction(Decimal(z))
    assert abs(series / fraction - 1) < Decimal(10) ** -40


def test_a_tail_from_a_table():
    # Abramowitz and Stegun, table 26.2: -log10 Q(10) = 23.11805, -log10 Q(100) = 2173.87154
    assert float(naive.log10_upper_tail(Decimal(10))) == pytest.approx(-23.11805, abs=5e-6)
    assert float(naive.log10_upper_tail(Decimal(100))) == pytest.approx(-2173.87154, abs=5e-6)
