"""The tail of a sum of values drawn without replacement, by the double saddlepoint approximation.

Every value y is drawn with the odds exp(a + b y), independently of the others. With the right a
and b, the *tilt*, the expected number of draws is the true one and the expected sum is the one that
was observed. There the distribution of number and sum is well described by a normal one, and going
back from the tilt to equal odds is exact. A population may consist of two strata, from each of
which a number of values is drawn; each stratum then has an a of its own.

Tilting and the formula for the tail: R. Lugannani and S. Rice, "Saddle point approximation for the
distribution of the sum of independent random variables", Advances in Applied Probability 12 (1980).
Permutation tests: J. Robinson, "Saddlepoint approximations for permutation tests and confidence
intervals", JRSS B 44 (1982). Given the number of draws: I. M. Skovgaard, "Saddlepoint expansions
for conditional distributions", Journal of Applied Probability 24 (1987); J. G. Booth and R. W.
Butler, "Randomization distributions and saddlepoint approximations in generalized linear models",
Biometrika 77 (1990). Sums on a lattice: H. E. Daniels, "Tail probability approximations",
International Statistical Review 55 (1987).
"""

import math
from typing import NamedTuple

import numpy as np

from invert_core.kernels._jit import inner, kernel

_NODES = np.array([0.1834346424956498, 0.525532409916329, 0.7966664774136267, 0.9602898564975363])
_WEIGHTS = np.array([0.362683783378362, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763])
"""Gauss-Legendre on [-1, 1] with eight nodes, of which four are shown: the others mirror them."""
_ADDED_UP = 48
"""Runs of more values are integrated."""
_PANEL = 6.0
"""The largest width of a panel of eight nodes, in log odds."""
_CERTAIN = 36.0
"""Log odds at which a value counts as drawn, or if negative as not drawn: exp(-36) is 2e-16."""
_N_STEPS = 100
_NEAR_MEAN = 0.03
"""Standard scores about the mean where the formula of Lugannani and Rice is 0 / 0."""
_LEAST_CHANGE = -0.999
"""Keeps a logarithm finite where the approximation has failed."""
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


class Tilt(NamedTuple):
    """A tilt, found by `find_tilt`, which takes what it finds here as a first guess.

    Value y of stratum g has the log odds ``a[g] + b[0] (y - pivot[g]) / scale``. The pivot, int64,
    is close to the values about which the draw is undecided: y minus pivot is exact, and no digits
    cancel in variances.
    """

    a: np.ndarray
    b: np.ndarray
    pivot: np.ndarray


class Cumulants(NamedTuple):
    """K = sum of log(1 + exp(a + b y)) over values y, and its derivatives."""

    k: float
    by_a: float
    by_b: float
    by_aa: float
    by_ab: float
    by_bb: float


class Fit(NamedTuple):
    """What is left at a tilt: log of the bound on the tail, and the spread of the sum.

    `log_bound` is Chernoff's bound. `variance` is that of the sum given the numbers of draws,
    `stretch` what the variances of these numbers are to those without tilt, `converged` whether
    the tilt was found.
    """

    log_bound: float
    variance: float
    stretch: float
    converged: bool


@inner
def logistic(z):
    """Return log(1 + exp(z)), its derivative p, and p(1 - p)."""
    e = math.exp(-abs(z))
    share = 1.0 / (1.0 + e)
    rest = e * share
    if z > 0.0:
        return z + math.log1p(e), share, share * rest
    return math.log1p(e), rest, share * rest


