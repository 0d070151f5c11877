"""Units whose truth is known: noise, noise in groups, and a concept in noise."""

import math
from statistics import NormalDist

import numpy as np

from invert_core import mann_whitney

_STEPS = 12
"""Halvings of the interval of shifts, which leave a thousandth of a standard deviation."""
_LARGEST_SHIFT = 4.0


def threshold(zeros: float) -> float:
    """Return the value below which this share of standard normal values lies."""
    return NormalDist().inv_cdf(zeros) if zeros else -math.inf


def cut(activations: np.ndarray, zeros: float) -> np.ndarray:
    """Cut standard normal values off from below, so that this share of them becomes zero."""
    if zeros == 0:
        return activations
    shifted = activations - activations.dtype.type(threshold(zeros))
    return np.maximum(shifted, 0, out=shifted)


def noise(shape: tuple[int, int], zeros: float, rng: np.random.Generator) -> np.ndarray:
    """Return units that detect nothing, float32 [N, K], as after a ReLU; 0 zeros means untied."""
    return cut(rng.standard_normal(shape, np.float32), zeros)


def signed_noise(shape: tuple[int, int], zeros: float, rng: np.random.Generator) -> np.ndarray:
    """Return units that detect nothing, float32 [N, K], with values on both sides of the zeros."""
    return rng.standard_normal(shape, np.float32) * (rng.random(shape, np.float32) >= zeros)


def grouped_noise(
    group: np.ndarray, n_units: int, correlation: float, rng: np.random.Generator
) -> np.ndarray:
    """Return units that detect nothing, correlated within groups, float32 [N, K].

    `group` is int64 [N], the number of each sample's group.
    """
    shared = rng.standard_normal((group.max() + 1, n_units), np.float32)[group]
    alone = rng.standard_normal((group.size, n_units), np.float32)
    return (np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * alone).astype(np.float32)


def log10_p(values: np.ndarray, extent: np.ndarray) -> float:
    """Return the decimal logarithm of the p-value of one unit and one extent, given the ties."""
    return float(mann_whitney(values, extent, method="conditional").log10_p)


def planted(drawn: np.ndarray, extent: np.ndarray, target: float, zeros: float = 0.0) -> np.ndarray:
    """Shift normal noise inside an extent, then `cut` it, so that `log10_p` of the two is `target`.

    Where ties leave steps, it is the next value below.
    """
    low, high = 0.0, _LARGEST_SHIFT
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if log10_p(_shifted(drawn, extent, middle, zeros), extent) > target:
            low = middle
        else:
            high = middle
    return _shifted(drawn, extent, high, zeros)


def _shifted(drawn: np.ndarray, extent: np.ndarray, shift: float, zeros: float) -> np.ndarray:
    return cut(drawn + np.float32(shift) * extent, zeros)
