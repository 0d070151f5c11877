"""Writes an activation file so that a killed extraction can go on where it was."""

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from invert_core import atomic, hdf5
from invert_core.activations import layout, partial_file
from invert_core.activations.fingerprint import as_stored, refuse_stale
from invert_core.activations.values import bad_value
from invert_core.activations.write_lock import WriteLock
from invert_core.errors import (
    DataError,
    ExistingOutputError,
    FileFormatError,
    SettingError,
)
from invert_core.sample_id import as_sample_id, sample_name

DTYPES = ("float32", "float16")


class ActivationWriter:
    """Fills ``<path>.partial`` row by row and renames it to `path` when all rows are there.

    Rows are buffered in stripes of 1,024; a stripe is written, then marked as done. Whatever
    happens later, what is marked stays right.

    Parameters
    ----------
    path : Path
        Where the finished file will be.
    n_samples : int
    fingerprint : mapping
        All that determines the values, as JSON. An unfinished file with the same fingerprint is
        resumed.
    sample_id : sequence of str, optional
    versions : mapping of str to str, optional
        Recorded, never compared.
    dtype : {"float32", "float16"}
    overwrite : bool
        Start anew whatever is there. A finished file stays until the new one is.

    Attributes
    ----------
    finished : bool
        The whole file is there; nothing is to be written.
    rows_done : int
        Rows that are on disk for good; `write` goes on from here.
    n_units : dict of str to int
        Units of every layer, empty until the first rows are known.
    partial : Path
        The unfinished file.

    Raises
    ------
    StaleFileError
        A file is there that was made from something else.
    ExistingOutputError
        A file is there that was not made by an extraction.
    FileFormatError
        The unfinished file is broken.
    StorageError
        Another process is writing it, or the system refuses.
    """

    def __init__(
        self,
        path: Path,
        *,
        n_samples: int,
        fingerprint: Mapping[str, Any],
        sample_id: Sequence[str] | None = None,
        versions: Mapping[str, str] | None = None,
        dtype: str = "float32",
        overwrite: bool = False,
    ):
        if dtype not in DTYPES:
            raise SettingError(
                f"Activations cannot be stored as {dtype!r}.", f"Choose from {', '.join(DTYPES)}."
            )
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self.n_samples = n_samples
        self.rows_done = 0
        self.n_units: dict[str, int] = {}
        self.finished = False
        self._fingerprint = as_stored(fingerprint)
        self._sample_id = None if sample_id is None else as_sample_id(sample_id, "the data")
        self._versions = dict(versions or {})
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._file: h5py.File | None = None
        self._datasets: dict[str, h5py.Dataset] = {}
        self._stripe: dict[str, np.ndarray] = {}
        self._buffered = 0
        self._lock: WriteLock | None = None
        self._must_be_free = False
        atomic.check_target(path, overwrite=True)
        if path.is_dir():
            raise ExistingOutputError(
                f"The output {str(path)!r} is a folder.", "Choose the name of a file with -o."
            )
        if not overwrite and path.exists() and self._read_finished() == self._fingerprint:
            self._take_as_finished()
            return
        self._lock = WriteLock(path)
        try:
            self._must_be_free = not overwrite and not path.exists()
            if not overwrite:
                self._find_earlier_work()
        except BaseException:
            self._lock.release()
            raise

    def write(self, batch: Mapping[str, np.ndarray]) -> None:
        """Append rows.

        Parameters
        ----------
        batch : mapping of layer name to float array [rows, n_units]
            The same layers with the same number of rows every time.

        Raises
        ------
        DataError
            A value is NaN or, for float16, too large; nothing of this batch is written.
        StorageError
            The system refuses to write; what was marked before stays.
        """
        rows = len(next(iter(batch.values())))
        if rows == 0:
            return
        if self._file is None:
            self._create({name: array.shape[1] for name, array in batch.items()})
        first = self.rows_done + self._buffered
        if first + rows > self.n_samples:
            raise DataError(
                f"The data has more than the {self.n_samples:,} samples it announced.",
                "Check that it does not change while it is read.",
            )
        converted = {name: self._convert(name, batch[name], first) for name in self.n_units}
        taken = 0
        while taken < rows:
            fits = min(rows - taken, layout.STRIPE_ROWS - self._buffered)
            for name, array in converted.items():
                target = self._stripe[name][self._buffered : self._buffered + fits]
                target[:, : array.shape[1]] = array[taken : taken + fits]
            self._buffered += fits
            taken += fits
            if self._buffered == layout.STRIPE_ROWS:
                self._write_stripe()

    def finish(self) -> None:
        """Write the last rows and give the file its name.

        Raises
        ------
        DataError
            Rows are missing.
        ExistingOutputError
            A file has appeared at `path` and is not to be overwritten; the unfinished one stays.
        StorageError
            The system refuses to write.
        """
        if self.finished:
            return
        if self.rows_done + self._buffered < self.n_samples:
            raise DataError(
                f"The data brought {self.rows_done + self._buffered:,} samples, "
                f"not the {self.n_samples:,} it announced.",
                "Check that it does not change while it is read.",
            )
        if self._buffered:
            self._write_stripe()
        with partial_file.storage_errors(self.partial):
            self._close_file()
            if self._must_be_free and self.path.exists():
                raise ExistingOutputError(
                    f"The output {str(self.path)!r} was made by something else meanwhile; all "
                    f"rows are kept in {str(self.partial)!r}.",
                    "Move the former away, and the same command gives the rows their name.",
                )
            atomic.move_into_place(self.partial, self.path)
        self.finished = True

    def close(self) -> None:
        """Let go of the file. Rows that are not marked are lost; a file without any is removed."""
        try:
            if self._file is not None:
                with partial_file.storage_errors(self.partial):
                    self._close_file()
                    if self.rows_done == 0:
                        self.partial.unlink()
        finally:
            if self._lock is not None:
                self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _find_earlier_work(self) -> None:
        # An unfinished file beside a stale finished one comes from a run that was told to
        # overwrite, so it may go on.
        finished = self._read_finished() if self.path.exists() else None
        if finished == self._fingerprint:
            self._take_as_finished()
            return
        unfinished = self._open_earlier() if self.partial.exists() else None
        if self._file is None:
            for path, stored in ((self.partial, unfinished), (self.path, finished)):
                if stored is not None:
                    refuse_stale(path, stored, self._fingerprint)

    def _take_as_finished(self) -> None:
        self.finished = True
        self.rows_done = self.n_samples

    def _read_finished(self) -> dict[str, Any]:
        try:
            with hdf5.open_checked(self.path, layout.FORMAT, layout.FORMAT_VERSION) as file:
                stored = layout.stored_fingerprint(file)
                matrices = partial_file.datasets(file)
                rows_done = layout.rows_done(file)
                if any(data.ndim != 2 or len(data) != rows_done for data in matrices.values()):
                    raise FileFormatError("it lacks rows")
                self.n_units = {name: data.shape[1] for name, data in matrices.items()}
        except FileFormatError as error:
            raise ExistingOutputError(
                f"The output {str(self.path)!r} exists and is not a whole file of activations.",
                "Choose another with -o, or replace it with --overwrite.",
            ) from error
        if stored is None:
            raise ExistingOutputError(
                f"The output {str(self.path)!r} exists and was not made by an extraction.",
                "Choose another with -o, or replace it with --overwrite.",
            )
        return stored

    def _open_earlier(self) -> dict[str, Any] | None:
        """Resume the unfinished file if it fits; give its fingerprint, None if it has no rows."""
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(partial_file.open_for_writing(self.partial))
            try:
                stored = partial_file.fingerprint(file)
                rows_done = layout.rows_done(file)
                datasets = partial_file.datasets(file)
            except FileFormatError as error:
                raise partial_file.broken(self.partial, error.message.rstrip(".")) from error
            if rows_done == 0:
                return None
            if stored == self._fingerprint:
                whole_stripes = rows_done % layout.STRIPE_ROWS == 0 or rows_done == self.n_samples
                fits = partial_file.fits(datasets, self.n_samples, self._dtype)
                if not whole_stripes or not fits:
                    raise partial_file.broken(self.partial, "it is not laid out as it should be")
                self.rows_done = rows_done
                self._adopt(file, datasets)
                stack.pop_all()
        return stored

    def _create(self, n_units: dict[str, int]) -> None:
        contents = partial_file.Contents(
            n_samples=self.n_samples,
            n_units=n_units,
            dtype=self._dtype,
            sample_id=self._sample_id,
            fingerprint=self._fingerprint,
            versions=self._versions,
        )
        partial_file.create(self.partial, contents)
        file = partial_file.open_for_writing(self.partial)
        self._adopt(file, partial_file.datasets(file))

    def _adopt(self, file: h5py.File, datasets: dict[str, h5py.Dataset]) -> None:
        self._file = file
        self._datasets = datasets
        self.n_units = {name: data.shape[1] for name, data in datasets.items()}
        for name, data in datasets.items():
            rows, width = data.chunks
            padded = -(-data.shape[1] // width) * width
            self._stripe[name] = np.zeros((rows, padded), self._dtype)

    def _convert(self, name: str, array: np.ndarray, first_row: int) -> np.ndarray:
        if array.shape[1:] != (self.n_units[name],):
            raise DataError(
                f"Layer {name!r} had {self.n_units[name]} units and now has shape {array.shape}.",
                "The model must give the same units for every sample.",
            )
        self._refuse(np.isnan(array), "is NaN", name, first_row)
        with np.errstate(over="ignore"):
            stored = array.astype(self._dtype)
        self._refuse(
            np.isinf(stored) & np.isfinite(array),
            f"is too large for {self._dtype.name}",
            name,
            first_row,
        )
        return stored

    def _refuse(self, bad: np.ndarray, what: str, name: str, first_row: int) -> None:
        if bad.any():
            row, unit = (int(index) for index in np.argwhere(bad)[0])
            raise bad_value(what, name, unit, sample_name(self._sample_id, first_row + row))

    def _write_stripe(self) -> None:
        assert self._file is not None
        with partial_file.storage_errors(self.partial):
            for name, data in self._datasets.items():
                width = data.chunks[1]
                stripe = self._stripe[name]
                stripe[self._buffered :] = 0
                for unit in range(0, stripe.shape[1], width):
                    # Past the chunk cache: a write that fails leaves nothing to fail again later.
                    chunk = np.ascontiguousarray(stripe[:, unit : unit + width])
                    data.id.write_direct_chunk((self.rows_done, unit), chunk)
            self._file.flush()
            os.fsync(self._file.id.get_vfd_handle())
            self._file.attrs.modify("rows_done", np.int64(self.rows_done + self._buffered))
            self._file.flush()
        self.rows_done += self._buffered
        self._buffered = 0

    def _close_file(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            self._datasets, self._stripe = {}, {}
            file.close()
