"""Opens activation files: HDF5, ``.npy`` and ``.npz``."""

import contextlib
from pathlib import Path

import h5py
import numpy as np

from invert_core.activations import layout
from invert_core.activations.groups import Groups
from invert_core.activations.sparse import CscMatrix
from invert_core.activations.steadiness import Steadiness
from invert_core.activations.stored_matrix import StoredMatrix
from invert_core.activations.values import ActivationLayer, Activations
from invert_core.errors import DataError, FileFormatError
from invert_core.files import hdf5
from invert_core.files.hdf5_checksums import Blocks, read_array, read_strings
from invert_core.files.input_file import check_file, input_path
from invert_core.files.numpy_files import read_npy, read_npz
from invert_core.files.unchanged import unchanged
from invert_core.values import SAMPLE_LIMIT, as_sample_id, check_text


def open_activations(source: str | Path) -> Activations:
    """Open a file of activations for reading.

    Parameters
    ----------
    source : str or Path
        ``.h5`` or ``.hdf5`` as `invert extract` writes it; ``.npy``, whose layer is named like the
        file; or ``.npz``, where each array is a layer and ``sample_id`` may hold the ids.

    Returns
    -------
    Activations
        Use it in a ``with`` block. The matrices stay in the file until they are read.

    Raises
    ------
    MissingFileError
        There is no such file, or it is a folder.
    FileFormatError
        The file is cut off, unfinished, of another format, or refers to other files.
    DataError
        The file has fewer than two samples, ids that repeat, values that are not real numbers, or
        a sparse layer whose parts do not fit together.
    ChangedFileError
        The file changed while it was read; leaving the ``with`` block raises this, too.
    """
    path = input_path(source)
    unfinished = path.name and path.with_name(path.name + ".partial").exists()
    check_file(
        path,
        "There is an unfinished one: run the same `invert extract` command again."
        if unfinished
        else "Check the path.",
    )
    suffix = path.suffix.lower()
    if suffix == ".npy":
        # A file name may hold bytes that are not UTF-8, but the name of a layer must be text.
        name = path.stem.encode(errors="backslashreplace").decode()
        with contextlib.ExitStack() as stack:
            stack.enter_context(unchanged(path))
            activations = Activations.from_array({name: read_npy(path)})
            activations.resources.enter_context(stack.pop_all())
        return activations
    if suffix == ".npz":
        return Activations.from_array(*read_npz(path))
    if suffix in {".h5", ".hdf5", ".partial"}:
        return _open_hdf5(path)
    raise FileFormatError(
        f"{str(path)!r} is not named like a file of activations.",
        "Give a file that ends in .h5, .hdf5, .npy or .npz.",
    )


def verify(path: Path) -> None:
    """Read all of an HDF5 file of activations, and raise unless it matches its checksums."""
    with layout.open_file(path) as file:
        _read_sample_id(file)
        _read_groups(file)
        for group in hdf5.own_groups(hdf5.own_group(file, "layers")):
            source = _open_layer(group, None).source
            parts = (source.indices, source.data) if isinstance(source, CscMatrix) else (source,)
            for part in parts:
                if isinstance(part, StoredMatrix | Blocks):
                    part.verify()


def _open_hdf5(path: Path) -> Activations:
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(layout.open_file(path))
        sample_id = _read_sample_id(file)
        _refuse_rows_elsewhere(file)
        groups = hdf5.own_groups(hdf5.own_group(file, "layers"))
        layers = [_open_layer(group, sample_id) for group in groups]
        if not layers:
            raise FileFormatError(f"{str(path)!r} has no layers.", "Make the file again.")
        _refuse_unfinished(file, layers[0].n_samples)
        named = {layer.name: layer for layer in layers}
        if len(named) < len(layers):
            raise FileFormatError(
                f"{str(path)!r} has two layers of the same name.", "Give each layer its own name."
            )
        activations = Activations(
            named,
            sample_id,
            _read_groups(file),
            _read_source(file),
            layout.stored_fingerprint(file) or {},
            _read_marks(file, layers[0].n_samples),
        )
        activations.resources.enter_context(stack.pop_all())
    return activations


def _refuse_rows_elsewhere(file: h5py.File) -> None:
    if layout.has_rows_elsewhere(file):
        raise FileFormatError(
            f"{file.filename!r} is unfinished: its sparse layers are in a file beside it.",
            "Finish it by running the same `invert extract` command again.",
        )


def _refuse_unfinished(file: h5py.File, n_samples: int) -> None:
    done = layout.rows_done(file)
    if done > n_samples:
        raise FileFormatError(
            f"{file.filename!r} says that {done:,} of its {n_samples:,} rows are valid.",
            "Make it again.",
        )
    if done < n_samples:
        partial = file.filename.removesuffix(".partial") + ".partial"
        renamed = "" if partial == file.filename else f"Rename it to {Path(partial).name!r}. "
        raise FileFormatError(
            f"{file.filename!r} is unfinished: {done:,} of {n_samples:,} samples are in it.",
            f"{renamed}Finish it by running the same `invert extract` command again.",
        )


def _read_sample_id(file: h5py.File) -> tuple[str, ...] | None:
    if not hdf5.has_item(file, "sample_id"):
        return None
    dataset = hdf5.own_dataset(file, "sample_id")
    if dataset.shape and dataset.shape[0] > SAMPLE_LIMIT:
        raise FileFormatError(
            f"{file.filename!r} has {dataset.shape[0]:,} sample ids, more than {SAMPLE_LIMIT:,}.",
            "Split it into several files.",
        )
    return as_sample_id(read_strings(dataset), repr(file.filename))


