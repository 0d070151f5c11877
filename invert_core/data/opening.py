"""Opens whatever the user gives as data and returns a source of samples."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from invert_core.data.arrays.array_source import ArraySource
from invert_core.data.images.preprocess import DTYPES, Preprocess
from invert_core.data.source import DataSource, axes_of, single_input
from invert_core.data.texts.tokenizer_file import Tokenize
from invert_core.errors import FileFormatError, MissingFileError, SettingError
from invert_core.models.backend import ModelInput
from invert_core.tables.columns import SUFFIXES as TABLES
from invert_core.values import as_rows

if TYPE_CHECKING:
    from invert_core.data.images.image_files import ImageFiles

Data = str | Path | np.ndarray | Mapping[str, np.ndarray] | Iterable[Any] | DataSource

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")

_FOR = {
    "preprocessing": "images",
    "a tokenizer": "texts",
    "--column": "tables",
    "--id-column": "tables",
    "--root": "tables of image paths",
    "--workers": "images",
    "--skip-bad": "images",
    "--follow-links": "folders, and tables of image paths",
}
"""The kind of data that each setting applies to."""

_CALLED = {
    "preprocess": "preprocessing",
    "text": "a tokenizer",
    "column": "--column",
    "id_column": "--id-column",
    "root": "--root",
    "workers": "--workers",
    "skip_bad": "--skip-bad",
    "follow_links": "--follow-links",
}
"""The name of each field of `DataSettings` in messages."""

_OF_IMAGES = {"preprocessing", "--workers", "--skip-bad"}
_OF_FOLDERS = {*_OF_IMAGES, "--follow-links"}
_OF_LISTED_IMAGES = {*_OF_FOLDERS, "--column", "--id-column", "--root"}
_OF_TEXTS = {"a tokenizer", "--column", "--id-column"}


@dataclass(frozen=True)
class DataSettings:
    """How data are read; a setting other than its default applies to some kinds of data only.

    Parameters
    ----------
    preprocess : Preprocess, optional
        How images become arrays. If the model states a dtype, it replaces the one given here.
    text : Tokenize, optional
        How texts become tokens.
    column : str, optional
        The column of a table that holds the texts or the paths. By default it is ``text``,
        ``sentence`` or ``content`` for texts, and ``path``, ``image``, ``file`` or ``filename``
        for paths.
    id_column : str, optional
        The column of a table that holds the sample ids; by default ``sample_id``, if it exists.
    root : path, optional
        The folder that the paths in a table start from and must not leave; by default the folder
        of the table.
    workers : int, optional
        Number of extra processes that decode images; with 0 this process decodes them. By default
        there is one per core, and none for fewer than 256 images. The activations do not depend
        on it.
    skip_bad : bool
        Read every image once in advance, and leave out the images that cannot be read.
    follow_links : bool
        Follow symbolic links below a folder, or from the paths of a table, wherever they lead.
    """

    preprocess: Preprocess | None = None
    text: Tokenize | None = None
    column: str | None = None
    id_column: str | None = None
    root: str | Path | None = None
    workers: int | None = None
    skip_bad: bool = False
    follow_links: bool = False

    @property
    def given(self) -> list[str]:
        """The settings that differ from their defaults, by their names in messages."""
        return [
            _CALLED[field.name]
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]


def open_data(
    data: Data,
    inputs: Sequence[ModelInput],
    settings: DataSettings | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> DataSource:
    """Open samples for a model.

    Parameters
    ----------
    data : path, array, mapping of input name to array, iterable of batches, or DataSource
        One of these:

        - images: a folder; an archive ``.zip``, ``.tar``, ``.tar.gz``, ``.tgz``, ``.tar.bz2`` or
          ``.tar.xz``; or a table of image paths, ``.csv``, ``.tsv``, ``.parquet`` or ``.jsonl``.
          The paths in the folder, the archive or the table are the sample ids.
        - texts, if the settings have `text`: a ``.txt`` file with one text per line, a folder of
          ``.txt`` files with one text each, or a table as above.
        - arrays: a ``.npy`` file or an array for a model with one input; a ``.npz``,
          ``.safetensors``, ``.h5`` or ``.hdf5`` file or a mapping, with one array per input, as
          `invert_core.data.arrays.array_files.open_array_file` says. ``sample_id`` in a ``.npz`` or
          HDF5 file holds the ids.
        - an iterable of batches, as `invert_core.data.arrays.iterables.BatchSource` takes it.
        - a DataSource, which is returned unchanged.
    inputs : sequence of ModelInput
        The inputs of the model. Samples need not fill those that have no axis of samples.
    settings : DataSettings, optional
        How the data are read.
    progress : callable, optional
        Called with the number of images checked so far and the number of all images, while
        `skip_bad` looks for bad ones.

    Returns
    -------
    DataSource

    Raises
    ------
    MissingFileError
        The file or folder does not exist, or images that a table lists are missing.
    FileFormatError
        The file is none of these, or it is broken or malicious.
    UnknownNameError
        The table does not have the named column.
    DataError
        The data have no samples or do not fit the number of inputs, or an id repeats.
    SettingError
        A setting is wrong, or does not apply to data of this kind.
    MissingDependencyError
        The package that reads such files is not installed.
    """
    settings = settings or DataSettings()
    if not isinstance(data, str | Path):
        _refuse_others(settings, (), "the data is in memory")
        return _open_memory(data, inputs)
    path = Path(data)
    if not path.exists():
        raise MissingFileError(f"There is no file or folder {str(path)!r}.", "Check the path.")
    kind, source = _open_path(path, inputs, settings, progress)
    source.origin = {"kind": kind, "path": str(path.absolute()), **source.origin}
    return source


def _open_path(
    path: Path,
    inputs: Sequence[ModelInput],
    settings: DataSettings,
    progress: Callable[[int, int], None] | None,
) -> tuple[str, DataSource]:
    """Open a file or a folder, and say what kind of samples it holds."""
    if settings.text is not None:
        from invert_core.data.texts.opening import open_texts

        of_texts = {*_OF_TEXTS, "--follow-links"} if path.is_dir() else _OF_TEXTS
        _refuse_others(settings, of_texts, f"{str(path)!r} is read as texts")
        return "texts", open_texts(
            path,
            inputs,
            settings.text,
            column=settings.column,
            id_column=settings.id_column,
            follow_links=settings.follow_links,
        )
    is_table = path.suffix.lower() in TABLES
    if path.is_dir():
        _refuse_others(settings, _OF_FOLDERS, f"{str(path)!r} is a folder of images")
    elif _is_archive(path):
        _refuse_others(settings, _OF_IMAGES, f"{str(path)!r} is an archive of images")
    elif is_table:
        _refuse_others(settings, _OF_LISTED_IMAGES, f"{str(path)!r} is a table of image paths")
    else:
        _refuse_others(settings, (), f"{str(path)!r} is read as arrays")
        return "arrays", _open_arrays(path, inputs)
    from invert_core.data.images.image_source import ImageSource

    model_input = single_input(inputs, "an image")
    steps = _in_type_of(model_input, settings.preprocess or Preprocess())
    return "images", ImageSource(
        _image_files(path, settings),
        model_input.name,
        steps,
        workers=settings.workers,
        skip_bad=settings.skip_bad,
        one_size=_takes_one_size(model_input, steps),
        progress=progress,
    )


def _refuse_others(settings: DataSettings, allowed: Collection[str], what: str) -> None:
    for name in settings.given:
        if name not in allowed:
            raise SettingError(
                f"{name[0].upper()}{name[1:]} was given, but {what}.",
                f"It is for {_FOR[name]}; leave it out.",
            )


def _in_type_of(model_input: ModelInput, steps: Preprocess) -> Preprocess:
    if model_input.dtype is None or model_input.dtype.name not in DTYPES:
        return steps
    return replace(steps, dtype=model_input.dtype.name)


def _takes_one_size(model_input: ModelInput, steps: Preprocess) -> bool:
    """Return whether a model states both the height and the width of its images."""
    if model_input.shape is None or len(model_input.shape) != 4:
        return False
    edges = model_input.shape[2:] if steps.layout == "NCHW" else model_input.shape[1:3]
    return None not in edges


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(ARCHIVES)


def _image_files(path: Path, settings: DataSettings) -> "ImageFiles":
    if path.is_dir():
        from invert_core.data.images.image_files import FolderFiles

        return FolderFiles(path, follow_links=settings.follow_links)
    if path.name.lower().endswith(".zip"):
        from invert_core.data.images.zip_files import ZipFiles

        return ZipFiles(path)
    if _is_archive(path):
        from invert_core.data.images.tar_files import TarFiles

        return TarFiles(path)
    from invert_core.data.images.listed_files import ListedFiles

    return ListedFiles(
        path,
        column=settings.column,
        id_column=settings.id_column,
        root=None if settings.root is None else Path(settings.root),
        follow_links=settings.follow_links,
    )


def _open_memory(data: Any, inputs: Sequence[ModelInput]) -> DataSource:
    if isinstance(data, DataSource):
        return data
    if hasattr(data, "__array__"):
        data = {single_input(inputs, "one array").name: data}
    if isinstance(data, Mapping):
        arrays, sample_id = as_rows(data, "the input {!r}".format)
        return ArraySource(arrays, sample_id, axes_of(inputs))
    from invert_core.data.arrays.iterables import BatchSource

    filled = [each.name for each in inputs if each.batch_axis is not None]
    return BatchSource(
        data, input_name=filled[0] if len(filled) == 1 else None, batch_axes=axes_of(inputs)
    )


def _open_arrays(path: Path, inputs: Sequence[ModelInput]) -> DataSource:
    from invert_core.data.arrays.array_files import open_array_file

    source = open_array_file(path, inputs)
    if source is None:
        raise FileFormatError(
            f"The suffix of {str(path)!r} does not say what kind of data it holds.",
            "For one image, give the folder it is in; for texts, give --tokenizer too.",
        )
    return source
