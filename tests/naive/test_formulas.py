"""The oracles of formulas, against results found by hand."""

from tests import naive
from tests.naive.six_samples import A_, B_, NOT_B, A, B


def test_a_formula_is_read_from_left_to_right():
    assert naive.extent_of((A_, NOT_B, B_), ("&", "|"), (A, B), 6) == {1, 2, 4, 5}
    assert naive.extent_of((B_, A_, NOT_B), ("|", "&"), (A, B), 6) == {4, 5}


def test_normal_form_sorts_within_each_run_only():
    assert naive.normal_form((5, 2, 7, 0, 6), "&&||") == (2, 5, 7, 0, 6)
    assert naive.normal_form((5, 2, 7, 1, 0), "&|||") == (2, 5, 0, 1, 7)
    assert naive.normal_form((3, 2), "|") == (2, 3)
