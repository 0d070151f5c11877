"""The error for a file evidence.h5 whose parts do not fit together."""

import h5py

from invert_core.errors import FileFormatError

AGAIN = "Label again with: invert label ACTIVATIONS CONCEPTS -o RUN"


def contradiction(file: h5py.File, wrong: str) -> FileFormatError:
    """Return the error that says what is wrong."""
    return FileFormatError(f"{file.filename!r} contradicts itself: {wrong}.", AGAIN)
