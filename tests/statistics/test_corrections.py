from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control
from statsmodels.stats.multitest import multipletests

from invert_core.statistics.corrections import (
    adjusted,
    enough_permutations,
    log10_least_p,
    log10_p_search,
    n_formulas,
)
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


OF_STATSMODELS = {"bh": "fdr_bh", "by": "fdr_by", "holm": "holm"}
HOWS = tuple(OF_STATSMODELS)
LOG10_P = st.lists(
    st.sampled_from([-9.0, -2.0, -0.3, 0.0]) | st.floats(-300, 0), min_size=1, max_size=30
)


@given(LOG10_P, st.sampled_from(HOWS))
def test_corrected_p_values_are_those_of_statsmodels_and_scipy(log10_p, how):
    found = adjusted(np.array(log10_p), how)
    p = 10.0 ** np.array(log10_p)
    # It collects garbage each time, which takes half a second beside the tests of a whole suite.
    with mock.patch("gc.collect"):
        expected = np.log10(multipletests(p, method=OF_STATSMODELS[how])[1])
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
    if how != "holm":
        by_scipy = np.log10(false_discovery_control(p, method=how))
        np.testing.assert_allclose(found, by_scipy, rtol=1e-12, atol=1e-12)


@given(
    st.lists(st.sampled_from([-400.0, -9.0, -2.0, 0.0]) | st.floats(-500, 0), max_size=30),
    st.sampled_from(HOWS),
)
def test_corrected_p_values_keep_order_and_ties_and_never_fall(log10_p, how):
    log10_p = np.array(log10_p)
    found = adjusted(log10_p, how)
    assert ((log10_p <= found) & (found <= 0)).all()
    order = np.argsort(log10_p, kind="stable")
    assert (np.diff(found[order]) >= 0).all()
    assert len(set(zip(log10_p.tolist(), found.tolist(), strict=True))) == np.unique(log10_p).size


@given(st.lists(st.sampled_from([-400.0, -9.0, -2.0, 0.0]) | st.floats(-500, 0), max_size=9))
def test_the_p_corrected_over_units_is_the_level_at_which_holm_rejects(log10_p):
    found = adjusted(np.array(log10_p), "holm")
    assert found.tolist() == pytest.approx(naive.log10_p_holm(log10_p), rel=1e-13, abs=1e-14)


@pytest.mark.parametrize("how", HOWS)
def test_one_test_needs_no_correction(how):
    assert adjusted(np.array([-400.0]), how).tolist() == [-400.0]
    assert adjusted(np.array([0.0]), how).tolist() == [0.0]


@pytest.mark.parametrize("how", HOWS)
def test_p_values_that_underflow_are_corrected_like_others(how):
    log10_p = np.random.default_rng(0).uniform(-30, -10, 200).round(1)
    far = adjusted(log10_p - 5000.0, how)
    np.testing.assert_allclose(far + 5000.0, adjusted(log10_p, how), atol=1e-10)


@pytest.mark.parametrize("how", HOWS)
def test_hundreds_of_thousands_of_p_values_are_corrected_as_by_statsmodels(how):
    p = np.random.default_rng(0).uniform(size=300_000) ** 3
    expected = multipletests(p, method=OF_STATSMODELS[how])[1]
    np.testing.assert_allclose(10.0 ** adjusted(np.log10(p), how), expected, rtol=1e-10)


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("share", [0.99, 1.0])
@pytest.mark.parametrize(("n_tests", "n_found"), [(1, 1), (9, 1), (60, 1), (60, 7), (512, 300)])
def test_no_fewer_permutations_are_enough_than_it_says(how, n_tests, n_found, share):
    def corrected(n_permutations):
        log10_p = np.zeros(n_tests)
        log10_p[:n_found] = log10_least_p(n_permutations, share)
        return 10.0 ** adjusted(log10_p, how)[0]

    n_enough = enough_permutations(n_tests, n_found, how, share)
    assert corrected(n_enough) < 0.05 < corrected(n_enough - 1) * (1 + 1e-9)
