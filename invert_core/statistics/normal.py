"""The upper tail of the standard normal distribution, and its logarithm.

The tail is the density times the Mills ratio, exp(-z**2 / 2) / sqrt(2 pi) * m(z). All functions are
elementwise: no value depends on the other values in the same array.
"""

import math

import numpy as np

_NUMERATOR = (
    1.0,
    29.18712338281613,
    422.47729594743475,
    3930.323590091473,
    25793.233161042903,
    124144.7612225787,
    442852.36404014286,
    1156736.2462255775,
    2124982.652489747,
    2499061.9855821915,
    1451444.4311114256,
)
_DENOMINATOR = (
    1.0,
    29.187123382816143,
    423.47729594742714,
    3959.510713476024,
    26213.710456788765,
    128016.71057984451,
    467810.6419772239,
    1273312.2515818102,
    2520398.854135845,
    3444660.4458678523,
    2917981.1981237344,
    1158085.1024471046,
)
"""The Mills ratio on z >= 0 as a quotient of two polynomials, highest power first.

The quotient equals m(z) = sqrt(pi / 2) exp(z**2 / 2) erfc(z / sqrt(2)) at 22 points
z = 4 (1 + t) / (1 - t), where t are the zeros of a Chebyshev polynomial; in between it differs by
less than 3e-17 of m(z). All coefficients are positive, so no digits cancel. Rational functions for
the error function: W. J. Cody, Math. Comp. 23 (1969), 631-637.
"""
_FAR = 1e20
"""Larger z count as this one, so that no power of z overflows; the tail is 0 long before."""
_LOG_SQRT_2PI = math.log(2.0 * math.pi) / 2.0
_STEPS = 16.0


def upper_tail(z: np.ndarray) -> np.ndarray:
    """Return the probability of values above z: float64 -> float64 of the same shape.

    The relative error is below 2e-15, except where the result is subnormal, beyond z = 37.5.
    """
    distance = np.minimum(np.abs(z), _FAR)
    tail = _mills_ratio(distance)
    # exp(-z**2 / 2) would multiply the rounding error of z**2 by z**2 / 2. The square of z rounded
    # to a multiple of 1/16 is exact, and the rest is small (Cody's device in the same paper).
    rounded = np.floor(distance * _STEPS) / _STEPS
    tail *= np.exp((rounded - distance) * (rounded + distance) / 2.0)
    tail *= np.exp(rounded * rounded / -2.0)
    tail /= math.sqrt(2.0 * math.pi)
    return np.where(z < 0.0, 1.0 - tail, tail)


def log_upper_tail(z: np.ndarray) -> np.ndarray:
    """Return the natural logarithm of `upper_tail`, also where the probability underflows."""
    distance = np.abs(z)
    ratio = _mills_ratio(np.minimum(distance, _FAR))
    far = np.log(ratio) - _LOG_SQRT_2PI - distance * distance / 2.0
    # Near 1 the logarithm needs the digits of what is missing to 1.
    return np.where(z < 0.0, np.log1p(-upper_tail(distance)), far)


def _mills_ratio(distance: np.ndarray) -> np.ndarray:
    ratio = _polynomial(_NUMERATOR, distance)
    ratio /= _polynomial(_DENOMINATOR, distance)
    return ratio


def _polynomial(coefficients: tuple[float, ...], x: np.ndarray) -> np.ndarray:
    # In place: arrays of a piece of units stay in the cache, and new ones would not.
    value = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= x
        value += coefficient
    return value
