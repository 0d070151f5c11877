"""Units alike: those of the same layer whose activations rank the samples most alike."""

import numpy as np
import numpy.typing as npt

from invert_core.parallel import step

N_ALIKE = 5
NO_UNIT = 2**32 - 1
"""Fills up lists of units."""

_MOST, _FEWEST = 2_048, 256
_RANKS = 2**23
"""The most ranks of a layer, as long as it does not take fewer samples than `_FEWEST`."""
_PRODUCTS = 2**21
"""The most correlations that are computed at once."""
_UNITS = 512
"""The most units whose ranks are at hand as floats, besides those that are compared with them."""
_STREAM = 6


def samples_to_compare(n_samples: int, n_units: int, seed: int) -> np.ndarray:
    """Choose the samples by which units are compared: int64 [n], ascending.

    Parameters
    ----------
    n_samples : int
        Number of samples to choose from.
    n_units : int
        Number of units of the largest layer.
    seed : int
    """
    n_compared = min(_MOST, n_samples, max(_FEWEST, _RANKS // n_units))
    numbers = np.random.default_rng((seed, _STREAM)).random(n_samples)
    return np.sort(numbers.argsort(kind="stable")[:n_compared])


def units_alike(ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the units whose rank correlation with each unit is largest in absolute value.

    Parameters
    ----------
    ranks : uint16 [U, n]
        Twice the midranks of n samples, for each unit of a layer.

    Returns
    -------
    alike : uint32 [U, N_ALIKE]
        Positions of units, the most alike first and of equal ones the first; `NO_UNIT` at the end
        if there are fewer. A unit that is constant on the samples is alike to none.
    correlation : float32 [U, N_ALIKE]
        Their correlations; NaN if there is none.

    Examples
    --------
    >>> alike, correlation = units_alike(np.array([[2, 4, 6], [6, 4, 2], [4, 4, 4]], np.uint16))
    >>> alike[:, 0].tolist(), correlation[:, 0].tolist()
    ([1, 0, 4294967295], [-1.0, -1.0, nan])
    """
    n_units = len(ranks)
    squares = np.empty(n_units)
    for number, unit in enumerate(ranks):
        squares[number] = np.square(_centred(unit)).sum()
    alike = np.empty((n_units, N_ALIKE), np.uint32)
    correlation = np.empty((n_units, N_ALIKE), np.float32)
    at_once = max(1, _PRODUCTS // n_units)
    with step("Looking for units alike", n_units) as tell:
        for start in range(0, n_units, at_once):
            tell(start)
            part = np.arange(start, min(start + at_once, n_units))
            found = _products(ranks[part], ranks)
            with np.errstate(invalid="ignore"):
                found /= np.sqrt(squares[part, None] * squares)
            alike[part], correlation[part] = _most_alike(found, part)
            del found  # before the next ones are made
    return alike, correlation


def _most_alike(found: np.ndarray, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the units most alike to some, and their correlations, among all: float64 [k, U]."""
    alike = np.full((part.size, N_ALIKE), NO_UNIT, np.uint32)
    correlation = np.full((part.size, N_ALIKE), np.nan, np.float32)
    size = np.abs(found)
    # Constant units have no correlation.
    size[np.isnan(size)] = -1.0
    size[np.arange(part.size), part] = -1.0
    for place in range(min(N_ALIKE, found.shape[1])):
        best = size.argmax(axis=1)
        some = np.flatnonzero(size[np.arange(part.size), best] >= 0.0)
        alike[some, place] = best[some]
        correlation[some, place] = found[some, best[some]]
        size[np.arange(part.size), best] = -1.0
    return alike, correlation


def _products(some: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Return the sums of products of centred ranks: float64 [k, U], which are integers."""
    products = np.empty((len(some), len(ranks)))
    ours = _centred(some)
    for start in range(0, len(ranks), _UNITS):
        others = slice(start, start + _UNITS)
        products[:, others] = ours @ _centred(ranks[others]).T
    return products


def _centred(ranks: np.ndarray) -> npt.NDArray[np.floating]:
    """Return ranks [..., n] less their mean, in a type that holds all sums of their products.

    These are integers below n(n^2 - 1) / 3, in whatever order they are added.
    """
    n_compared = ranks.shape[-1]
    is_small = n_compared * (n_compared**2 - 1) // 3 < 2**24
    kind = np.dtype(np.float32 if is_small else np.float64)
    centred: npt.NDArray[np.floating] = ranks.astype(kind)
    centred -= n_compared + 1
    return centred
