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

from invert_core.kernels._jit import frugal_inner

_NODES = np.array([0.1834346424956498, 0.525532409916329, 0.7966664774136267, 0.9602898564975363])
_WEIGHTS = np.array([0.362683783378362, 0.3137066458778873, 0.2223810344533745, 0.1012285362903763])
"""Gauss-Legendre on [-1, 1] with eight nodes, of which four are shown: the others mirror them."""
_ADDED_UP = 48
"""Runs of more values are integrated."""
_PANEL, _NARROW_PANEL = 6.0, 2.0
"""The largest width of a panel of eight nodes in log odds, and of one among fewer than three."""
_CERTAIN = 36.0
"""Log odds at which a value counts as drawn, or if negative as not drawn: exp(-36) is 2e-16."""
_MOST_EVALUATIONS = 400
_NEAR_MEAN = 0.03
"""Standard scores about the mean where the formula of Lugannani and Rice is 0 / 0."""
_LEAST_CHANGE = -0.999
"""Keeps a logarithm finite where the approximation has failed."""
_UNDECIDED = 1e-3
"""The least variance of a number of draws from which a search for a tilt begins."""
_ENOUGH, _ROUNDING = 1e-11, 4e-16
"""How far from the minimum a search ends, absolutely, and as a share of the function."""
_CLOSE = 1e-6
"""A tilt within this distance from the minimum counts as found."""
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)


class Tilt(NamedTuple):
    """A tilt: value y of stratum g has the log odds ``a[g] + b[0] (y - pivot[g]) / scale``.

    The pivot, int64, is close to the values about which the draw is undecided: y minus pivot is
    exact, and no digits cancel in variances. `find_tilt` starts from what it finds here, unless b
    is NaN. It leaves the `Cumulants` of stratum g in ``moments[g]``; `steps` is room for it.
    """

    a: np.ndarray
    b: np.ndarray
    pivot: np.ndarray
    moments: np.ndarray
    steps: np.ndarray


def room_for_tilt() -> Tilt:
    """Return room for a tilt."""
    a, steps = np.zeros((2, 2))
    return Tilt(a, np.full(1, np.nan), np.zeros(2, np.int64), np.empty((2, 6)), steps)


@frugal_inner
def forget(tilt):
    """Let the next search begin without a tilt."""
    tilt.b[0] = math.nan
    for g in range(2):
        tilt.a[g] = 0.0
        tilt.pivot[g] = 0


class Draw(NamedTuple):
    """A draw without replacement of ``drawn[g]`` values from stratum g, which is 0 or 1.

    Stratum g is the pieces from ``start[g]`` to ``stop[g]``, with `size[g]` values. From the strata
    ``among[0]`` to ``among[1]``, some values are drawn and some are not. These are int64 [2];
    `expected`, float64 [2], is how many values of each stratum one expects to be drawn.
    """

    start: np.ndarray
    stop: np.ndarray
    size: np.ndarray
    drawn: np.ndarray
    among: np.ndarray
    expected: np.ndarray


def room_for_draw() -> Draw:
    """Return room for a draw."""
    start, stop, size, drawn, among = np.zeros((5, 2), np.int64)
    return Draw(start, stop, size, drawn, among, np.zeros(2))


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


@frugal_inner
def logistic(z):
    """Return log(1 + exp(z)), its derivative p, and p(1 - p)."""
    e = math.exp(-abs(z))
    share = 1.0 / (1.0 + e)
    rest = e * share
    if z > 0.0:
        return z + math.log1p(e), share, share * rest
    return math.log1p(e), rest, share * rest


@frugal_inner
def cumulants(a, b, pivot, pieces, start, stop):
    """Return the cumulants of the pieces from `start` to `stop`."""
    scale = pieces.scale[0]
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
        is_added_up = n_values <= _ADDED_UP
        # The midpoint rule read backwards: each value stands for a step of which it is the middle.
        low = y0 + (first - 0.5) * step
        width = n_values * step
        span = abs(b) * width
        n_panels = max(min(3, int(span / _NARROW_PANEL) + 1), int(span / _PANEL) + 1)
        half = 0.5 * width / n_panels
        weight = 1.0 if step > 0.0 else float(size)
        for point in range(n_values if is_added_up else 8 * n_panels):
            if is_added_up:
                y = y0 + (first + point) * step
            else:
                node = point & 3
                side = half if point & 4 else -half
                y = low + (2 * (point >> 3) + 1) * half + side * _NODES[node]
                weight = _WEIGHTS[node] * half / step
            log_sum, p, v = logistic(a + b * y)
            k += weight * log_sum
            by_a += weight * p
            by_b += weight * p * y
            by_aa += weight * v
            by_ab += weight * v * y
            by_bb += weight * v * y * y
        if is_added_up:
            continue
        # The next term of Euler and Maclaurin, and its derivatives, so that K goes down where they
        # say so; second derivatives only guide the search.
        high = low + width
        _, p_low, v_low = logistic(a + b * low)
        _, p_high, v_high = logistic(a + b * high)
        k -= b * step * (p_high - p_low) / 24.0
        by_a -= b * step * (v_high - v_low) / 24.0
        by_b -= step * (p_high - p_low + b * (v_high * high - v_low * low)) / 24.0
    return Cumulants(k, by_a, by_b, by_aa, by_ab, by_bb)


