"""The unfinished run: keeping the rows so far, so that a killed labelling can continue."""

import contextlib
import hashlib
import itertools
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from invert_core.errors import (
    ExistingOutputError,
    FileFormatError,
    InvertError,
    StaleFileError,
    StorageError,
)
from invert_core.files import atomic
from invert_core.files.fingerprint import as_stored, refuse_stale
from invert_core.results.columns import Label
from invert_core.results.labels import Labels
from invert_core.results.unfinished_record import Record, Timer

RECORD = "unfinished.json"

SECONDS_BETWEEN_SAVES = 1.0
"""A kill costs the work since the last save; a short labelling saves once, at its end."""

_LABELS = "labels.jsonl"
_NEW_RECORD = RECORD + ".new"
_WRITTEN_LAST = ("labels.csv", "run.json")

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class _Rows:
    """The saved and the waiting rows, replaced together so that no interrupt can split them."""

    record: Record
    digest: Any = field(default_factory=hashlib.sha256)
    waiting: list[Sequence[Label]] = field(default_factory=list)


class UnfinishedRun:
    """A folder beside the output that takes its place once it holds all rows.

    The first save makes the folder. Whatever happens later, saved rows stay valid.

    Parameters
    ----------
    output : Path
        The run directory to make.
    fingerprint : mapping
        All that determines the rows, as JSON values.
    units : sequence of (str, int)
        Layer and number of every unit to label, in order.
    overwrite : bool
        Start again if the folder is broken or was made from other inputs or settings. A folder
        that is not an unfinished run is never touched.
    timer : Timer
        Measures how long the labelling takes.

    Attributes
    ----------
    folder : Path
        Folder of the unfinished run.
    found : tuple of Label
        The rows that an earlier run saved.
    """

    def __init__(
        self,
        output: Path,
        fingerprint: Mapping[str, Any],
        units: Sequence[tuple[str, int]],
        *,
        overwrite: bool,
        timer: Timer,
    ):
        self.folder = unfinished_folder(output)
        self.found: tuple[Label, ...] = ()
        self._output = output
        self._n_units = len(units)
        self._timer = timer
        self._is_open = self._to_be_removed = False
        self._last_save = time.monotonic()
        self._rows = _Rows(Record(as_stored(fingerprint), timer.timings()))
        with atomic.storage_errors(output):
            _check_ours(self.folder)
            try:
                self._find_earlier_work(units)
            except (StaleFileError, FileFormatError):
                if not overwrite:
                    raise

    @property
    def n_done(self) -> int:
        """Number of units whose rows are saved; the unit after them is the next to label."""
        return self._rows.record.n_units

    def add(self, rows: Sequence[Label]) -> None:
        """Take the rows of the next unit, and save all rows if the last save was long ago."""
        self._rows.waiting.append(rows)
        if time.monotonic() - self._last_save >= SECONDS_BETWEEN_SAVES:
            self.save()

    def save(self) -> None:
        """Save all rows to disk; if that fails, the rows that were saved before stay valid."""
        saved = self._rows
        waiting = tuple(saved.waiting)
        if not waiting:
            return
        text = Labels(tuple(itertools.chain.from_iterable(waiting))).to_jsonl().encode()
        digest = saved.digest.copy()
        digest.update(text)
        record = Record(
            saved.record.fingerprint,
            self._timer.timings(),
            saved.record.n_units + len(waiting),
            saved.record.n_bytes + len(text),
            digest.hexdigest(),
        )
        with atomic.storage_errors(self._output):
            self._open()
            self._write_rows(saved.record.n_bytes, text)
            self._write_record(record)
        self._rows = _Rows(record, digest)
        self._last_save = time.monotonic()

    @contextlib.contextmanager
    def completed(self, *, marker: str, overwrite: bool) -> Iterator[Path]:
        """Save all rows, yield the folder for the other files, and give it its final name.

        If that fails, the rows stay in the unfinished run.
        """
        self.save()
        with atomic.storage_errors(self._output):
            self._open()
            place = self._output.resolve()  # after the move, "." would mean the old folder
            yield self.folder
        atomic.move_folder_into_place(self.folder, self._output, marker=marker, overwrite=overwrite)
        with atomic.storage_errors(self._output):
            (place / RECORD).unlink()

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

    def close(self) -> None:
        """Remove the folder if this run made it and saved no rows."""
        if self._to_be_removed and self.n_done == 0:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _find_earlier_work(self, wanted: Sequence[tuple[str, int]]) -> None:
        path = self.folder / RECORD
        if not path.is_file():
            return
        try:
            record = Record.from_json(path.read_bytes())
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
        text = self._read_rows(record.n_bytes)
        digest = hashlib.sha256(text)
        if digest.hexdigest() != record.sha256:
            raise self._broken(f"{_LABELS} is not what was written")
        rows = self._parsed(text)
        units = [unit for unit, _ in itertools.groupby((row.layer, row.unit) for row in rows)]
        if units != list(wanted[: record.n_units]):
            raise self._broken(f"{_LABELS} is not about the first {record.n_units:,} units")
        self.found = rows
        self._rows = _Rows(record, digest)
        self._timer.go_on(record.timings, record.n_units)
        _log.info(
            "Continuing after %s of %s units, which an earlier run left in %r.",
            f"{record.n_units:,}",
            f"{self._n_units:,}",
            str(self.folder),
        )

    def _read_rows(self, n_bytes: int) -> bytes:
        path = self.folder / _LABELS
        if not path.is_file() or path.stat().st_size < n_bytes:
            raise self._broken(f"{_LABELS} is shorter than {n_bytes:,} bytes")
        with path.open("rb") as file:
            return file.read(n_bytes)

    def _parsed(self, text: bytes) -> tuple[Label, ...]:
        try:
            lines = text.decode().removesuffix("\n").split("\n")
            return Labels.from_jsonl(lines, _LABELS).rows
        except UnicodeDecodeError as error:
            raise self._broken(f"{_LABELS} is not UTF-8 text") from error
        except FileFormatError as error:
            raise self._broken(error.message.rstrip(".")) from error

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
        for name in (_NEW_RECORD, *_WRITTEN_LAST):
            (self.folder / name).unlink(missing_ok=True)
        if self.n_done == 0:
            self._write_record(self._rows.record)
            self._to_be_removed = True
            (self.folder / _LABELS).write_bytes(b"")
        else:
            os.truncate(self.folder / _LABELS, self._rows.record.n_bytes)
        self._is_open = True

    def _write_rows(self, start: int, text: bytes) -> None:
        # After a failed or interrupted save, the next one writes the same bytes again, and more.
        with (self.folder / _LABELS).open("r+b") as file:
            file.seek(start)
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    def _write_record(self, record: Record) -> None:
        new = self.folder / _NEW_RECORD
        new.write_text(record.to_json(), encoding="utf-8")
        atomic.move_into_place(new, self.folder / RECORD)