@kernel
def cumulants(a, b, pivot, scale, pieces, start, stop):
    """Return the cumulants of the pieces from `start` to `stop`."""
    k = by_a = by_b = by_aa = by_ab = by_bb = 0.0
    for piece in range(start, stop):
        size, step = pieces.size[piece], pieces.step[piece] / scale
        y0 = (pieces.level[piece] - pivot) / scale
        first, last = 0, size
        if step == 0.0:
            first, last = 0, 1
        elif b * step != 0.0:
            # Only values with log odds between -36 and 36 need an exponential.
            one, other = (-_CERTAIN - a) / b - y0, (_CERTAIN - a) / b - y0
            first = int(min(max(math.ceil(min(one, other) / step), 0.0), float(size)))
            last = int(
                min(max(math.floor(max(one, other) / step) + 1.0, float(first)), float(size))
            )
            sure = size - last if b > 0.0 else first
            if sure > 0:
                middle = last if b > 0.0 else 0
                of_sure = sure * (y0 + step * (middle + 0.5 * (sure - 1)))
                k += sure * a + b * of_sure
                by_a += sure
                by_b += of_sure
        n_values = last - first
        if n_values <= _ADDED_UP:
            weight = 1.0 if step > 0.0 else float(size)
            for value in range(first, last):
                y = y0 + value * step
                log_sum, p, v = logistic(a + b * y)
                k += weight * log_sum
                by_a += weight * p
                by_b += weight * p * y
                by_aa += weight * v
                by_ab += weight * v * y
                by_bb += weight * v * y * y
            continue
        # The midpoint rule read backwards: each value stands for a step that it halves.
        low = y0 + (first - 0.5) * step
        width = n_values * step
        n_panels = max(3, int(abs(b) * width / _PANEL) + 1)
        half = 0.5 * width / n_panels
        for panel in range(n_panels):
            middle = low + (2 * panel + 1) * half
            for node in range(8):
                side = half if node < 4 else -half
                y = middle + side * _NODES[node & 3]
                weight = _WEIGHTS[node & 3] * half / step
                log_sum, p, v = logistic(a + b * y)
                k += weight * log_sum
                by_a += weight * p
                by_b += weight * p * y
                by_aa += weight * v
                by_ab += weight * v * y
                by_bb += weight * v * y * y
        # The next term of Euler and Maclaurin; in K alone, which is flat where the tilt is found.
        rise = logistic(a + b * (low + width))[1] - logistic(a + b * low)[1]
        k -= b * step * rise / 24.0
    return Cumulants(k, by_a, by_b, by_aa, by_ab, by_bb)


class Draw(NamedTuple):
    """A draw without replacement: `n_low` of the low stratum and `n_high` of the high one.

    The low stratum is `pieces` from `start` to `border`, the high one from `border` to `stop`. If
    the low one is empty, there is only one. Otherwise from each some are drawn and some are not.
    """

    pieces: tuple
    start: int
    border: int
    stop: int
    n_low: int
    n_high: int


@inner
def n_values_of(pieces, start, stop):
    """Return how many values pieces have."""
    n_values = 0
    for piece in range(start, stop):
        n_values += pieces.size[piece]
    return n_values


@inner
def note(of, row):
    """Write cumulants into an array."""
    row[0], row[1], row[2], row[3], row[4], row[5] = of


@inner
def no_tilt():
    """Return room for a tilt."""
    return Tilt(np.zeros(2), np.zeros(1), np.zeros(2, np.int64))


