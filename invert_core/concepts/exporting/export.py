"""Concepts as files for other programs."""

from os import PathLike
from pathlib import Path

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.exporting.arrays_file import write_arrays
from invert_core.concepts.exporting.table_folder import FILES, MARKER, write_tables
from invert_core.errors import ExistingOutputError, SettingError
from invert_core.files.atomic import check_folder, check_target, storage_errors

ARRAYS = ".npz"
_OF_OTHER_FILES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet", ".npy", ".h5", ".hdf5")


def export_concepts(
    concepts: ConceptSet, path: str | PathLike[str], *, overwrite: bool = False
) -> None:
    """Write concepts as NumPy arrays or as a folder of CSV tables.

    Parameters
    ----------
    concepts : ConceptSet
    path : path
        A file ``.npz`` of arrays, see `write_arrays`, or else a folder of tables, see
        `write_tables`. It is written whole or not at all.
    overwrite : bool
        Replace it if it exists; a folder only if it holds nothing but such tables.

    Raises
    ------
    SettingError, ExistingOutputError, MissingFileError
        As `check_export`.
    StorageError
        The system refuses to write.
    """
    path = Path(path)
    check_export(path, overwrite=overwrite)
    if path.suffix.lower() == ARRAYS:
        write_arrays(path, concepts, overwrite=overwrite)
    else:
        write_tables(path, concepts, overwrite=overwrite)


def check_export(path: Path, *, overwrite: bool) -> None:
    """Raise before any work is done if concepts cannot be exported to `path`.

    Raises
    ------
    SettingError
        The suffix is that of a file of another kind.
    ExistingOutputError
        `path` exists, and `overwrite` is false, or it is nothing that an export wrote.
    MissingFileError
        The folder for it does not exist.
    """
    suffix = path.suffix.lower()
    if suffix == ARRAYS:
        check_target(path, overwrite=overwrite)
        return
    if suffix in _OF_OTHER_FILES:
        raise SettingError(
            f"Concepts are not exported to a single {suffix} file.",
            f"Name a folder for CSV tables, or a file that ends in {ARRAYS}.",
        )
    check_folder(path, marker=MARKER, overwrite=overwrite)
    with storage_errors(path):
        others = {file.name for file in path.iterdir()} - set(FILES) if path.is_dir() else set()
    if others:
        raise ExistingOutputError(
            f"The output {str(path)!r} holds {min(others)!r}, which is no table of concepts.",
            "Choose another output with -o: only a folder of such tables is replaced.",
        )
