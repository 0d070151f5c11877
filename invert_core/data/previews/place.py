"""Where the samples of a run are: as the activation file says, or where they were moved."""

import os
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

from invert_core.data.arrays.array_files import SUFFIXES as ARRAYS
from invert_core.data.images.image_files import SUFFIXES as IMAGES
from invert_core.data.opening import ARCHIVES
from invert_core.data.previews.wanted import Wanted
from invert_core.data.texts.opening import SUFFIX as TEXT
from invert_core.errors import DataError, MissingFileError
from invert_core.files.input_file import input_path
from invert_core.tables.columns import SUFFIXES as TABLES

_ENDINGS: Mapping[str, tuple[str, ...]] = {
    "images": (*ARCHIVES, *sorted(IMAGES)),
    "texts": (TEXT, *TABLES),
    "arrays": ARRAYS,
}
"""How files are called that hold samples of each kind, or a sample."""

NONE = "none"
"""Stands in the place of a path where no samples are wanted."""


def root_of(samples: str | PathLike[str] | None) -> Path | None:
    """Return where samples are, if they have moved; None if they have not, or none are wanted.

    Raises
    ------
    MissingFileError
        There is nothing at this path.
    """
    if samples is None or samples == NONE:
        return None
    if not os.fspath(samples):
        raise MissingFileError(
            "The place of the samples is empty.", "Give a path, or leave it out."
        )
    root = input_path(samples)
    if not root.exists():
        raise MissingFileError(
            f"There is no file or folder {str(samples)!r}.",
            f"Say where the samples are with --samples, or do without: --samples {NONE}.",
        )
    return root


def located(source: Mapping[str, str], root: Path | None) -> Path:
    """Return the folder or file of the samples.

    If they have moved, `root` is this folder or file, or the folder that this file is in.
    """
    before = Path(source.get("path", ""))
    if root is None:
        return before
    return root / before.name if before.name and (root / before.name).is_file() else root


def kind_of(wanted: Wanted) -> str:
    """Return the kind of the samples; if no activation file says it, names of files tell."""
    source, root = wanted.source, wanted.root
    if source.get("kind") in _ENDINGS and (root is not None or "path" in source):
        return source["kind"]
    if root is None:
        raise MissingFileError("The activation file does not say where its samples are.")
    name = root.name if root.is_file() else next(iter(wanted.shown.values()), "")
    for kind, endings in _ENDINGS.items():
        if name.lower().endswith(endings):
            return kind
    raise DataError(f"{str(root)!r} does not tell whether it holds images, texts or arrays.")
