"""The layout of an activation file, version 2.

Root attributes: ``format``, ``format_version``, ``rows_done`` (rows that are valid; all of them in
a finished file), and, if ``invert extract`` made the file, ``fingerprint`` and ``versions`` (JSON).
``/sample_id`` [N] holds the ids; it is absent if the samples have none. Each group
``/layers/<percent-encoded name>`` has the true name in the attribute ``name``, perhaps another name
in ``alias``, the float matrix ``activations`` [N, K] and, if units are not plain numbers, their
names in ``unit`` [K]. Instead of the matrix, a sparse layer has compressed sparse columns ``data``,
``indices`` and ``indptr``, and its shape in the attribute ``shape``. During the extraction the
columns are absent; the root attribute ``rows_elsewhere`` says so, and the rows are in a file beside
it (`sparse_rows`).
``/sample_mark`` [N], if present, holds the digest of each sample (`sample_digests`).
``/group`` [N], if present, holds the group of each sample, as an index into ``/group_name``.
"""

import contextlib
import json
from pathlib import Path
from urllib.parse import quote, unquote

import h5py
import numpy as np

from invert_core.errors import FileFormatError
from invert_core.files import hdf5
from invert_core.files.hdf5_checksums import open_sealed
from invert_core.files.hdf5_values import as_text, as_whole
from invert_core.values import is_text

FORMAT = "invert-activations"
FORMAT_VERSION = 2
"""Version 2 added checksums."""
UNIT_LIMIT = 2**24
STRIPE_ROWS = 1024
CHUNK_UNITS = 64
ROWS_ELSEWHERE = "rows_elsewhere"
DIGESTS = "sample_mark"
GROUP = "group"
GROUP_NAME = "group_name"
ROW_CHECKSUM = "row_checksum"
SOURCE = "source"
COLUMNS: dict[str, np.dtype] = {"indptr": np.dtype("<i8"), "indices": np.dtype("<i4")}
"""Types of the integers of a sparse layer in a new file."""


def open_file(path: Path) -> contextlib.AbstractContextManager[h5py.File]:
    """Open a file of activations for reading, and check its structure if it has checksums."""
    return open_sealed(path, FORMAT, FORMAT_VERSION, sealed_since=2)


def chunks(n_samples: int, n_units: int) -> tuple[int, int]:
    """Rows and units of the chunks of a dense layer in a new file."""
    return min(STRIPE_ROWS, n_samples), min(CHUNK_UNITS, n_units)


def layer_key(name: str) -> str:
    """The name of the HDF5 group of a layer.

    >>> layer_key("block/0.relu"), layer_key(".")
    ('block%2F0.relu', '%2E')
    """
    key = quote(name, safe="")
    return "%2E" if key == "." else key  # "." means the group itself in HDF5


def layer_name(group: h5py.Group) -> str:
    """The true name of the layer that `group` holds."""
    name = text_attribute(group, "name") or unquote(group.name.rsplit("/", 1)[-1])
    return _as_text(name, group, "the name of a layer")


def layer_alias(group: h5py.Group) -> str:
    """The other name of the layer that `group` holds; "" if it has none."""
    return text_attribute(group, "alias") or ""


def text_attribute(item: h5py.File | h5py.Group, key: str) -> str | None:
    """A text attribute; None if it is absent or not a string."""
    value = as_text(_attribute(item, key))
    return None if value is None else _as_text(value, item, f"the attribute {key!r}")


def rows_done(file: h5py.File) -> int:
    """The number of rows that are valid."""
    value = _attribute(file, "rows_done")
    n_rows = as_whole(value)
    if n_rows is None or n_rows < 0:
        raise FileFormatError(
            f"{file.filename!r} does not say how many of its rows are valid "
            f"(its attribute rows_done is {value!r}).",
            "Make the file again.",
        )
    return n_rows


def sparse_shape(group: h5py.Group) -> tuple[int, int]:
    """The numbers of samples and units of the sparse layer that `group` holds."""
    with hdf5.broken_file_errors(group, "@shape"):
        stored = group.attrs.get_id("shape") if "shape" in group.attrs else None
        fits = stored is not None and stored.shape == (2,)
        lengths = [as_whole(length) for length in group.attrs["shape"]] if fits else []
    shape = tuple(length for length in lengths if length is not None and length >= 0)
    if len(shape) != 2:
        raise FileFormatError(
            f"{group.file.filename!r}: the sparse layer {layer_name(group)!r} does not say its "
            "shape.",
            "Give its group the attribute 'shape', two integers: n_samples, n_units.",
        )
    return shape


def has_rows_elsewhere(file: h5py.File) -> bool:
    """Return whether sparse layers lack their columns because their extraction is unfinished."""
    return _attribute(file, ROWS_ELSEWHERE) is not None


def stored_fingerprint(file: h5py.File) -> dict | None:
    """The fingerprint in a file; None if the file was not made by an extraction."""
    text = text_attribute(file, "fingerprint")
    try:
        value = None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _as_text(value: str, item: h5py.File | h5py.Group, what: str) -> str:
    if not is_text(value):
        raise FileFormatError(
            f"{item.file.filename!r}: {what} is not text: {value!r}.",
            "Make the file again.",
        )
    return value


def _attribute(item: h5py.File | h5py.Group, key: str) -> object:
    with hdf5.broken_file_errors(item, f"@{key}"):
        return item.attrs.get(key)
