"""The current stripe of a dense layer during an extraction."""

import zlib

import h5py
import numpy as np

from invert_core.activations.stored_matrix import read_chunk
from invert_core.errors import FileFormatError
from invert_core.files.checksums import TYPE, block_checksum


class DenseRows:
    """Holds the current stripe of a layer and writes it into the matrix of an unfinished file.

    Parameters
    ----------
    matrix : h5py.Dataset [n_samples, n_units]
        The matrix that `partial_file.create` made.
    checksums : h5py.Dataset [n_stripes, n_chunks]
        The checksums of its chunks, as far as they are full.
    """

    def __init__(self, matrix: h5py.Dataset, checksums: h5py.Dataset):
        self._matrix = matrix
        self._checksums = checksums
        self._n_units = matrix.shape[1]
        self._height, self._width = matrix.chunks
        padded = -(-self._n_units // self._width) * self._width
        self._stripe = np.zeros((self._height, padded), matrix.dtype)

    def take(self, place: int, values: np.ndarray) -> None:
        """Hold rows, the first of them at `place` in the stripe."""
        self._stripe[place : place + len(values), : self._n_units] = values

    def write(self, first_row: int, n_rows: int) -> None:
        """Write the stripe that begins at `first_row`; its first `n_rows` are filled.

        Rows that were written before are written again, with the same bytes in the same place
        because chunks are not compressed: a write that is cut short cannot change them.
        """
        self._stripe[n_rows:] = 0
        checksums = []
        for unit in self._chunk_starts():
            # This bypasses the chunk cache, so that a failed write leaves nothing to fail again.
            chunk = np.ascontiguousarray(self._stripe[:, unit : unit + self._width])
            checksums.append(block_checksum(chunk.data))
            self._matrix.id.write_direct_chunk((first_row, unit), chunk)
        self._checksums[first_row // self._height] = np.array(checksums, TYPE)

    def row_checksums(self, before: np.ndarray) -> np.ndarray:
        """Continue a CRC-32 of each row with the values of this layer; uint32 [rows]."""
        rows = self._stripe[: before.size, : self._n_units]
        pairs = zip(rows, before.tolist(), strict=True)
        return np.array([zlib.crc32(row, checksum) for row, checksum in pairs], TYPE)

    def read_back(self, first_row: int) -> None:
        """Read back the stripe that begins at `first_row`, and hold it."""
        for unit in self._chunk_starts():
            self._stripe[:, unit : unit + self._width] = self._chunk(first_row, unit)

    def check(self, last_row: int) -> None:
        """Read the stripes that end before `last_row`, and raise unless they are as written."""
        is_all = last_row == self._matrix.shape[0]
        stored = self._checksums[:] if is_all else self._checksums[: last_row // self._height]
        for stripe, of_chunks in enumerate(stored):
            for unit, checksum in zip(self._chunk_starts(), of_chunks, strict=True):
                chunk = self._chunk(stripe * self._height, unit)
                if block_checksum(chunk.data) != checksum:
                    raise FileFormatError(
                        f"rows from {stripe * self._height:,} on do not match their checksum"
                    )

    def _chunk(self, row: int, unit: int) -> np.ndarray:
        try:
            return read_chunk(self._matrix, row, unit)
        except (OSError, RuntimeError, ValueError) as error:
            raise FileFormatError(f"rows from {row:,} on cannot be read") from error

    def _chunk_starts(self) -> range:
        return range(0, self._stripe.shape[1], self._width)
