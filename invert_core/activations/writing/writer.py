"""Writes an activation file so that a killed extraction can go on where it was."""

import contextlib
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from invert_core.activations import layout
from invert_core.activations.writing import dense_rows as row_values
from invert_core.activations.writing import partial_file, sample_marks
from invert_core.activations.writing.contents import Contents
from invert_core.activations.writing.partial_file import Finished, read_finished
from invert_core.activations.writing.unfinished_file import UnfinishedFile
from invert_core.errors import (
    DataError,
    ExistingOutputError,
    FileFormatError,
)
from invert_core.files import atomic
from invert_core.files.fingerprint import as_stored, refuse_stale
from invert_core.files.write_lock import WriteLock
from invert_core.values import as_sample_id
from invert_core.wording import choice

DTYPES = ("float32", "float16")


class ActivationWriter:
    """Fills ``<path>.partial`` row by row and renames it to `path` when all rows are there.

    Rows are buffered in stripes of 1,024. A stripe is written, then marked as done: when it is
    full, after `save_every` seconds, and when the writer is closed. Whatever happens later, what
    is marked stays right.

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
    sparse : collection of str
        Layers to be stored as compressed sparse columns.
    marks : uint64 array [n_samples], optional
        A number for each sample that changes with it. With them, and with ids, an unfinished file
        is resumed even if samples that are not done yet have changed.
    overwrite : bool
        Start anew whatever is there. A finished file stays until the new one is.
    save_every : float
        Seconds after which rows are saved at the latest, with the next that come.

    Attributes
    ----------
    finished : bool
        The whole file is there; nothing is to be written.
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
        sparse: Collection[str] = (),
        marks: np.ndarray | None = None,
        overwrite: bool = False,
        save_every: float = 30.0,
    ):
        if dtype not in DTYPES:
            raise choice("dtype", dtype, DTYPES)
        self.path = path
        self.partial = path.with_name(path.name + ".partial")
        self.n_samples = n_samples
        self.n_units: dict[str, int] = {}
        self.finished = False
        self._fingerprint = as_stored(fingerprint)
        self._sample_id = None if sample_id is None else as_sample_id(sample_id, "the data")
        self._versions = dict(versions or {})
        self._dtype = np.dtype(dtype).newbyteorder("<")
        self._sparse = frozenset(sparse)
        self._marks = None if self._sample_id is None else marks
        self._renew_marks: Callable[[], None] | None = None
        self._save_every = save_every
        self._unfinished: UnfinishedFile | None = None
        self._lock: WriteLock | None = None
        self._must_be_free = False
        atomic.check_target(path, overwrite=True)
        if path.is_dir():
            raise ExistingOutputError(
                f"The output {str(path)!r} is a folder.", "Choose the name of a file with -o."
            )
        if not overwrite and path.exists() and self._take_if_finished(read_finished(path)):
            return
        self._lock = WriteLock(path)
        try:
            self._must_be_free = not overwrite and not path.exists()
            if not overwrite:
                self._find_earlier_work()
        except BaseException:
            self._lock.release()
            raise

    @property
    def rows_done(self) -> int:
        """Rows that are on disk for good; after opening, `write` goes on from here."""
        if self.finished:
            return self.n_samples
        return 0 if self._unfinished is None else self._unfinished.rows_done

    def write(
        self,
        batch: Mapping[str, np.ndarray],
        unit_names: Mapping[str, tuple[str, ...]] | None = None,
    ) -> None:
        """Append rows.

        Parameters
        ----------
        batch : mapping of layer name to float array [rows, n_units]
            The same layers with the same number of rows every time.
        unit_names : mapping of layer name to tuple of str, optional
            Names of the units, of layers whose units are not plain numbers; looked at when the
            file is made, with the first rows.

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
        unfinished = self._unfinished
        if unfinished is None:
            n_units = {name: array.shape[1] for name, array in batch.items()}
            unfinished = self._create(n_units, unit_names or {})
        if unfinished.taken + rows > self.n_samples:
            raise DataError(
                f"The data has more than the {self.n_samples:,} samples it announced.",
                "Check that it does not change while it is read.",
            )
        stored = {
            name: row_values.converted(
                name, batch[name], n_units, self._dtype, self._sample_id, unfinished.taken
            )
            for name, n_units in self.n_units.items()
        }
        if self._renew_marks is not None:
            with partial_file.storage_errors(self.partial):
                self._renew_marks()
            self._renew_marks = None
        first = 0
        while first < rows:
            last = min(rows, first + unfinished.room)
            unfinished.take({name: values[first:last] for name, values in stored.items()})
            first = last
            if unfinished.room == 0 or unfinished.unsaved_seconds >= self._save_every:
                unfinished.save()

    def contents(
        self, n_units: Mapping[str, int], unit_names: Mapping[str, tuple[str, ...]]
    ) -> Contents:
        """What the file is made for, or would be for such layers."""
        return Contents(
            n_samples=self.n_samples,
            n_units=n_units,
            dtype=self._dtype,
            sample_id=self._sample_id,
            fingerprint=self._fingerprint,
            versions=self._versions,
            sparse=self._sparse,
            unit_names=unit_names,
            marks=self._marks,
        )

    def save(self) -> None:
        """Write the rows that are in memory, and mark them as done.

        Raises
        ------
        StorageError
            The system refuses to write, or has refused before; what was marked before stays.
        """
        if self._unfinished is not None:
            self._unfinished.save()

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
        taken = self._unfinished.taken if self._unfinished else 0
        if self._unfinished is None or taken < self.n_samples:
            raise DataError(
                f"The data brought {taken:,} samples, not the {self.n_samples:,} it announced.",
                "Check that it does not change while it is read.",
            )
        self._unfinished.save()
        with partial_file.storage_errors(self.partial):
            self._refuse_new_output()
            self._unfinished.gather()
            if self._marks is not None:
                sample_marks.renew_fingerprint(self.partial, self._fingerprint)
            self._refuse_new_output()
            atomic.move_into_place(self.partial, self.path)
        self.finished = True

    def close(self) -> None:
        """Save what is in memory and let go of the file; one without any rows is removed.

        Raises
        ------
        StorageError
            The system refuses to write, and no earlier call has said so.
        """
        try:
            if self._unfinished is not None:
                self._unfinished.close()
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
        finished = read_finished(self.path) if self.path.exists() else None
        if finished is not None and self._take_if_finished(finished):
            return
        unfinished = self._open_earlier() if self.partial.exists() else None
        if self._unfinished is None:
            stored = None if finished is None else finished.fingerprint
            for path, other in ((self.partial, unfinished), (self.path, stored)):
                if other is not None:
                    refuse_stale(path, other, self._fingerprint)

    def _take_if_finished(self, found: Finished) -> bool:
        """Whether the whole file that was found is the one that is wanted; if so, take it."""
        if found.fingerprint != self._fingerprint:
            return False
        self.finished = True
        self.n_units = found.n_units
        return True

    def _open_earlier(self) -> dict[str, Any] | None:
        """Resume the unfinished file if it fits; give its fingerprint, None if it has no rows."""
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(partial_file.open_for_writing(self.partial))
            try:
                stored = partial_file.fingerprint(file)
                rows_done = layout.rows_done(file)
                if rows_done == 0:
                    return None
                if self._may_go_on(file, stored, rows_done):
                    if not partial_file.fits(file, self.n_samples, self._dtype, rows_done):
                        raise FileFormatError("it is not laid out as it should be")
                    if self._marks is not None and sample_marks.are_in(file):
                        self._renew_marks = partial(sample_marks.renew, file, self._marks)
                    self._adopt(file, rows_done)
                    stack.pop_all()
            except FileFormatError as error:
                raise partial_file.broken(self.partial, error.message.rstrip(".")) from error
        return stored

    def _may_go_on(self, file: h5py.File, stored: dict[str, Any], rows_done: int) -> bool:
        if self._marks is None or self._sample_id is None or not sample_marks.are_in(file):
            return stored == self._fingerprint
        if not sample_marks.same_but_data(stored, self._fingerprint):
            return False
        same = sample_marks.may_go_on(file, self._sample_id, self._marks, rows_done)
        if not same and stored == self._fingerprint:
            raise FileFormatError("its samples are not those that it was made from")
        return same

    def _create(
        self, n_units: dict[str, int], unit_names: Mapping[str, tuple[str, ...]]
    ) -> UnfinishedFile:
        partial_file.create(self.partial, self.contents(n_units, unit_names))
        with contextlib.ExitStack() as stack:
            stack.callback(self.partial.unlink)
            file = stack.enter_context(partial_file.open_for_writing(self.partial))
            adopted = self._adopt(file, 0)
            stack.pop_all()
        return adopted

    def _adopt(self, file: h5py.File, rows_done: int) -> UnfinishedFile:
        """Go on with a file that fits."""
        self._unfinished = UnfinishedFile(self.partial, file, self._dtype, rows_done)
        self.n_units = self._unfinished.n_units
        return self._unfinished

    def _refuse_new_output(self) -> None:
        if self._must_be_free and self.path.exists():
            raise ExistingOutputError(
                f"The output {str(self.path)!r} was made by something else meanwhile; all "
                f"rows are kept in {str(self.partial)!r}.",
                "Move the former away, and the same command gives the rows their name.",
            )
