"""Checks untrusted labels and packs them into bits."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from invert_core.errors import DataError
from invert_core.kernels.bits import pack_columns, pack_pairs, unpack, whole_set
from invert_core.values import as_array, as_bool

LARGEST = 2**34
"""The most bytes for the marks of one source."""

_BLOCK = 64
"""The number of concepts to unpack at a time when samples are picked."""


def as_marks(labels: npt.ArrayLike, what: str = "the labels") -> np.ndarray:
    """Labels as an array, in which those that are masked are NaN, which means missing."""
    if not np.ma.isMaskedArray(labels):
        return as_array(labels, what)
    data = np.ma.getdata(labels)
    if not np.ma.is_masked(labels) or data.dtype.kind not in "biuf":
        return data
    return np.where(np.ma.getmaskarray(labels), np.nan, data)


def pack_table(
    table: np.ndarray, cell: Callable[[int, int], str]
) -> tuple[np.ndarray, np.ndarray | None]:
    """Pack a table of marks.

    Parameters
    ----------
    table : array [N, C]
        Bool or numbers: 0, 1, and -1 or NaN for a mark that is not defined.
    cell : callable
        Names the mark of a sample and a concept in messages, given their indices.

    Returns
    -------
    bits, defined : uint64 arrays [C, ceil(N / 64)]
        The marks that are true, and those that are defined; `defined` is None if all are.
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
    """Pack pairs of a sample and a concept: uint64 [n_concepts, ceil(n_samples / 64)]."""
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
            "Give as many sample indices as concept indices.",
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
    """The extent of all samples, repeated for each concept: uint64 [C, W]."""
    return np.tile(whole_set(n_samples), (n_concepts, 1))


def take_samples(bits: np.ndarray, n_samples: int, samples: np.ndarray) -> np.ndarray:
    """Extents uint64 [C, W] among `samples` int64 [M]: uint64 [C, ceil(M / 64)]."""
    taken = [
        pack_columns(unpack(bits[first : first + _BLOCK], n_samples)[samples])
        for first in range(0, len(bits), _BLOCK)
    ]
    return np.concatenate(taken)