def _read_groups(file: h5py.File) -> Groups | None:
    if not (hdf5.has_item(file, layout.GROUP) or hdf5.has_item(file, layout.GROUP_NAME)):
        return None
    dataset = hdf5.own_dataset(file, layout.GROUP)
    names = read_strings(hdf5.own_dataset(file, layout.GROUP_NAME))
    if dataset.dtype.kind not in "iu" or dataset.ndim != 1 or dataset.size > SAMPLE_LIMIT:
        raise FileFormatError(
            f"{file.filename!r} has groups of type {dataset.dtype} and shape {dataset.shape}.",
            "Store one integer per sample, an index into 'group_name'.",
        )
    number = read_array(dataset)
    if number.size and not 0 <= number.min() <= number.max() < len(names):
        raise FileFormatError(
            f"{file.filename!r} numbers groups from {number.min()} to {number.max()} and names "
            f"{len(names):,}.",
            "Number groups from 0, in the order of 'group_name'.",
        )
    check_text("group name", names, unique=True)
    return Groups(number.astype(np.int32), names)


def _read_source(file: h5py.File) -> dict[str, str]:
    if not hdf5.has_item(file, layout.SOURCE):
        return {}
    group = hdf5.own_group(file, layout.SOURCE)
    with hdf5.broken_file_errors(group):
        found = {key: layout.text_attribute(group, key) for key in group.attrs}
    return {key: value for key, value in found.items() if value is not None}


def _read_marks(file: h5py.File, n_samples: int) -> np.ndarray | None:
    if not hdf5.has_item(file, layout.DIGESTS):
        return None
    dataset = hdf5.own_dataset(file, layout.DIGESTS)
    if dataset.dtype != np.uint64 or dataset.shape != (n_samples,):
        raise FileFormatError(
            f"{file.filename!r} has sample marks of type {dataset.dtype} and shape "
            f"{dataset.shape}.",
            "Store one uint64 per sample, or none.",
        )
    return read_array(dataset)


def _open_layer(group: h5py.Group, sample_id: tuple[str, ...] | None) -> ActivationLayer:
    name = layout.layer_name(group)
    source = _open_sparse(group) if hdf5.has_item(group, "indptr") else _open_dense(group)
    unit = _read_unit(group, source.shape[1]) if hdf5.has_item(group, "unit") else None
    alias = layout.layer_alias(group)
    return ActivationLayer(name, source, sample_id, unit, alias, Steadiness.read(group))


def _open_dense(group: h5py.Group) -> StoredMatrix:
    dataset = hdf5.own_dataset(group, "activations")
    if not _holds_numbers(dataset) or dataset.ndim != 2:
        raise FileFormatError(
            f"{_layer(group)} has type {_type(dataset)} and shape {dataset.shape}.",
            "Store it as a matrix [n_samples, n_units] of floats, integers or bool.",
        )
    _check_size(group, dataset.shape)
    return StoredMatrix(dataset)


def _open_sparse(group: h5py.Group) -> CscMatrix:
    shape = layout.sparse_shape(group)
    _check_size(group, shape)
    parts = {name: hdf5.own_dataset(group, name) for name in ("indptr", "indices", "data")}
    for name, part in parts.items():
        fits = _holds_numbers(part) if name == "data" else part.dtype.kind in "iu"
        if not fits or part.ndim != 1:
            raise FileFormatError(
                f"{_layer(group)} has {name!r} of type {_type(part)} and shape {part.shape}.",
                "Store a sparse layer as the one-dimensional arrays 'data' (numbers), 'indices' "
                "and 'indptr' (integers) of compressed sparse columns.",
            )
    if parts["indptr"].shape != (shape[1] + 1,):
        raise FileFormatError(
            f"{_layer(group)} has {shape[1]:,} units by its shape and 'indptr' of length "
            f"{parts['indptr'].size:,}.",
            "Store compressed sparse columns [n_samples, n_units], not rows: call tocsc() first.",
        )
    indptr = read_array(parts["indptr"])
    try:
        return CscMatrix(shape, indptr, Blocks(parts["indices"]), Blocks(parts["data"]))
    except DataError as error:
        error.add_note(f"({_layer(group)}.)")
        raise


def _holds_numbers(dataset: h5py.Dataset) -> bool:
    """Return whether values are numbers or bool; those of other enumerations are only codes."""
    return dataset.dtype.kind in "fiub" and h5py.check_enum_dtype(dataset.dtype) is None


def _type(dataset: h5py.Dataset) -> str:
    words = h5py.check_enum_dtype(dataset.dtype)
    return str(dataset.dtype) if words is None else f"enumeration ({', '.join(words)})"


def _check_size(group: h5py.Group, shape: tuple[int, int]) -> None:
    if shape[0] > SAMPLE_LIMIT or shape[1] > layout.UNIT_LIMIT:
        raise FileFormatError(
            f"{_layer(group)} has shape {shape}, beyond "
            f"{SAMPLE_LIMIT:,} samples or {layout.UNIT_LIMIT:,} units.",
            "Split it into several files or layers.",
        )


def _layer(group: h5py.Group) -> str:
    return f"Layer {layout.layer_name(group)!r} of {group.file.filename!r}"


def _read_unit(group: h5py.Group, n_units: int) -> tuple[str, ...]:
    dataset = hdf5.own_dataset(group, "unit")
    if dataset.shape != (n_units,):
        raise FileFormatError(
            f"{_layer(group)} has {n_units:,} units and unit names of shape {dataset.shape}.",
            "Store one name per unit.",
        )
    return read_strings(dataset)
