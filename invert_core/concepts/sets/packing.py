"""Labels of strangers, checked and packed into bits."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from invert_core.errors import DataError
from invert_core.kernels.bits import pack_columns, pack_pairs, unpack, whole_set
from invert_core.values import as_bool

LARGEST = 2**34
"""The most bytes that the labels of one source may take."""

_BLOCK = 64
"""Concepts unpacked at a time where samples are picked."""


def unmasked(labels: npt.ArrayLike) -> np.ndarray:
    """Labels as an array; a masked one is refused, because its mask would be lost without a word.

    Raises
    ------
    DataError
        They are a masked array.
    """
    if np.ma.isMaskedArray(labels):
        raise DataError(
            "The labels are a masked array, and what its mask means is not known.",
            "Give labels.astype(float).filled(numpy.nan) if what is masked is missing.",
        )
    return np.asarray(labels)


def pack_table(
    table: np.ndarray, cell: Callable[[int, int], str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Labels [N, C] that are true, and those that are defined, None if all are.

    Parameters
    ----------
    table : array [N, C]
        Bool or numbers: 0, 1, and -1 or NaN for what is not defined.
    cell : callable
        What a message calls the label in a row and a column.

    Returns
    -------
    bits, defined : uint64 arrays [C, ceil(N / 64)]

    Raises
    ------
    DataError
        A label is none of these.
    """
    if table.dtype.kind not in "if":
        return pack_columns(as_bool(table, cell)), None
    missing = table == -1
    if table.dtype.kind == "f":
        missing |= np.isnan(table)
    if not missing.any():
        return pack_columns(as_bool(table, cell)), None
    known = np.where(missing, np.zeros((), table.dtype), table)
    return pack_columns(as_bool(known, cell)), pack_columns(~missing)


def pack_pairs_of(
    sample: npt.ArrayLike, concept: npt.ArrayLike, n_samples: int, n_concepts: int
) -> np.ndarray:
    """Pairs of indices as bits: uint64 [n_concepts, ceil(n_samples / 64)].

    Raises
    ------
    DataError
        They are no integers, an index is out of range, there are more of the one than of the other,
        or the labels would fill the memory.
    """
    pairs = []
    for what, indices, size in (("sample", sample, n_samples), ("concept", concept, n_concepts)):
        array = np.asarray(indices)
        if array.size == 0:
            array = np.zeros(0, np.int64)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise DataError(
                f"The {what} indices have shape {array.shape} and type {array.dtype}.",
                "Give a list of integers.",
            )
        if array.size and (array.min() < 0 or array.max() >= size):
            raise DataError(
                f"The {what} indices reach from {array.min()} to {array.max()}.",
                f"They count from 0 to {size - 1}.",
            )
        pairs.append(array)
    if pairs[0].size != pairs[1].size:
        raise DataError(
            f"There are {pairs[0].size} sample indices and {pairs[1].size} concept indices.",
            "Give as many of the one as of the other.",
        )
    n_bytes = n_samples * n_concepts // 8
    if n_bytes > LARGEST:
        raise DataError(
            f"{n_concepts:,} concepts of {n_samples:,} samples would take "
            f"{n_bytes / 2**30:,.0f} GiB.",
            "Give fewer concepts or samples.",
        )
    return pack_pairs(
        *(np.ascontiguousarray(array, dtype=np.int64) for array in pairs), n_samples, n_concepts
    )


def full_sets(n_concepts: int, n_samples: int) -> np.ndarray:
    """The set of all samples, once for each concept: uint64 [C, W]."""
    return np.tile(whole_set(n_samples), (n_concepts, 1))


def take_samples(bits: np.ndarray, n_samples: int, rows: np.ndarray) -> np.ndarray:
    """Sets uint64 [C, W] among the samples `rows` int64 [M]: uint64 [C, ceil(M / 64)]."""
    taken = [
        pack_columns(unpack(bits[first : first + _BLOCK], n_samples)[rows])
        for first in range(0, len(bits), _BLOCK)
    ]
    return np.concatenate(taken)
