"""Finds earlier work under the name of an output: a finished file, or an unfinished one."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from invert_core.activations import layout
from invert_core.activations.writing import partial_file, sample_digests
from invert_core.activations.writing.contents import Origin
from invert_core.activations.writing.unfinished_file import UnfinishedFile
from invert_core.errors import ExistingOutputError, FileFormatError, StaleFileError
from invert_core.files import hdf5
from invert_core.files.hdf5_checksums import check_structure, is_sealed
from invert_core.files.outputs import check_target


def check_output(path: Path) -> None:
    """Raise before any work is done if activations cannot be written to `path`.

    A file of activations may be there: it may be the wanted one, or be replaced on request.
    """
    check_target(
        path, overwrite=True, refuse=lambda place: hdf5.refuse_other_format(place, layout.FORMAT)
    )


@dataclass(frozen=True)
class Finished:
    """A whole file of activations: its fingerprint, and the number of units of every layer."""

    fingerprint: Mapping[str, Any]
    n_units: dict[str, int]


def read_finished(path: Path) -> Finished:
    """Read the fingerprint and the units of a file that an extraction made."""
    try:
        with layout.open_file(path) as file:
            stored = layout.stored_fingerprint(file)
            shapes = partial_file.shapes(file)
            rows_done = layout.rows_done(file)
            whole = all(len(shape) == 2 and shape[0] == rows_done for shape in shapes.values())
            if not whole or layout.has_rows_elsewhere(file):
                raise FileFormatError("it lacks rows")
    except FileFormatError as error:
        raise ExistingOutputError(
            f"The output {str(path)!r} exists and is not a whole file of activations.",
            "Choose another with -o, or replace it with --overwrite.",
        ) from error
    if stored is None:
        raise ExistingOutputError(
            f"The output {str(path)!r} exists and was not made by an extraction.",
            "Choose another with -o, or replace it with --overwrite.",
        )
    return Finished(stored, {name: shape[1] for name, shape in shapes.items()})


@dataclass(frozen=True)
class Unfinished:
    """An unfinished file with rows: its fingerprint, and the open file if it can be resumed."""

    fingerprint: Mapping[str, Any]
    file: UnfinishedFile | None


def open_unfinished(path: Path, origin: Origin) -> Unfinished | None:
    """Open an unfinished file, ready to be resumed if it fits `origin`; None if it has no rows."""
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(partial_file.open_for_writing(path))
        try:
            stored = partial_file.fingerprint(file)
            rows_done = layout.rows_done(file)
            if rows_done == 0:
                return None
            if not is_sealed(file):
                raise StaleFileError(
                    f"{str(path)!r} was begun by an earlier version of invert, which stored no "
                    "checksums.",
                    "Finish it with that version, choose another output with -o, or start anew "
                    "with --overwrite.",
                )
            check_structure(file)
            if not _may_go_on(file, stored, origin, rows_done):
                return Unfinished(stored, None)
            if not partial_file.fits(file, origin.n_samples, origin.type_in_file, rows_done):
                raise FileFormatError("it is not laid out as it should be")
            wanted = stored.get("layers", [])
            if lacking := [name for name in wanted if name not in partial_file.shapes(file)]:
                raise FileFormatError(f"it lacks the layer {lacking[0]!r}")
            renewed = origin.sample_digests if sample_digests.are_in(file) else None
            unfinished = UnfinishedFile(path, file, origin.type_in_file, rows_done, renewed)
            stack.pop_all()
        except FileFormatError as error:
            raise partial_file.broken(path, error.message.rstrip(".")) from error
    return Unfinished(stored, unfinished)


def _may_go_on(file: h5py.File, stored: Mapping[str, Any], origin: Origin, rows_done: int) -> bool:
    digests = origin.sample_digests
    if digests is None or not sample_digests.are_in(file):
        return stored == origin.fingerprint
    if not sample_digests.same_but_data(stored, origin.fingerprint):
        return False
    same = sample_digests.may_go_on(file, origin.sample_id, digests, rows_done)
    if not same and stored == origin.fingerprint:
        raise FileFormatError("its samples do not match its fingerprint")
    return same
