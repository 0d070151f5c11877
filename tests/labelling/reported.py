"""Rows of a unit, apart: the best ones, and a headline that is not among them."""

import math

from tests.naive import corrections as naive


def best_rows(rows, n_best):
    """The first rows of a search; one more may follow if it is the headline.

    Exactly one row of a search is.
    """
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
    assert sum(row.headline for row in rows) == 1
    assert len(rows) == n_best or (len(rows) == n_best + 1 and rows[-1].headline)
    return rows[:n_best]


def log10_p_of_space(row, n_concepts, length, both=False):
    """The decimal logarithm of p_search of a row if nothing was permuted."""
    if not row.headline:
        return naive.log10_p_search(row.log10_p, naive.n_formulas(n_concepts, length, both))
    space = naive.n_formulas(n_concepts, row.length, both)
    return min(0.0, naive.log10_p_search(row.log10_p, space) + math.log10(length))
