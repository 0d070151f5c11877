"""Opens files that hold one array per input of a model."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from invert_core.data.arrays.array_source import ArraySource, SampleArray
from invert_core.data.source import axes_of, single_input
from invert_core.errors import DataError, FileFormatError
from invert_core.files import hdf5
from invert_core.files.hdf5_values import as_text
from invert_core.files.input_file import check_file
from invert_core.files.numpy_files import read_npy, read_npz
from invert_core.files.unchanged import Watched
from invert_core.models.backend import ModelInput
from invert_core.values import SAMPLE_LIMIT
from invert_core.wording import missing_extra

_SAMPLE_ID = "sample_id"
_OWN_FORMATS = {
    "invert-activations": "activations",
    "invert-concepts": "concepts",
}
_TENSOR_TYPES = {
    "BOOL": np.bool_,
    "U8": np.uint8,
    "I8": np.int8,
    "U16": np.uint16,
    "I16": np.int16,
    "U32": np.uint32,
    "I32": np.int32,
    "U64": np.uint64,
    "I64": np.int64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}
"""The safetensors types that NumPy has too."""

_log = logging.getLogger("invert")


def open_array_file(path: Path, inputs: Sequence[ModelInput]) -> ArraySource | None:
    """Open a file of arrays, if its suffix says that it is one.

    Parameters
    ----------
    path : Path
        A ``.npy`` file, for a model with one input; or a ``.npz``, ``.safetensors`` or HDF5 file
        (``.h5`` or ``.hdf5``) with one array per input, under the name of the input. In ``.npz``
        and HDF5 files ``sample_id`` may hold the ids. HDF5 groups are ignored. All files but
        ``.npz`` are read batch by batch. Arrays without axes, and arrays for inputs without an axis
        of the samples, are constants.
    inputs : sequence of ModelInput
        The inputs of the model.

    Returns
    -------
    ArraySource or None
        None if the file has another suffix.
    """
    if path.suffix.lower() not in _READERS:
        return None
    watched = Watched(path)
    with ExitStack() as stack:
        held = stack.enter_context(open_arrays(path))
        arrays, axes = held.arrays, axes_of(inputs)
        if path.suffix.lower() == ".npy":
            # Its samples are on the first axis, whatever the model says.
            arrays, axes = {single_input(inputs, "a .npy file").name: arrays[""]}, {}
        source = ArraySource(arrays, held.sample_id, axes)
        source.resources.enter_context(stack.pop_all())
    if path.suffix.lower() != ".npz":  # which has been read as a whole
        source.watched = watched
    return source


@dataclass(frozen=True)
class HeldArrays:
    """The arrays in a file by name, and its sample ids; the array of a .npy file is called ""."""

    arrays: Mapping[str, SampleArray]
    sample_id: tuple[str, ...] | None = None


@contextmanager
def open_arrays(path: Path) -> Iterator[HeldArrays]:
    """Open a file of arrays, which can be read while the context is open."""
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise FileFormatError(
            f"The suffix of {str(path)!r} does not say that it holds arrays.",
            f"Give a file that ends in {', '.join(_READERS)}.",
        )
    with ExitStack() as stack:
        yield reader(path, stack)


def _open_npy(path: Path, _: ExitStack) -> HeldArrays:
    return HeldArrays({"": read_npy(path)})


def _open_npz(path: Path, _: ExitStack) -> HeldArrays:
    return HeldArrays(*read_npz(path))


class _TensorInFile:
    """A tensor in a safetensors file that is mapped into memory."""

    def __init__(self, tensor: Any, dtype: np.dtype):
        self._tensor = tensor
        self.shape: tuple[int, ...] = tuple(tensor.get_shape())
        self.dtype = dtype

    def __getitem__(self, part: slice | tuple[slice, ...], /) -> np.ndarray:
        return self._tensor[part]


def _open_safetensors(path: Path, _: ExitStack) -> HeldArrays:
    check_file(path)
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise missing_extra(f"Reading {str(path)!r}", "safetensors", error) from error
    try:
        file = safe_open(path, "np")
    except (SafetensorError, OSError) as error:
        raise FileFormatError(
            f"{str(path)!r} is not a whole safetensors file ({error}).",
            "It may be cut off or of another kind; make it again.",
        ) from error
    names = file.keys()
    return HeldArrays({name: _tensor_in_file(path, name, file.get_slice(name)) for name in names})


def _tensor_in_file(path: Path, name: str, tensor: Any) -> SampleArray:
    kind = tensor.get_dtype()
    if kind not in _TENSOR_TYPES:
        raise DataError(
            f"{str(path)!r}: the array {name!r} has type {kind}, which NumPy does not have.",
            "Save it as float32, for example with tensor.float().",
        )
    return _TensorInFile(tensor, np.dtype(_TENSOR_TYPES[kind]))


class _DatasetInFile:
    """A dataset in an HDF5 file that stays open."""

    def __init__(self, dataset: h5py.Dataset):
        with hdf5.broken_file_errors(dataset):
            self._dataset = dataset
            self.shape: tuple[int, ...] = dataset.shape or ()
            self.dtype: np.dtype = dataset.dtype

    def __getitem__(self, part: slice | tuple[slice, ...], /) -> np.ndarray:
        with hdf5.broken_file_errors(self._dataset):
            return self._dataset[part]


def _open_hdf5(path: Path, stack: ExitStack) -> HeldArrays:
    # Most batches are smaller than a chunk; the cache lets each chunk be unpacked only once.
    file = stack.enter_context(hdf5.open_file(path, cache_bytes=hdf5.CHUNK_LIMIT_BYTES))
    _refuse_own_format(path, file)
    with hdf5.broken_file_errors(file):
        names = [name for name in file if name != _SAMPLE_ID]
    items = {name: hdf5.own_item(file, name) for name in names}
    groups = [name for name, item in items.items() if isinstance(item, h5py.Group)]
    if groups:
        _log.info("%s: ignored the groups %s.", path.name, ", ".join(map(repr, groups)))
    arrays = {
        name: _DatasetInFile(hdf5.own_dataset(file, name)) for name in names if name not in groups
    }
    return HeldArrays(arrays, _read_sample_id(path, file))


def _refuse_own_format(path: Path, file: h5py.File) -> None:
    with hdf5.broken_file_errors(file, "@format"):
        found = as_text(file.attrs.get("format"))
    if found in _OWN_FORMATS:
        raise FileFormatError(
            f"{str(path)!r} holds {_OWN_FORMATS[found]}, not inputs of a model.",
            "Give the samples that the model should see.",
        )


def _read_sample_id(path: Path, file: h5py.File) -> tuple[str, ...] | None:
    if not hdf5.has_item(file, _SAMPLE_ID):
        return None
    dataset = hdf5.own_dataset(file, _SAMPLE_ID)
    if dataset.size is not None and dataset.size > SAMPLE_LIMIT:
        raise FileFormatError(
            f"{str(path)!r} has {dataset.size:,} sample ids, more than {SAMPLE_LIMIT:,}.",
            "Split it into several files.",
        )
    return hdf5.stored_strings(dataset)


_READERS: dict[str, Callable[[Path, ExitStack], HeldArrays]] = {
    ".npy": _open_npy,
    ".npz": _open_npz,
    ".safetensors": _open_safetensors,
    ".h5": _open_hdf5,
    ".hdf5": _open_hdf5,
}
SUFFIXES = tuple(_READERS)
