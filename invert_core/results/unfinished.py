"""The unfinished run: keeping the rows so far, so that a killed labelling can continue."""

import contextlib
import hashlib
import itertools
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.errors import (
    FileFormatError,
    InvertError,
    StaleFileError,
    StorageError,
)
from invert_core.files import atomic
from invert_core.files.fingerprint import as_stored, refuse_stale
from invert_core.files.outputs import Refuse
from invert_core.files.storage import storage_errors
from invert_core.results.evidence_records import SavedEvidence
from invert_core.results.final_rows import write_final
from invert_core.results.label_table import LabelTable
from invert_core.results.label_text import HEADER, LabelText
from invert_core.results.labels import tables_of
from invert_core.results.unfinished_place import (
    FINAL,
    NEW_RECORD,
    RECORD,
    check_ours,
    clear,
    unfinished_folder,
)
from invert_core.results.unfinished_record import (
    FILES,
    OtherVersionError,
    Record,
    Saved,
    Timer,
)

SECONDS_BETWEEN_SAVES = 1.0
"""A kill costs the work since the last save; a short labelling saves once, at its end."""

_ROWS, _TABLE, _EVIDENCE = FILES

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class _Rows:
    """The saved and the waiting rows, replaced together so that no interrupt can split them."""

    record: Record
    digests: Mapping[str, Any] = field(
        default_factory=lambda: {name: hashlib.sha256() for name in FILES}
    )
    waiting: list[LabelTable] = field(default_factory=list)


