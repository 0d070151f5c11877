"""P-values corrected for many tests: all formulas of a search, or all units that are probed."""

import math

import numpy as np

from invert_core.statistics.tails import LN10


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


def log10_p_holm(log10_p: np.ndarray) -> np.ndarray:
    """Correct the p-values of M tests, given as decimal logarithms, by Holm's procedure.

    The i-th smallest p becomes the largest of min(1, (M - j + 1) p_j) over j <= i. The chance that
    the p of any true null hypothesis falls below a level is at most that level, however the tests
    depend on each other. The tests of units of one layer do depend on each other. See Holm, "A
    simple sequentially rejective multiple test procedure", Scandinavian Journal of Statistics 6
    (1979).

    Parameters
    ----------
    log10_p : float64 array [M]
        Decimal logarithms of the p-values.

    Returns
    -------
    float64 array [M]
        Decimal logarithms of the corrected p-values, in the same order. Equal p-values stay equal,
        and none becomes smaller.

    Examples
    --------
    >>> log10_p_holm(np.array([-400.0, -2.0, -401.0])).round(2)
    array([-399.7 ,   -2.  , -400.52])
    """
    order = np.argsort(log10_p, kind="stable")
    factors = np.arange(len(log10_p), 0, -1)
    corrected = np.empty(len(log10_p))
    corrected[order] = np.maximum.accumulate(np.log10(factors) + log10_p[order])
    return np.minimum(0.0, corrected)