@kernel
def find_tilt(draw, twice_sum, scale, tilt, is_guess):
    """Find the tilt at which half of `twice_sum` is the expected sum, and return the fit there.

    Newton's method on a convex function of a and b, with steps that are cut until they go down.
    """
    pieces = draw.pieces
    edges = (draw.start, draw.border, draw.stop)
    drawn = (draw.n_low, draw.n_high)
    first = 0 if draw.border > draw.start else 1
    a, b, pivot = tilt.a, tilt.b, tilt.pivot
    log_odds_even = 0.0
    log_variance_even = 0.0
    offset = twice_sum
    for g in range(first, 2):
        size = float(n_values_of(pieces, edges[g], edges[g + 1]))
        share = drawn[g] / size
        # K(a, 0) - a n where exp(a) are the odds of a draw: the entropy of the draw.
        log_odds_even -= drawn[g] * math.log(share) + (size - drawn[g]) * math.log1p(-share)
        log_variance_even += math.log(size * share * (1.0 - share))
        if not is_guess:
            a[g] = math.log(share) - math.log1p(-share)
            pivot[g] = pieces.level[edges[g]]
        offset -= 2 * drawn[g] * pivot[g]
    if not is_guess:
        b[0] = 0.0
    target = 0.5 * offset / scale
    moments = np.empty((2, 6))
    tried = np.zeros(3)
    value = add_strata(draw, a, b[0], pivot, scale, target, moments)
    variance = 0.0
    converged = False
    for _ in range(_N_STEPS):
        # Around a pivot where the draw is undecided, sums of squares do not cancel.
        if not (moments[first, 3] > 0.0 and moments[1, 3] > 0.0):
            break
        offset = twice_sum
        for g in range(first, 2):
            move = np.int64(round(scale * moments[g, 4] / moments[g, 3]))
            shift = move / scale
            pivot[g] += move
            a[g] += b[0] * shift
            moments[g, 5] += shift * (shift * moments[g, 3] - 2.0 * moments[g, 4])
            moments[g, 4] -= shift * moments[g, 3]
            moments[g, 2] -= shift * moments[g, 1]
            offset -= 2 * drawn[g] * pivot[g]
        target = 0.5 * offset / scale
        variance = 0.0
        down_b = -target
        for g in range(first, 2):
            down_b += moments[g, 2]
            variance += moments[g, 5] - moments[g, 4] * moments[g, 4] / moments[g, 3]
        down = down_b
        for g in range(first, 2):
            down -= moments[g, 4] * (moments[g, 1] - drawn[g]) / moments[g, 3]
        if not variance > 0.0:
            break
        step_b = -down / variance
        gain = -down_b * step_b
        largest = abs(step_b) / (2.0 + 2.0 * abs(b[0]))
        for g in range(first, 2):
            excess = moments[g, 1] - drawn[g]
            tried[g] = -(excess + moments[g, 4] * step_b) / moments[g, 3]
            gain -= excess * tried[g]
            largest = max(largest, abs(tried[g]) / (4.0 + abs(a[g])))
        tolerance = 1e-11 + 4e-16 * abs(value)
        if gain <= tolerance:
            converged = True
            break
        size = 1.0 / max(1.0, largest)
        while True:
            for g in range(first, 2):
                a[g] += size * tried[g]
            found = add_strata(draw, a, b[0] + size * step_b, pivot, scale, target, moments)
            if found <= value - 1e-4 * size * gain + tolerance or size < 1e-12:
                break
            for g in range(first, 2):
                a[g] -= size * tried[g]
            size *= 0.5
        b[0] += size * step_b
        value = found
    stretch = 1.0
    for g in range(first, 2):
        stretch *= moments[g, 3]
    return Fit(value - log_odds_even, variance, stretch / math.exp(log_variance_even), converged)


@inner
def add_strata(draw, a, b, pivot, scale, target, moments):
    """Fill in the cumulants of each stratum, and return the function that a tilt minimises."""
    value = -b * target
    if draw.border > draw.start:
        low = cumulants(a[0], b, pivot[0], scale, draw.pieces, draw.start, draw.border)
        note(low, moments[0])
        value += low.k - a[0] * draw.n_low
    high = cumulants(a[1], b, pivot[1], scale, draw.pieces, draw.border, draw.stop)
    note(high, moments[1])
    return value + high.k - a[1] * draw.n_high


@inner
def log_upper_tail(z):
    """Return the logarithm of the tail of the normal distribution."""
    if z < 8.0:
        return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
    # Laplace's continued fraction of the Mills ratio; with 12 terms to 1e-15 from here on.
    below = z
    for k in range(12, 0, -1):
        below = z + k / below
    return -0.5 * z * z - _LOG_SQRT_2PI - math.log(below)


@inner
def lugannani_rice(fit, b, half_span):
    """Return the logarithm of the tail at a fit, and whether the formula says anything there.

    `half_span` is half the span of the lattice of sums, in the unit of y. The formula is 0 / 0 at
    the mean of the sum, and near it the result means nothing.
    """
    r = math.sqrt(max(0.0, -2.0 * fit.log_bound))
    if not fit.converged or not fit.stretch > 0.0:
        return min(0.0, fit.log_bound), True
    if r < _NEAR_MEAN:
        return 0.0, False
    arc = min(abs(b) * half_span, 300.0)
    u = math.sinh(arc) / half_span * math.sqrt(fit.variance * fit.stretch)
    if b < 0.0:
        r, u = -r, -u
    # In logarithms, because the tail can be far below the smallest float.
    log_tail = log_upper_tail(r)
    log_density = -0.5 * r * r - _LOG_SQRT_2PI
    change = math.exp(log_density - log_tail) * (1.0 / u - 1.0 / r)
    return min(0.0, log_tail + math.log1p(max(change, _LEAST_CHANGE))), True