@contextlib.contextmanager
def unfinished_run(
    output: Path,
    fingerprint: Mapping[str, Any],
    units: Sequence[tuple[str, int]],
    *,
    overwrite: bool,
    timer: Timer,
) -> Iterator[UnfinishedRun]:
    """Save what the block labels even if it fails or is interrupted, and say so in a note.

    Parameters
    ----------
    output, fingerprint, units, overwrite, timer
        As for `UnfinishedRun`.
    """
    run = UnfinishedRun(output, fingerprint, units, overwrite=overwrite, timer=timer)
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
        raise
    finally:
        run.close()


def unfinished_folder(output: Path) -> Path:
    """Return the folder of an output's unfinished run: beside it, with the suffix ``.partial``."""
    place = output_place(output)
    return place.with_name(place.name + ".partial")


def output_place(output: Path) -> Path:
    """Return the path of the output so that it has a name and is not a link."""
    if output.name in ("", "..") or output.is_symlink():
        return Path(os.path.realpath(output))
    return output


def _check_ours(folder: Path) -> None:
    """Refuse a folder that exists and holds anything but an unfinished run."""
    try:
        folder.lstat()
    except FileNotFoundError:
        return
    if folder.is_symlink() or not folder.is_dir():
        raise _not_ours(folder, "is not a folder")
    own = {RECORD, _NEW_RECORD, _LABELS, *_WRITTEN_LAST}
    names = set()
    for path in folder.iterdir():
        names.add(path.name)
        if path.name not in own or path.is_symlink() or not path.is_file():
            raise _not_ours(folder, f"holds {path.name!r}")
    if RECORD not in names and not names <= {_NEW_RECORD}:
        raise _not_ours(folder, f"has no {RECORD}")


def _not_ours(folder: Path, why: str) -> ExistingOutputError:
    return ExistingOutputError(
        f"{str(folder)!r} {why}, so it is not an unfinished run.",
        "Move it away, or choose another output with -o.",
    )
