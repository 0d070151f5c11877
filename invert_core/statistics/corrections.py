"""P-values corrected for many tests: all formulas of a search, or all units that are probed."""

import math

import numpy as np

from invert_core.settings import SIGNIFICANT
from invert_core.statistics.tails import LN10

SHARE_OF_PERMUTATIONS = 0.99
"""The share of the level that is spent on permutations; the rest is spent on the space."""


def n_formulas(n_concepts: int, length: int, n_directions: int = 1) -> int:
    """Return how many formulas a search could find: sum of (2C)**l 2**(l - 1), per direction.

    The sum is over the lengths l.

    >>> n_formulas(n_concepts=2, length=2)
    36
    """
    return n_directions * sum(
        (2 * n_concepts) ** size * 2 ** (size - 1) for size in range(1, length + 1)
    )


def log10_p_search(p_value: np.ndarray, log10_p: np.ndarray, n_tests: int) -> np.ndarray:
    """Return the decimal logarithm of Šidák's 1 - (1 - p)**M, given p and its logarithm.

    It is accurate even if p underflows or M exceeds the range of floats. See Šidák, "Rectangular
    confidence regions for the means of multivariate normal distributions", JASA 62 (1967).
    """
    if n_tests == 1:
        return log10_p
    p_value = np.asarray(p_value, np.float64)
    log_p = np.asarray(log10_p, np.float64) * LN10
    log_m = math.log(n_tests)
    with np.errstate(divide="ignore"):
        # For small p, ln(-ln(1 - p)) equals ln p to the last digit.
        log_rate = np.where(p_value > 1e-17, np.log(-np.log1p(-p_value)), log_p)
    log_rate = log_rate + log_m
    # For a small rate, ln(1 - exp(-rate)) is ln(rate) - rate / 2.
    rate = np.exp(np.minimum(log_rate, 700.0))
    small = log_rate < -20.0
    with np.errstate(divide="ignore"):
        exact = np.log(-np.expm1(-np.where(small, 1.0, rate)))
    return np.minimum(0.0, np.where(small, log_rate - rate / 2.0, exact)) / LN10


def log10_least_p(n_permutations: int, share: float) -> float:
    """Return the decimal logarithm of the smallest p-value that permutations can give.

    It is 1 / (P + 1), divided by the share of the level that is spent on permutations.

    >>> round(10 ** log10_least_p(199, 0.99), 5)
    0.00505
    """
    return -math.log10((n_permutations + 1) * share)


def enough_permutations(n_tests: int, n_found: int, how: str, share: float) -> int:
    """Return how many permutations it takes for a p-value that becomes significant by `adjusted`.

    `n_found` of all tests have the smallest p-value that permutations can give, or a smaller one;
    `share` is the share of the level that is spent on permutations.

    >>> enough_permutations(512, 1, "bh", 0.99), enough_permutations(512, 100, "bh", 1.0)
    (10343, 102)
    """
    factor = _factors(n_tests, how)[0 if how == "holm" else n_found - 1]
    return math.floor(factor / (SIGNIFICANT * share))


def _factors(n_tests: int, how: str) -> np.ndarray:
    """Return what `adjusted` multiplies the smallest p-value by, the second smallest, and so on."""
    ranks = np.arange(1.0, n_tests + 1.0)
    if how == "holm":
        return ranks[::-1]
    of_bh = n_tests / ranks
    return of_bh * (1.0 / ranks).sum() if how == "by" else of_bh


def adjusted(log10_p: np.ndarray, how: str) -> np.ndarray:
    """Correct the p-values of M tests, given as decimal logarithms.

    With "bh" and "by", the corrected p is the false discovery rate if this test and all with a
    smaller p are called significant: the i-th smallest p becomes the smallest of min(1, M p_j / j)
    over j >= i. This holds if the tests are independent or depend on each other positively; "by"
    multiplies by 1 + 1/2 + ... + 1/M, which makes it hold however they depend on each other.

    With "holm", the chance that the corrected p of any true null hypothesis falls below a level is
    at most that level, however the tests depend on each other: the i-th smallest p becomes the
    largest of min(1, (M - j + 1) p_j) over j <= i.

    See Benjamini and Hochberg, "Controlling the false discovery rate", Journal of the Royal
    Statistical Society B 57 (1995); Benjamini and Yekutieli, "The control of the false discovery
    rate in multiple testing under dependency", Annals of Statistics 29 (2001); Holm, "A simple
    sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6 (1979).

    Parameters
    ----------
    log10_p : float64 array [M]
        Decimal logarithms of the p-values.
    how : {"bh", "by", "holm"}
        The procedure.

    Returns
    -------
    float64 array [M]
        Decimal logarithms of the corrected p-values, in the same order. Equal p-values stay equal,
        and none becomes smaller.

    Examples
    --------
    >>> adjusted(np.array([-400.0, -2.0, -401.0]), "holm").round(2)
    array([-399.7 ,   -2.  , -400.52])
    """
    order = np.argsort(log10_p, kind="stable")
    scaled = np.log10(_factors(len(log10_p), how)) + log10_p[order]
    if how == "holm":
        monotone = np.maximum.accumulate(scaled)
    else:
        monotone = np.minimum.accumulate(scaled[::-1])[::-1]
    corrected = np.empty(len(log10_p))
    corrected[order] = np.minimum(0.0, monotone)
    return corrected
