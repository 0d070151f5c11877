"""The writer of activation files; a killed extraction can be resumed."""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

import numpy as np

from invert_core.activations.reading import verify
from invert_core.activations.steadiness import Steadiness
from invert_core.activations.writing import partial_file, sample_digests
from invert_core.activations.writing.contents import Contents, Origin
from invert_core.activations.writing.earlier_files import (
    Finished,
    check_output,
    open_unfinished,
    read_finished,
)
from invert_core.activations.writing.row_values import converted
from invert_core.activations.writing.unfinished_file import UnfinishedFile
from invert_core.errors import DataError, ExistingOutputError, FileFormatError
from invert_core.files import atomic
from invert_core.files.fingerprint import refuse_stale
from invert_core.files.outputs import output_place
from invert_core.files.write_lock import WriteLock
from invert_core.wording import choice

DTYPES = ("float32", "float16")


class ActivationWriter:
    """Fills ``<path>.partial`` row by row and renames it to `path` when all rows are there.

    Rows are buffered in stripes of 1,024. A stripe is written and then marked as done: when it is
    full, after `save_every` seconds, and when the writer is closed. Rows that are marked as done
    stay right whatever happens later.

    Parameters
    ----------
    path : Path
        The place of the finished file.
    origin : Origin
        What the activations are made from. An unfinished file with the same fingerprint is resumed;
        with sample digests, even if samples that are not done yet have changed.
    overwrite : bool
        Whether to start anew whatever is there. A finished file stays until the new one is whole.
    save_every : float
        Seconds after which rows are saved, together with the next rows that come.

    Attributes
    ----------
    finished : bool
        Whether the whole file is there, so that nothing must be written.
    n_units : dict of str to int
        Number of units of every layer; empty until the first rows are known.
    partial : Path
        The unfinished file.
    """

    def __init__(
        self,
        path: Path,
        origin: Origin,
        *,
        overwrite: bool = False,
        save_every: float = 30.0,
    ):
        dtype = origin.dtype
        if dtype not in DTYPES:
            raise choice("dtype", dtype, DTYPES)
        check_output(path)
        self.path = path = output_place(path)
        self.partial = path.with_name(path.name + ".partial")
        self.n_samples = origin.n_samples
        self.n_units: dict[str, int] = {}
        self.finished = False
        self._origin = origin
        self._save_every = save_every
        self._unfinished: UnfinishedFile | None = None
        self._lock: WriteLock | None = None
        self._must_be_free = False
        if not overwrite and path.exists() and self._take_if_finished(read_finished(path)):
            return
        self._lock = WriteLock(path)
        try:
            partial_file.clear(self.partial)
            self._must_be_free = not overwrite and not path.exists()
            if not overwrite:
                self._find_earlier_work()
        except BaseException:
            self._lock.release()
            raise

    @property
    def rows_done(self) -> int:
        """The number of rows that are saved for good; `write` goes on from here after opening."""
        if self.finished:
            return self.n_samples
        return 0 if self._unfinished is None else self._unfinished.rows_done

    def write(
        self,
        batch: Mapping[str, np.ndarray],
        unit_names: Mapping[str, tuple[str, ...]] | None = None,
        steadiness: Mapping[str, Steadiness] | None = None,
    ) -> None:
        """Append rows; if a value is refused, no row of the batch is written.

        Parameters
        ----------
        batch : mapping of layer name to float array [rows, n_units]
            The rows of all layers; every batch must have the same layers.
        unit_names : mapping of layer name to tuple of str, optional
            Unit names of the layers whose units are not plain numbers; only the first batch needs
            them.
        steadiness : mapping of layer name to Steadiness, optional
            What trial runs showed; only the first batch of a new file needs it.
        """
        rows = len(next(iter(batch.values())))
        if rows == 0:
            return
        unfinished = self._unfinished
        if unfinished is None:
            n_units = {name: array.shape[1] for name, array in batch.items()}
            unfinished = self._create(self.contents(n_units, unit_names or {}, steadiness or {}))
        if unfinished.taken + rows > self.n_samples:
            raise DataError(
                f"The data has more than the {self.n_samples:,} samples it announced.",
                "Check that it does not change while it is read.",
            )
        stored = {
            name: converted(
                name,
                batch[name],
                n_units,
                self._origin.type_in_file,
                self._origin.sample_id,
                unfinished.taken,
            )
            for name, n_units in self.n_units.items()
        }
        first = 0
        while first < rows:
            last = min(rows, first + unfinished.room)
            unfinished.take({name: values[first:last] for name, values in stored.items()})
            first = last
            if unfinished.room == 0 or unfinished.unsaved_seconds >= self._save_every:
                unfinished.save()

    def contents(
        self,
        n_units: Mapping[str, int],
        unit_names: Mapping[str, tuple[str, ...]],
        steadiness: Mapping[str, Steadiness] = MappingProxyType({}),
    ) -> Contents:
        """The contents of the file if it has these layers."""
        return Contents(self._origin, n_units, unit_names, steadiness)

    def save(self) -> None:
        """Write the rows that are in memory, and mark them as done."""
        if self._unfinished is not None:
            self._unfinished.save()

    def finish(self) -> None:
        """Write the last rows and give the file its name.

        If another file has appeared at `path`, this fails and the unfinished file stays.
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
        with partial_file.write_errors(self.partial):
            self._refuse_new_output()
            self._unfinished.gather()
            if self._origin.sample_digests is not None:
                sample_digests.renew_fingerprint(self.partial, self._origin.fingerprint)
            self._read_back()
            self._refuse_new_output()
            atomic.move_into_place(self.partial, self.path)
        self.finished = True

    def close(self) -> None:
        """Save what is in memory and close the file; a file without rows is removed."""
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
        # overwrite, so it may be resumed.
        finished = read_finished(self.path) if self.path.exists() else None
        if finished is not None and self._take_if_finished(finished):
            return
        unfinished = open_unfinished(self.partial, self._origin) if self.partial.exists() else None
        if unfinished is not None and unfinished.file is not None:
            self._adopt(unfinished.file)
            return
        for path, other in ((self.partial, unfinished), (self.path, finished)):
            if other is not None:
                refuse_stale(path, other.fingerprint, self._origin.fingerprint)

    def _take_if_finished(self, found: Finished) -> bool:
        """Take the whole file that was found if it is the wanted one; return whether it is."""
        if found.fingerprint != self._origin.fingerprint:
            return False
        self.finished = True
        self.n_units = found.n_units
        return True

    def _create(self, contents: Contents) -> UnfinishedFile:
        partial_file.create(self.partial, contents)
        with contextlib.ExitStack() as stack:
            stack.callback(self.partial.unlink)
            file = stack.enter_context(partial_file.open_for_writing(self.partial))
            unfinished = UnfinishedFile(self.partial, file, self._origin.type_in_file, 0)
            self._adopt(unfinished)
            stack.pop_all()
        return unfinished

    def _adopt(self, unfinished: UnfinishedFile) -> None:
        """Go on writing in a file that fits."""
        self._unfinished = unfinished
        self.n_units = unfinished.n_units

    def _read_back(self) -> None:
        try:
            verify(self.partial)
        except FileFormatError as error:
            raise partial_file.broken(self.partial, error.message.rstrip(".")) from error

    def _refuse_new_output(self) -> None:
        if self._must_be_free and self.path.exists():
            raise ExistingOutputError(
                f"The output {str(self.path)!r} has appeared in the meantime; all rows are kept "
                f"in {str(self.partial)!r}.",
                "Move the former away, and run the same command again to finish the latter.",
            )
