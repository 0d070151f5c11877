import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.statistics.corrections import log10_p_holm, log10_p_search, n_formulas
from tests import naive


@pytest.mark.parametrize("n_concepts", [1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 3])
@pytest.mark.parametrize("both", [False, True])
def test_the_formula_space_is_as_large_as_all_formulas_written_down(n_concepts, length, both):
    expected = naive.n_formulas(n_concepts, length, both)
    assert n_formulas(n_concepts, length, 2 if both else 1) == expected


@given(st.floats(-400, 0), st.integers(1, 40))
def test_the_corrected_p_equals_many_digits_of_arithmetic(log10_p, digits):
    space = 10**digits + 7
    found = float(log10_p_search(np.array(10.0**log10_p), np.array(log10_p), space))
    assert found == pytest.approx(naive.log10_p_search(log10_p, space), rel=1e-9, abs=1e-12)


def test_a_space_beyond_the_floats_still_corrects():
    space = n_formulas(5000, 100)
    assert space > 10**400
    assert float(log10_p_search(np.array(0.0), np.array(-500.0), space)) == pytest.approx(
        naive.log10_p_search(-500.0, space), rel=1e-9
    )
    assert float(log10_p_search(np.array(1e-9), np.array(-9.0), space)) == 0.0


@given(st.lists(st.sampled_from([-400.0, -9.0, -2.0, 0.0]) | st.floats(-500, 0), max_size=9))
def test_the_p_corrected_over_units_is_the_level_at_which_holm_rejects(log10_p):
    found = log10_p_holm(np.array(log10_p))
    assert found.tolist() == pytest.approx(naive.log10_p_holm(log10_p), rel=1e-13, abs=1e-14)
    assert (found >= log10_p).all()
    order = np.argsort(log10_p, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
