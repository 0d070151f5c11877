"""From what the user names to a source of samples."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.backend import ModelInput
from invert_core.data.arrays import ArraySource
from invert_core.data.preprocess import DTYPES, Preprocess
from invert_core.data.source import DataSource
from invert_core.data.tokenize import Tokenize
from invert_core.errors import DataError, FileFormatError, MissingFileError, SettingError
from invert_core.numpy_files import read_npy, read_npz

Data = str | Path | np.ndarray | Mapping[str, np.ndarray] | Iterable[Any] | DataSource


def open_data(
    data: Data,
    inputs: Sequence[ModelInput],
    *,
    preprocess: Preprocess | None = None,
    text: Tokenize | None = None,
    column: str | None = None,
    id_column: str | None = None,
    root: str | Path | None = None,
    workers: int | None = None,
    skip_bad: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> DataSource:
    """Open samples for a model.

    Parameters
    ----------
    data : path, array, mapping of input name to array, or DataSource
        A folder of images; a ``.npy`` file or an array for a model with one input; a ``.npz`` file
        or a mapping with one array per input. ``sample_id`` in a ``.npz`` file holds the ids.
    inputs : sequence of ModelInput
        Of the model.
    preprocess : Preprocess, optional
        For images; its dtype gives way to that of the model.
    skip_bad : bool
        Leave out images that cannot be read.
    progress : callable, optional
        Called with images read and images to read while bad ones are looked for.

    Raises
    ------
    MissingFileError
        There is no such file or folder.
    FileFormatError
        The file is none of these, or broken.
    DataError
        The data has no samples, or is for another number of inputs.
    SettingError
        Preprocessing was given for arrays.
    """
    if isinstance(data, (str, Path)) and Path(data).is_dir():
        from invert_core.data.images import ImageFolder

        model_input = _only(inputs, "a folder of images")
        steps = preprocess or Preprocess()
        if model_input.dtype is not None and model_input.dtype.name in DTYPES:
            steps = replace(steps, dtype=model_input.dtype.name)
        return ImageFolder(
            Path(data), model_input.name, steps, skip_bad=skip_bad, progress=progress
        )
    if preprocess is not None:
        raise SettingError(
            "Preprocessing was given, but the data is not a folder of images.",
            "Arrays go into the model as they are; leave the preprocessing out.",
        )
    if isinstance(data, DataSource):
        return data
    if isinstance(data, Mapping):
        return ArraySource({name: np.asarray(array) for name, array in data.items()})
    if isinstance(data, np.ndarray):
        return ArraySource({_only(inputs, "one array").name: data})
    if isinstance(data, str | Path):
        return _open_file(Path(data), inputs)
    raise DataError(
        f"Data of the class {type(data).__name__!r} cannot be read.",
        "Give a path, an array, a mapping of input name to array, or a DataSource.",
    )


def _open_file(path: Path, inputs: Sequence[ModelInput]) -> DataSource:
    if not path.exists():
        raise MissingFileError(f"There is no file or folder {str(path)!r}.", "Check the path.")
    suffix = path.suffix.lower()
    if suffix == ".npy":
        return ArraySource({_only(inputs, "a .npy file").name: read_npy(path)})
    if suffix == ".npz":
        return ArraySource(*read_npz(path))
    raise FileFormatError(
        f"{str(path)!r} is neither a folder of images nor a .npy or .npz file.",
        "For one image, give the folder it is in.",
    )


def _only(inputs: Sequence[ModelInput], what: str) -> ModelInput:
    if len(inputs) != 1:
        names = ", ".join(model_input.name for model_input in inputs)
        raise DataError(
            f"The model has {len(inputs)} inputs ({names}), but {what} fills only one.",
            "Give a .npz file with one array per input.",
        )
    return inputs[0]
