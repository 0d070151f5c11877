"""Reads blocks of units from dense matrices and makes each unit contiguous."""

from collections.abc import Iterator

import numpy as np

from invert_core.activations.stored_matrix import StoredMatrix
from invert_core.values import as_floats

_ROW_BYTES = 512
"""The least bytes of one sample in a block; with fewer, most of the memory fetched is not used."""
_BLOCK_BYTES = 64 * 2**20
_LARGE_BLOCK_BYTES = 384 * 2**20
_LEAST_UNITS = 64

_TILE_ROWS = 512
_TILE_PADDING = 16
"""Values between the rows of a tile, which would otherwise compete for the same cache lines."""


def units_at_once(source: np.ndarray | StoredMatrix) -> int:
    """The number of units that `read_units` reads with the least work per unit.

    Chunks are read whole, so a block has whole chunks if they fit. It takes at most 64 MiB, or
    384 MiB if it would otherwise have fewer than 64 units.

    Parameters
    ----------
    source : ndarray or StoredMatrix [n_samples, n_units]

    Returns
    -------
    int
        At least 1.
    """
    n_samples, n_units = source.shape
    itemsize = read_type(source).itemsize
    in_a_chunk = 1
    if isinstance(source, StoredMatrix):
        in_a_chunk = min(source.chunks[1] if source.chunks else n_units, n_units)
    wanted = -(-_ROW_BYTES // (itemsize * in_a_chunk)) * in_a_chunk
    unit_bytes = n_samples * itemsize
    fits = max(1, _BLOCK_BYTES // unit_bytes, min(_LEAST_UNITS, _LARGE_BLOCK_BYTES // unit_bytes))
    n_blocks = -(-wanted // fits)
    return -(-wanted // n_blocks)


def read_type(source: np.ndarray | StoredMatrix) -> np.dtype:
    """The type that `read_units` returns: that of floats, and a float type that keeps integers."""
    return as_floats(np.empty(0, source.dtype.newbyteorder("="))).dtype


def read_units(source: np.ndarray | StoredMatrix, units: range) -> np.ndarray:
    """The values of consecutive units, one row per unit.

    Parameters
    ----------
    source : ndarray or StoredMatrix [n_samples, n_units]
    units : range
        Consecutive units of `source`.

    Returns
    -------
    ndarray [len(units), n_samples], float16, float32 or float64, C-contiguous
    """
    values = np.empty((len(units), source.shape[0]), read_type(source))
    tile = np.empty((_TILE_ROWS, len(units) + _TILE_PADDING), values.dtype)
    for rows, columns in _pieces(source, units):
        piece = _read(source, rows, slice(columns.start, columns.stop))
        first, last = max(columns.start, units.start), min(columns.stop, units.stop)
        _transpose(
            piece[:, first - columns.start : last - columns.start],
            values[first - units.start : last - units.start, rows],
            tile[:, : last - first],
        )
    return values


def _pieces(source: np.ndarray | StoredMatrix, units: range) -> Iterator[tuple[slice, range]]:
    """Yield rows and columns that are fast to read: in a file whole chunks, each only once."""
    n_samples, n_units = source.shape
    height, columns = _TILE_ROWS, [units]
    if isinstance(source, StoredMatrix) and source.piece:
        height, width = source.piece
        firsts = range(units.start // width * width, units.stop, width)
        columns = [range(first, min(first + width, n_units)) for first in firsts]
    for column in columns:
        for row in range(0, n_samples, height):
            yield slice(row, row + height), column


def _read(source: np.ndarray | StoredMatrix, rows: slice, columns: slice) -> np.ndarray:
    block = source[rows, columns]
    return as_floats(block.astype(block.dtype.newbyteorder("="), copy=False))


def _transpose(block: np.ndarray, values: np.ndarray, tile: np.ndarray) -> None:
    """Copy `block` [n, k] to `values` [k, n], by way of `tile` if its samples lie far apart."""
    if abs(block.strides[0]) <= abs(block.strides[1]):
        values[:] = block.T
        return
    for row in range(0, block.shape[0], _TILE_ROWS):
        part = block[row : row + _TILE_ROWS]
        near = tile[: part.shape[0]]
        near[:] = part
        values[:, row : row + _TILE_ROWS] = near.T
