"""Reads and writes the concept file: a concept set in HDF5, ready for the search."""

import errno
import io
from concurrent.futures import ThreadPoolExecutor
from os import PathLike
from pathlib import Path

import h5py
import numpy as np

from invert_core.concepts.sets.concept_set import Alias, ConceptSet
from invert_core.errors import FileFormatError
from invert_core.files.atomic import new_file
from invert_core.files.hdf5 import (
    broken_file_errors,
    has_item,
    own_dataset,
    refuse_other_format,
)
from invert_core.files.hdf5_checksums import (
    open_sealed,
    read_array,
    read_blocks,
    read_strings,
    seal,
    write_array,
    write_blocks,
    write_strings,
)
from invert_core.files.hdf5_values import as_text, as_whole
from invert_core.files.outputs import check_target
from invert_core.wording import UPGRADE

FORMAT = "invert-concepts"
FORMAT_VERSION = 3
"""Version 2 added `defined`, which a reader of version 1 would overlook; version 3, checksums."""

_AT_ONCE = 2**20
_STORAGE = "bits"
"""The only way in which labels are stored so far; a later version may add sparse columns."""


def write_concepts(
    path: str | PathLike[str], concepts: ConceptSet, *, overwrite: bool = False
) -> None:
    """Write a concept file.

    Raises
    ------
    ExistingOutputError
        `path` exists and `overwrite` is false, or it is not a concept file.
    StorageError
        The system refuses to write.
    """
    if not isinstance(concepts, ConceptSet):
        raise TypeError(f"concepts are a ConceptSet, not {type(concepts).__name__}")
    with new_file(Path(path), overwrite=overwrite, refuse=_refuse_other) as partial:
        # No view into the image: Python 3.13 warns of one that an error keeps alive.
        image = _image(concepts)
        partial.write_bytes(image.getvalue())
        _read_back(partial, image)


def _read_back(path: Path, image: io.BytesIO) -> None:
    image.seek(0)
    with path.open("rb") as file:
        while expected := image.read(_AT_ONCE):
            if file.read(len(expected)) != expected:
                raise OSError(errno.EIO, "what was written is not what is read back")


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raise before any work is done if concepts cannot be written to `path`."""
    check_target(path, overwrite=overwrite, refuse=_refuse_other)


def _refuse_other(path: Path) -> None:
    refuse_other_format(path, FORMAT)


def read_hdf5(path: Path) -> ConceptSet:
    """Read a concept file."""
    with open_sealed(path, FORMAT, FORMAT_VERSION, sealed_since=3) as file:
        with broken_file_errors(file):
            stored = file.attrs.get("n_samples")
            storage = as_text(file.attrs.get("storage", _STORAGE))
        if storage != _STORAGE:
            raise FileFormatError(
                f"{str(path)!r} stores labels as {storage!r}; this program reads {_STORAGE!r}.",
                UPGRADE,
            )
        n_samples = as_whole(stored)
        if n_samples is None:
            raise FileFormatError(
                f"{str(path)!r} does not say how many samples it has (n_samples is {stored!r}).",
                "Make it again with: invert concepts build",
            )
        return ConceptSet(
            bits=_array(file, "bits"),
            n_samples=n_samples,
            id=_strings(file, "id"),
            name=_strings(file, "name"),
            definition=_strings(file, "definition"),
            sample_id=_strings(file, "sample_id") if has_item(file, "sample_id") else None,
            parents=_array(file, "parents"),
            defined=_array(file, "defined") if has_item(file, "defined") else None,
            aliases=_aliases(file) if has_item(file, "alias") else (),
        )


def _image(concepts: ConceptSet) -> io.BytesIO:
    """The bytes of the file, made in memory because HDF5 cannot even close a file on a full disk.

    HDF5 runs in a thread of its own: interrupts are raised in the main thread only, where h5py
    could lose one or HDF5 could stop halfway. The thread is started with an empty task, because
    an interrupt during the start does not wait for the thread.
    """
    image = io.BytesIO()
    with ThreadPoolExecutor(1) as thread:
        thread.submit(int).result()
        thread.submit(_write, image, concepts).result()
    return image


def _write(image: io.BytesIO, concepts: ConceptSet) -> None:
    with h5py.File(image, "w") as file:
        _fill(file, concepts)


def _fill(file: h5py.File, concepts: ConceptSet) -> None:
    file.attrs["format"] = FORMAT
    file.attrs["format_version"] = FORMAT_VERSION
    file.attrs["storage"] = _STORAGE
    file.attrs["n_samples"] = concepts.n_samples
    write_blocks(file, "bits", concepts.bits)
    write_array(file, "parents", concepts.parents)
    write_strings(file, "id", concepts.id)
    write_strings(file, "name", concepts.name)
    write_strings(file, "definition", concepts.definition)
    if concepts.sample_id is not None:
        write_strings(file, "sample_id", concepts.sample_id)
    if concepts.defined is not None:
        write_blocks(file, "defined", concepts.defined)
    if concepts.aliases:
        write_strings(file, "alias", tuple(alias.id for alias in concepts.aliases))
        write_strings(file, "alias_name", tuple(alias.name for alias in concepts.aliases))
        of = [[alias.concept] for alias in concepts.aliases]
        write_array(file, "alias_of", np.array(of, np.int64))
    seal(file)


def _strings(file: h5py.File, name: str) -> tuple[str, ...]:
    return read_strings(own_dataset(file, name))


def _aliases(file: h5py.File) -> tuple[Alias, ...]:
    ids, names = _strings(file, "alias"), _strings(file, "alias_name")
    indices = _array(file, "alias_of")
    if indices.shape != (len(ids), 1) or len(names) != len(ids):
        raise FileFormatError(
            f"{Path(file.filename).name} has {len(ids)} aliases, {len(names)} names of them and "
            f"concept indices of shape {indices.shape}.",
            "Make the file again with: invert concepts build",
        )
    return tuple(map(Alias, ids, names, indices[:, 0].tolist()))


def _array(file: h5py.File, name: str) -> np.ndarray:
    dataset = own_dataset(file, name)
    where = f"{Path(file.filename).name}:/{name}"
    if dataset.dtype.kind not in "iu" or dataset.ndim != 2:
        raise FileFormatError(
            f"{where} has shape {dataset.shape} and type {dataset.dtype}.",
            "Make the file again with: invert concepts build",
        )
    return read_blocks(dataset) if name in ("bits", "defined") else read_array(dataset)
