"""An open unfinished file of an extraction, with the rows that are not yet written."""

import os
import time
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np

from invert_core.activations import layout
from invert_core.activations.writing import partial_file, sample_digests
from invert_core.activations.writing.dense_rows import DenseRows
from invert_core.activations.writing.gathering import gather_columns
from invert_core.activations.writing.sparse_rows import SparseRows
from invert_core.errors import FileFormatError, StorageError
from invert_core.files.checksums import TYPE
from invert_core.files.storage import storage_errors


class UnfinishedFile:
    """Holds rows in memory; on request it writes them and marks them as done.

    Rows are marked as done only when they are on disk, and are never changed afterwards: whatever
    interrupts or kills the process, these rows are right.

    Parameters
    ----------
    path : Path
        The unfinished file; the rows of sparse layers are in ``<path>.rows``.
    file : h5py.File
        The open file, which `partial_file.create` made.
    dtype : numpy.dtype
    rows_done : int
        The number of rows that are marked as done.
    digests : uint64 array [n_samples], optional
        The digests of the samples as they are now; they are stored before more rows are taken.

    Attributes
    ----------
    n_units : dict of str to int
        Number of units of every layer, in order.
    rows_done : int
        Number of rows that are marked as done.
    taken : int
        Number of rows that are marked as done or held in memory.
    """

    def __init__(
        self,
        path: Path,
        file: h5py.File,
        dtype: np.dtype,
        rows_done: int,
        digests: np.ndarray | None = None,
    ):
        shapes = partial_file.shapes(file)
        self.n_units = {name: shape[1] for name, shape in shapes.items()}
        self._n_samples = next(iter(shapes.values()))[0]
        self.rows_done = self.taken = rows_done
        self._path = path
        self._side_file = path.with_name(path.name + ".rows")
        self._file: h5py.File | None = file
        self._dtype = dtype
        self._new_digests = digests
        self._saved_at = time.monotonic()
        self._refusal: StorageError | None = None
        self._dense = {
            name: DenseRows(data, partial_file.chunk_checksums(data))
            for name, data in partial_file.matrices(file).items()
        }
        self._row_checksums = partial_file.row_checksums(file)
        self._check_rows()
        self._sparse: SparseRows | None = None
        if layout.has_rows_elsewhere(file):
            sparse = {name: each for name, each in self.n_units.items() if name not in self._dense}
            with storage_errors(self._side_file):
                self._sparse = SparseRows(self._side_file, sparse, dtype, rows_done)

    @property
    def room(self) -> int:
        """The number of rows that can be taken before they must be saved."""
        return self._stripe_start + layout.STRIPE_ROWS - self.taken

    @property
    def unsaved_seconds(self) -> float:
        """Seconds since rows were last saved."""
        return time.monotonic() - self._saved_at

    def take(self, rows: Mapping[str, np.ndarray]) -> None:
        """Hold rows in memory; they count only when all layers have them, even if interrupted.

        Parameters
        ----------
        rows : mapping of layer name to array [rows, n_units]
            Rows in the type of the file, no more than `room`.
        """
        if self._new_digests is not None:
            with partial_file.write_errors(self._path):
                sample_digests.renew(self._file, self._new_digests)
            self._new_digests = None
        for name, dense in self._dense.items():
            dense.take(self.taken - self._stripe_start, rows[name])
        if self._sparse is not None:
            self._sparse.take(self.taken, rows)
        self.taken += len(next(iter(rows.values())))

    def save(self) -> None:
        """Write the rows that are in memory, and mark them as done.

        After a StorageError nothing more is written, and every later call fails in the same way.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._file is None or self.taken == self.rows_done:
            return
        try:
            with partial_file.write_errors(self._path):
                if self._sparse is not None:
                    self._sparse.write(self.taken)
                n_rows = self.taken - self._stripe_start
                for rows in self._dense.values():
                    rows.write(self._stripe_start, n_rows)
                if n_rows < layout.STRIPE_ROWS and self.taken < self._n_samples:
                    self._row_checksums[self._half, :n_rows] = self._checksums_of_rows(n_rows)
                self._file.flush()
                os.fsync(self._file.id.get_vfd_handle())
                self._file.attrs.modify("rows_done", np.int64(self.taken))
                self._file.flush()
        except StorageError as refusal:
            self._refusal = refusal
            raise
        self.rows_done = self.taken
        self._saved_at = time.monotonic()

    def gather(self) -> None:
        """Close the file, and put the sparse layers into it; all rows must be saved."""
        if self._file is not None:
            with partial_file.write_errors(self._path):
                # Until the last rows are marked on the disk, these checksums are still needed.
                os.fsync(self._file.id.get_vfd_handle())
                self._row_checksums[:] = 0  # so that a file is the same wherever it was stopped
        self._release()
        if self._sparse is not None:
            gather_columns(self._path, self._sparse, self.rows_done, self._dtype)
        self._side_file.unlink(missing_ok=True)

    def close(self) -> None:
        """Save what is in memory and close the file; a file without rows is removed."""
        if self._file is None:
            return
        try:
            if self._refusal is None:
                self.save()
        finally:
            with partial_file.write_errors(self._path):
                self._release()
                if self.rows_done == 0:
                    self._path.unlink(missing_ok=True)
                    self._side_file.unlink(missing_ok=True)

    @property
    def _stripe_start(self) -> int:
        """The first row of the stripe in memory, which holds the rows before `taken`."""
        return self.rows_done // layout.STRIPE_ROWS * layout.STRIPE_ROWS

    @property
    def _half(self) -> int:
        """Where the checksums of the rows of this stripe are.

        Two stripes take turns: `rows_done` on the disk may be one save older than the rest.
        """
        return self._stripe_start // layout.STRIPE_ROWS % 2

    def _check_rows(self) -> None:
        """Raise unless the rows that are done are as they were saved."""
        for rows in self._dense.values():
            rows.check(self.rows_done)
        n_rows = self.rows_done - self._stripe_start
        if n_rows and self.rows_done < self._n_samples:
            for rows in self._dense.values():
                rows.read_back(self._stripe_start)
            stored = self._row_checksums[self._half, :n_rows]
            if not np.array_equal(stored, self._checksums_of_rows(n_rows)):
                raise FileFormatError(
                    f"rows from {self._stripe_start:,} on do not match their checksums"
                )

    def _checksums_of_rows(self, n_rows: int) -> np.ndarray:
        checksums = np.zeros(n_rows, TYPE)
        for rows in self._dense.values():
            checksums = rows.row_checksums(checksums)
        return checksums

    def _release(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            self._dense = {}
            del self._row_checksums
            if self._sparse is not None:
                self._sparse.close()
            file.close()
