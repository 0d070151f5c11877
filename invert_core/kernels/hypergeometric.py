"""Logarithms of binomial coefficients, and the tail of the hypergeometric distribution."""

import math

from invert_core.kernels._jit import frugal_inner

_NOTHING = 1e-17


@frugal_inner
def log_choose(n, k):
    """Return log of n over k, for 0 <= k <= n."""
    return math.lgamma(n + 1.0) - math.lgamma(k + 1.0) - math.lgamma(n - k + 1.0)


@frugal_inner
def add_logs(a, b):
    """Return log(exp(a) + exp(b)); -inf stands for nothing."""
    if a < b:
        a, b = b, a
    return a if b == -math.inf else a + math.log1p(math.exp(b - a))


@frugal_inner
def log_hypergeometric_tail(least, n_drawn, n_low, n_high):
    """Return log P(K >= least), K the number from `n_high` if n of both are drawn.

    `least` must be above the smallest possible K and not above the largest.
    """
    smallest, largest = max(0, n_drawn - n_low), min(n_drawn, n_high)
    # Terms are added from the bound away from the mode, so each is smaller than the one before.
    is_upper = least * (n_low + n_high + 2.0) >= (n_drawn + 1.0) * (n_high + 1.0)
    k = least if is_upper else least - 1
    log_first = (
        log_choose(n_high, k) + log_choose(n_low, n_drawn - k) - log_choose(n_low + n_high, n_drawn)
    )
    total = 1.0
    term = 1.0
    if is_upper:
        while k < largest and term > _NOTHING * total:
            term *= float(n_high - k) * (n_drawn - k) / ((k + 1.0) * (n_low - n_drawn + k + 1.0))
            total += term
            k += 1
        return min(0.0, log_first + math.log(total))
    while k > smallest and term > _NOTHING * total:
        term *= float(k) * (n_low - n_drawn + k) / ((n_high - k + 1.0) * (n_drawn - k + 1.0))
        total += term
        k -= 1
    # At most about half of the distribution is below the mode, so that something is left.
    return math.log1p(-min(math.exp(log_first) * total, 1.0 - 2.0**-53))
