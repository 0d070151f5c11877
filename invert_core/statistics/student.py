"""The upper tail of Student's t distribution, as a logarithm.

It is half the incomplete beta function I_x(v / 2, 1 / 2) at x = v / (v + t**2), where v are the
degrees of freedom; this function is a continued fraction (DLMF 8.17.22). All functions are
elementwise: no value depends on the other values in the same array.
"""

import math

import numpy as np

_PRECISE = 2.0**-52
_MOST_STEPS = 10_000
"""Far more than are needed, which are about the square root of the degrees of freedom."""


def log_upper_tail_t(t: np.ndarray, freedom: np.ndarray) -> np.ndarray:
    """Return the natural logarithm of the probability of values above t.

    Parameters
    ----------
    t : float64 [F]
        Finite values.
    freedom : float64 [F]
        Degrees of freedom, above 0; they need not be whole.

    Returns
    -------
    float64 [F]
        Its relative error is below 1e-9 up to a million degrees of freedom.
    """
    half = freedom / 2
    share, rest = freedom / (freedom + t * t), t * t / (freedom + t * t)
    # The fraction converges fast below the mean of the beta distribution.
    is_below = share < (half + 1) / (half + 2.5)
    a, b = np.where(is_below, half, 0.5), np.where(is_below, 0.5, half)
    x, y = np.where(is_below, share, rest), np.where(is_below, rest, share)
    with np.errstate(divide="ignore"):
        beta = a * np.log(x) + b * np.log(y) - np.log(a) - _log_beta(half) - np.log(_lentz(a, b, x))
    log_both = np.where(is_below, beta, np.log1p(-np.where(is_below, 0.0, np.exp(beta))))
    above = log_both - math.log(2)
    return np.where(t >= 0, above, np.log1p(-np.exp(above)))


def _log_beta(half: np.ndarray) -> np.ndarray:
    """Return the logarithm of the beta function at (half, 1 / 2): float64 [F]."""
    ratios = [math.lgamma(each) - math.lgamma(each + 0.5) for each in half.tolist()]
    return np.array(ratios) + math.lgamma(0.5)


def _lentz(a: np.ndarray, b: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return x**a (1 - x)**b / (a B(a, b) I_x(a, b)), a continued fraction, by Lentz's method."""
    fraction, above, below = np.ones_like(x), np.ones_like(x), np.zeros_like(x)
    is_left = np.ones(x.shape, np.bool_)
    for step in range(1, _MOST_STEPS):
        m = step // 2
        if step % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        below = 1 / (1 + term * below)
        above = 1 + term / above
        fraction = np.where(is_left, fraction * above * below, fraction)
        is_left &= np.abs(above * below - 1) > _PRECISE
        if not is_left.any():
            break
    return fraction