class UnfinishedRun:
    """A folder beside the output that takes its place once it holds all rows.

    The first save makes the folder. Whatever happens later, saved rows stay valid.

    Parameters
    ----------
    output : Path
        The run directory to make.
    fingerprint : mapping
        All that determines the rows, as JSON values.
    units : iterable of (str, int)
        Layer and number of every unit to label, in order.
    n_units : int
        Number of all units.
    overwrite : bool
        Start again if the folder is broken or was made from other inputs or settings. A folder
        that is not an unfinished run is never touched.
    timer : Timer
        Measures how long the labelling takes.

    Attributes
    ----------
    folder : Path
        Folder of the unfinished run.
    """

    def __init__(
        self,
        output: Path,
        fingerprint: Mapping[str, Any],
        units: Iterable[tuple[str, int]],
        n_units: int,
        *,
        overwrite: bool,
        timer: Timer,
    ):
        self.folder = unfinished_folder(output)
        self._output = output
        self._n_units = n_units
        self._timer = timer
        self._is_open = self._to_be_removed = False
        self._place: Path | None = None
        self._last_save = time.monotonic()
        self._rows = _Rows(Record(as_stored(fingerprint), timer.timings()))
        with storage_errors(output):
            check_ours(self.folder)
            try:
                self._find_earlier_work(units)
            except (StaleFileError, FileFormatError):
                if not overwrite:
                    raise

    @property
    def n_done(self) -> int:
        """Number of units whose rows are saved; the unit after them is the next to label."""
        return self._rows.record.n_units

    def earlier(self) -> Iterator[LabelTable]:
        """Read the rows that are saved, in tables of whole units."""
        return tables_of(self._lines(self._rows.record), _ROWS)

    def add(self, table: LabelTable) -> None:
        """Take the rows of the next units, and save all rows if the last save was long ago."""
        self._rows.waiting.append(table)
        if time.monotonic() - self._last_save >= SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Save all rows to disk; if that fails, the rows that were saved before stay valid."""
        saved = self._rows
        waiting = tuple(saved.waiting)
        if not waiting:
            return
        starts = {name: part.n_bytes for name, part in saved.record.files.items()}
        texts = _texts(waiting)
        if starts[_TABLE] == 0:
            texts[_TABLE] = HEADER.encode() + texts[_TABLE]
        digests = {name: digest.copy() for name, digest in saved.digests.items()}
        files = {}
        for name, text in texts.items():
            digests[name].update(text)
            files[name] = Saved(starts[name] + len(text), digests[name].hexdigest())
        n_units = saved.record.n_units + sum(len(table.units()) for table in waiting)
        record = Record(saved.record.fingerprint, self._timer.timings(), n_units, files)
        with storage_errors(self._output):
            self._open()
            for name, text in texts.items():
                self._write_rows(name, starts[name], text)
            self._write_record(record)
        self._rows = _Rows(record, digests)
        self._last_save = time.monotonic()

    @contextlib.contextmanager
    def completed(
        self, q_values: np.ndarray, *, overwrite: bool, refuse: Refuse
    ) -> Iterator[tuple[Path, Mapping[str, Saved]]]:
        """Write the final rows, yield, and give the folder its final name.

        The block gets the folder, for run.json, and what was written to labels.jsonl and
        labels.csv, keyed by name. If it fails, the rows stay in the unfinished run.

        Parameters
        ----------
        q_values : float64 [R]
            The q-value of each row, or NaN for rows without one.
        overwrite, refuse
            As for `move_folder_into_place`.
        """
        self.save()
        with storage_errors(self._output):
            self._open()
            place = self._output.resolve()  # after the move, "." would mean the old folder
            saved = self._rows.record.files
            for name, part in saved.items():
                self._checked_digest(name, part)
            yield self.folder, write_final(self.folder, saved, q_values)
        self._place = place
        atomic.move_folder_into_place(self.folder, self._output, overwrite=overwrite, refuse=refuse)
        with storage_errors(self._output):
            clear(place)

    def evidence(self, types: Mapping[str, np.dtype]) -> SavedEvidence:
        """Return the evidence that is saved, given the type of the records of each group."""
        saved = self._rows.record.files[_EVIDENCE]
        return SavedEvidence(self.folder / _EVIDENCE, saved.n_bytes, types)

    def is_kept(self) -> bool:
        """Return whether the same command can continue from saved rows."""
        return self.n_done > 0 and (self.folder / RECORD).is_file()

    def kept(self, error: BaseException) -> str:
        """Return a message that says what is saved after an error, and how to continue."""
        what = (
            f"{self.n_done:,} of {self._n_units:,} units are kept in {str(self.folder)!r}; "
            "the same command continues from there"
        )
        if isinstance(error, InvertError) and not isinstance(error, OSError):
            return f"{what}, and other inputs or settings need --overwrite."
        return f"{what}."

    def tidied(self) -> bool:
        """Return whether the run has got its final name, where nothing unfinished is left then."""
        if self._place is None or self.folder.exists():
            return False
        with contextlib.suppress(OSError):  # the next labelling clears what is left
            clear(self._place)
        return True

    def close(self) -> None:
        """Remove the folder if this run made it and saved no rows."""
        if self._to_be_removed and self.n_done == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _find_earlier_work(self, wanted: Iterable[tuple[str, int]]) -> None:
        path = self.folder / RECORD
        if not path.is_file():
            return
        try:
            record = Record.from_json(path.read_bytes())
        except OtherVersionError as error:
            raise FileFormatError(
                f"The unfinished run {str(self.folder)!r} was left by another version of invert "
                f"({error}).",
                "Finish it with that version, start anew with --overwrite, or choose another "
                "output with -o.",
            ) from error
        except (ValueError, TypeError, RecursionError) as error:
            raise self._broken(f"{RECORD}: {str(error)[:80]}") from error
        if record.n_units == 0:
            return
        try:
            refuse_stale(self.folder, record.fingerprint, self._rows.record.fingerprint)
        except StaleFileError as error:
            error.add_note(
                f"Its original inputs and settings would continue after {record.n_units:,} units."
            )
            raise
        digests = {name: self._checked_digest(name, part) for name, part in record.files.items()}
        found = (unit for unit, _ in itertools.groupby(self._units(record)))
        pairs = itertools.zip_longest(found, itertools.islice(wanted, record.n_units))
        if any(one != two for one, two in pairs):
            raise self._broken(f"{_ROWS} is not about the first {record.n_units:,} units")
        self._rows = _Rows(record, digests)
        self._timer.go_on(record.timings, record.n_units)
        _log.info(
            "Continuing after %s of %s units, which an earlier run left in %r.",
            f"{record.n_units:,}",
            f"{self._n_units:,}",
            str(self.folder),
        )

    def _checked_digest(self, name: str, part: Saved) -> Any:
        """Return the hash of the saved part of a file, which must be the recorded one."""
        path = self.folder / name
        if not path.is_file() or path.stat().st_size < part.n_bytes:
            raise self._broken(f"{name} is shorter than {part.n_bytes:,} bytes")
        digest = part.digest_of(path)
        if digest.hexdigest() != part.sha256:
            raise self._broken(f"{name} is not what was written")
        return digest

    def _units(self, record: Record) -> Iterator[tuple[str, int]]:
        """Read layer and unit of each saved row."""
        for number, line in enumerate(self._lines(record), start=1):
            try:
                row = json.loads(line)
                yield row["layer"], row["unit"]
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise self._broken(f"line {number} of {_ROWS} is not a label") from error

    def _lines(self, record: Record) -> Iterator[str]:
        """Read the saved lines of rows; what follows them may be half a line."""
        for line in record.files[_ROWS].lines_of(self.folder / _ROWS):
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                raise self._broken(f"{_ROWS} is not UTF-8 text") from error

    def _broken(self, reason: str) -> FileFormatError:
        return FileFormatError(
            f"The unfinished run {str(self.folder)!r} is broken ({reason}).",
            "Start anew with --overwrite, or choose another output with -o.",
        )

    def _open(self) -> None:
        if self._is_open:
            return
        if not self.folder.is_dir():
            self._to_be_removed = True
            self.folder.mkdir()
        for name in (NEW_RECORD, *FINAL):
            (self.folder / name).unlink(missing_ok=True)
        if self.n_done == 0:
            self._write_record(self._rows.record)
            self._to_be_removed = True
        for name, part in self._rows.record.files.items():
            if self.n_done == 0:
                (self.folder / name).write_bytes(b"")
            else:
                os.truncate(self.folder / name, part.n_bytes)
        self._is_open = True

    def _write_rows(self, name: str, start: int, text: bytes) -> None:
        # After a failed or interrupted save, the next one writes the same bytes again, and more.
        with (self.folder / name).open("r+b") as file:
            file.seek(start)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _write_record(self, record: Record) -> None:
        new = self.folder / NEW_RECORD
        new.write_text(record.to_json(), encoding="utf-8")
        atomic.move_into_place(new, self.folder / RECORD)


def _texts(tables: Iterable[LabelTable]) -> dict[str, bytes]:
    """Return the text of the rows for each file."""
    # One table after the other: what is shared by both files takes more memory than they do.
    parts = [
        (text.jsonl().encode(), text.csv().encode(), evidence_of(table))
        for table, text in ((table, LabelText(table)) for table in tables)
    ]
    return {
        name: b"".join(part) for name, part in zip(FILES, zip(*parts, strict=True), strict=True)
    }


def evidence_of(table: LabelTable) -> bytes:
    """Return the evidence for the rows of a table; nothing if none was made."""
    return b"" if table.evidence is None else table.evidence.to_bytes()


@contextlib.contextmanager
def unfinished_run(
    output: Path,
    fingerprint: Mapping[str, Any],
    units: Iterable[tuple[str, int]],
    n_units: int,
    *,
    overwrite: bool,
    timer: Timer,
) -> Iterator[UnfinishedRun]:
    """Save what the block labels even if it fails or is interrupted, and say so in a note.

    Parameters
    ----------
    output, fingerprint, units, n_units, overwrite, timer
        As for `UnfinishedRun`.
    """
    run = UnfinishedRun(output, fingerprint, units, n_units, overwrite=overwrite, timer=timer)
    try:
        try:
            yield run
        except BaseException:
            with contextlib.suppress(StorageError):  # the note says how much is saved anyway
                run.save()
            raise
    except BaseException as error:
        if run.is_kept():
            error.add_note(run.kept(error))
        elif run.tidied():
            error.add_note(f"The run in {str(output)!r} is complete.")
        raise
    finally:
        run.close()
