"""The current stripe of a dense layer during an extraction."""

import h5py
import numpy as np

from invert_core.errors import FileFormatError


class DenseRows:
    """Holds the current stripe of a layer and writes it into the matrix of an unfinished file.

    Parameters
    ----------
    matrix : h5py.Dataset [n_samples, n_units]
        The matrix that `partial_file.create` made.
    """

    def __init__(self, matrix: h5py.Dataset):
        self._matrix = matrix
        self._n_units = matrix.shape[1]
        rows, self._width = matrix.chunks
        padded = -(-self._n_units // self._width) * self._width
        self._stripe = np.zeros((rows, padded), matrix.dtype)

    def take(self, place: int, values: np.ndarray) -> None:
        """Hold rows, the first of them at `place` in the stripe."""
        self._stripe[place : place + len(values), : self._n_units] = values

    def write(self, first_row: int, n_rows: int) -> None:
        """Write the stripe that begins at `first_row`; its first `n_rows` are filled.

        Rows that were written before are written again, with the same bytes in the same place
        because chunks are not compressed: a write that is cut short cannot change them.
        """
        self._stripe[n_rows:] = 0
        for unit in self._chunk_starts():
            # This bypasses the chunk cache, so that a failed write leaves nothing to fail again.
            chunk = np.ascontiguousarray(self._stripe[:, unit : unit + self._width])
            self._matrix.id.write_direct_chunk((first_row, unit), chunk)

    def read_back(self, first_row: int) -> None:
        """Read back the stripe that begins at `first_row`, and hold it."""
        for unit in self._chunk_starts():
            try:
                _, stored = self._matrix.id.read_direct_chunk((first_row, unit))
                chunk = np.frombuffer(stored, self._matrix.dtype).reshape(-1, self._width)
                self._stripe[:, unit : unit + self._width] = chunk
            except (OSError, RuntimeError, ValueError) as error:
                raise FileFormatError(f"rows from {first_row:,} on cannot be read") from error

    def _chunk_starts(self) -> range:
        return range(0, self._stripe.shape[1], self._width)
