"""The matrix of a dense layer in a file, whose chunks are checked when they are read."""

import h5py
import numpy as np

from invert_core.errors import FileFormatError
from invert_core.files import hdf5
from invert_core.files.checksums import BLOCK_BYTES, block_checksum
from invert_core.files.hdf5_checksums import damaged, is_sealed, stored_checksums

_PIECE_VALUES = 2**17
"""The fewest values that are worth a call of HDF5."""


class StoredMatrix:
    """A matrix [n_samples, n_units] in a file of activations.

    Parameters
    ----------
    dataset : h5py.Dataset [n_samples, n_units]
        If its file has checksums, those of its chunks must be beside it.

    Attributes
    ----------
    chunks : (int, int) or None
        Samples and units of the parts that HDF5 reads as a whole.
    piece : (int, int) or None
        Samples and units of the parts to read, whole chunks; None if there are no chunks.
    """

    def __init__(self, dataset: h5py.Dataset):
        self.shape: tuple[int, int] = dataset.shape
        self.dtype: np.dtype = dataset.dtype
        self.chunks: tuple[int, int] | None = dataset.chunks
        self.piece = self.chunks
        self._dataset = dataset
        self._checksums: np.ndarray | None = None
        if is_sealed(dataset.file):
            self._checksums = stored_checksums(dataset, chunk_grid(dataset))
        elif self.chunks:
            rows, units = self.chunks
            self.piece = (-(-_PIECE_VALUES // (rows * units)) * rows, units)

    @property
    def ndim(self) -> int:
        """The number of axes, 2."""
        return len(self.shape)

    def __getitem__(self, part: tuple[slice, slice]) -> np.ndarray:
        """The values of a piece, or of any part if the file has no checksums."""
        rows, units = part
        with hdf5.broken_file_errors(self._dataset):
            if self._checksums is None:
                return self._dataset[rows, units]
            chunk = read_chunk(self._dataset, rows.start, units.start)
        height, width = chunk.shape
        stored = self._checksums[rows.start // height, units.start // width]
        if block_checksum(chunk.data) != stored:
            raise damaged(self._dataset)
        n_samples, n_units = self.shape
        return chunk[: n_samples - rows.start, : n_units - units.start]

    def verify(self) -> None:
        """Read all chunks, and raise unless they match their checksums."""
        height, width = self.chunks or self.shape
        for row in range(0, self.shape[0], height):
            for unit in range(0, self.shape[1], width):
                _ = self[row : row + height, unit : unit + width]


def chunk_grid(dataset: h5py.Dataset) -> tuple[int, int]:
    """How many chunks a matrix with checksums has along each axis.

    Such a matrix must have chunks of at most `BLOCK_BYTES`, stored without any filter.
    """
    rows, units = dataset.chunks or (0, 0)
    filtered = dataset.id.get_create_plist().get_nfilters() > 0
    if filtered or not 0 < rows * units * dataset.dtype.itemsize <= BLOCK_BYTES:
        raise FileFormatError(
            f"{dataset.file.filename!r}: {dataset.name} is not stored in plain chunks of at most "
            f"{BLOCK_BYTES:,} bytes, as its format version requires.",
            "Make the file again.",
        )
    return -(-dataset.shape[0] // rows), -(-dataset.shape[1] // units)


def read_chunk(dataset: h5py.Dataset, row: int, unit: int) -> np.ndarray:
    """Read a whole chunk without any filter, much faster than HDF5 selects its values."""
    _, stored = dataset.id.read_direct_chunk((row, unit))
    return np.frombuffer(stored, dataset.dtype).reshape(dataset.chunks)
