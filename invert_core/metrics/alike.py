"""Units alike: those of the same layer whose activations rank the samples most alike."""

import numpy as np
import numpy.typing as npt

N_ALIKE = 5
NO_UNIT = 2**32 - 1
"""Fills up lists of units."""

_MOST, _FEWEST = 2_048, 256
_RANKS = 2**23
"""The most ranks of a layer, as long as it does not take fewer samples than `_FEWEST`."""
_PRODUCTS = 2**21
"""The most correlations that are computed at once."""
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
    n_units, n_compared = ranks.shape
    # All sums of products are integers below this, which the type holds, in any order of adding.
    is_small = n_compared * (n_compared**2 - 1) // 3 < 2**24
    kind = np.dtype(np.float32 if is_small else np.float64)
    centred: npt.NDArray[np.floating] = ranks.astype(kind)
    centred -= n_compared + 1
    squares = np.array([np.dot(unit, unit) for unit in centred], np.float64)
    alike = np.full((n_units, N_ALIKE), NO_UNIT, np.uint32)
    correlation = np.full((n_units, N_ALIKE), np.nan, np.float32)
    at_once = max(1, _PRODUCTS // n_units)
    for start in range(0, n_units, at_once):
        part = np.arange(start, min(start + at_once, n_units))
        products = (centred[part] @ centred.T).astype(np.float64)
        of_pair = np.sqrt(squares[part, None] * squares)
        found = np.full(products.shape, np.nan)
        np.divide(products, of_pair, out=found, where=of_pair > 0)
        size = np.nan_to_num(np.abs(found), nan=-1.0)
        size[np.arange(part.size), part] = -1.0
        for place in range(min(N_ALIKE, n_units)):
            best = size.argmax(axis=1)
            some = np.flatnonzero(size[np.arange(part.size), best] >= 0.0)
            alike[part[some], place] = best[some]
            correlation[part[some], place] = found[some, best[some]]
            size[np.arange(part.size), best] = -1.0
    return alike, correlation