@frugal_inner
def n_values_of(pieces, start, stop):
    """Return how many values pieces have."""
    return pieces.before[stop] - pieces.before[start]


@frugal_inner
def find_tilt(draw, twice_sum, pieces, tilt):
    """Find the tilt at which half of `twice_sum` is the expected sum, and return the fit there.

    Newton's method on a convex function of a and b, with steps that are cut until they go down.
    Each turn goes part of a step, and takes some of it back if that was too far.
    """
    first, end, drawn, scale = draw.among[0], draw.among[1], draw.drawn, pieces.scale[0]
    a, b, pivot, moments, steps = tilt
    is_cold, is_begun = math.isnan(b[0]), False
    value = gain = math.inf
    variance = tolerance = step_b = share = move = 0.0
    for _ in range(_MOST_EVALUATIONS):
        if is_cold and not is_begun:
            b[0] = 0.0
        b[0] += move * step_b
        found, least_variance, left = 0.0, math.inf, twice_sum
        for g in range(first, end):
            if is_cold and not is_begun:
                a[g] = math.log(drawn[g] / (draw.size[g] - drawn[g]))
                pivot[g] = pieces.level[draw.start[g]]
            a[g] += move * steps[g]
            of = cumulants(a[g], b[0], pivot[g], pieces, draw.start[g], draw.stop[g])
            moments[g, 0], moments[g, 1], moments[g, 2] = of.k, of.by_a, of.by_b
            moments[g, 3], moments[g, 4], moments[g, 5] = of.by_aa, of.by_ab, of.by_bb
            found += of.k - a[g] * drawn[g]
            least_variance = min(least_variance, of.by_aa)
            left -= 2 * drawn[g] * pivot[g]
        found -= b[0] * (0.5 * left / scale)
        if is_begun and found > value - 1e-4 * share * gain + tolerance and share >= 1e-12:
            share *= 0.5
            move = -share
            continue
        # Where nothing is undecided, no step can be taken.
        if not (is_begun or is_cold or least_variance > _UNDECIDED):
            is_cold, move = True, 0.0
            continue
        is_begun = True
        value = found
        if not least_variance > 0.0:
            break
        # The Hessian is diagonal but for its last row, that of b.
        variance = slope = excess_sum = 0.0
        left = twice_sum
        for g in range(first, end):
            # Pivots move to where the draw is undecided: there, sums of squares do not cancel.
            at = np.int64(round(scale * moments[g, 4] / moments[g, 3]))
            shift = at / scale
            pivot[g] += at
            a[g] += b[0] * shift
            moments[g, 5] += shift * (shift * moments[g, 3] - 2.0 * moments[g, 4])
            moments[g, 4] -= shift * moments[g, 3]
            moments[g, 2] -= shift * moments[g, 1]
            left -= 2 * drawn[g] * pivot[g]
            slope += moments[g, 2]
            excess_sum += moments[g, 4] * (moments[g, 1] - drawn[g]) / moments[g, 3]
            variance += moments[g, 5] - moments[g, 4] * moments[g, 4] / moments[g, 3]
        if not variance > 0.0:
            break
        slope -= 0.5 * left / scale
        step_b = (excess_sum - slope) / variance
        gain = -slope * step_b
        largest = abs(step_b) / (2.0 + 2.0 * abs(b[0]))
        for g in range(first, end):
            excess = moments[g, 1] - drawn[g]
            steps[g] = -(excess + moments[g, 4] * step_b) / moments[g, 3]
            gain -= excess * steps[g]
            largest = max(largest, abs(steps[g]) / (4.0 + abs(a[g])))
        tolerance = _ENOUGH + _ROUNDING * abs(value)
        if gain <= tolerance:
            break
        # Far from the tilt the quadratic model means little: no step is much longer than the way.
        share = move = 1.0 / max(1.0, largest)
    # The number of draws, or nearly so, and the variances without a tilt.
    entropy, stretch = 0.0, 1.0
    for g in range(first, end):
        size = float(draw.size[g])
        chance = drawn[g] / size
        entropy -= drawn[g] * math.log(chance) + (size - drawn[g]) * math.log1p(-chance)
        stretch *= max(moments[g, 3], 1e-300) / (size * chance * (1.0 - chance))
    return Fit(value - entropy, variance, stretch, gain <= _CLOSE)


@frugal_inner
def log_upper_tail(z):
    """Return the logarithm of the tail of the normal distribution."""
    if z < 8.0:
        return math.log(0.5 * math.erfc(z / math.sqrt(2.0)))
    # Laplace's continued fraction of the Mills ratio; with 12 terms to 1e-15 from here on.
    below = z
    for k in range(12, 0, -1):
        below = z + k / below
    return -0.5 * z * z - _LOG_SQRT_2PI - math.log(below)


@frugal_inner
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
