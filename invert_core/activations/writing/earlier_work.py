"""What earlier runs have left under the name of an output."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from invert_core.activations import layout
from invert_core.activations.writing import partial_file
from invert_core.errors import ExistingOutputError, FileFormatError
from invert_core.files import hdf5


@dataclass(frozen=True)
class Finished:
    """A whole file of activations: what it was made from, and the units of every layer."""

    fingerprint: Mapping[str, Any]
    n_units: dict[str, int]


def read_finished(path: Path) -> Finished:
    """What is known of a file that an extraction made.

    Raises
    ------
    ExistingOutputError
        It was not made by one, or is not whole.
    """
    try:
        with hdf5.open_checked(path, layout.FORMAT, layout.FORMAT_VERSION) as file:
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
