"""Exports concepts for other programs: as arrays in one file, or as a folder of tables."""

import zipfile
from os import PathLike
from pathlib import Path

import numpy as np

from invert_core.concepts.export_tables import mark_blocks, refuse_other, write_tables
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import SettingError
from invert_core.files.atomic import new_file
from invert_core.files.outputs import check_folder, check_target

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
        A file ``.npz`` of arrays (see `write_arrays`), or else a folder of tables (see
        `write_tables`). It is written whole or not at all.
    overwrite : bool
        Whether an existing output is replaced; a folder must hold nothing but such tables.
    """
    path = Path(path)
    check_export(path, overwrite=overwrite)
    if path.suffix.lower() == ARRAYS:
        write_arrays(path, concepts, overwrite=overwrite)
    else:
        write_tables(path, concepts, overwrite=overwrite)


def check_export(path: Path, *, overwrite: bool) -> None:
    """Raise before any work is done if concepts cannot be exported to `path`."""
    suffix = path.suffix.lower()
    if suffix == ARRAYS:
        check_target(path, overwrite=overwrite)
        return
    if suffix in _OF_OTHER_FILES:
        raise SettingError(
            f"Concepts are not exported to a single {suffix} file.",
            f"Name a folder for CSV tables, or a file that ends in {ARRAYS}.",
        )
    check_folder(path, overwrite=overwrite, refuse=refuse_other)


def write_arrays(path: Path, concepts: ConceptSet, *, overwrite: bool = False) -> None:
    """Write an ``.npz`` file, from which `build_concepts` reads the same concepts.

    Its arrays are `labels` int8 [N, C], with -1 where a concept is not defined; the strings `id`,
    `name` and `definition` [C]; and `parents` int64 [E, 2], pairs (child, parent) of concept
    indices. If the samples have ids, there is `sample_id` [N]. If concepts were merged, there are
    `alias` and `alias_name` [A], and `alias_of` int64 [A], the concept index of each alias.
    """
    arrays = _small_arrays(concepts)
    with (
        new_file(path, overwrite=overwrite) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        with archive.open("labels.npy", "w", force_zip64=True) as member:
            shape = (concepts.n_samples, len(concepts.id))
            np.lib.format.write_array_header_1_0(
                member, {"descr": "|i1", "fortran_order": False, "shape": shape}
            )
            for labels in mark_blocks(concepts):
                member.write(labels.tobytes())


def _small_arrays(concepts: ConceptSet) -> dict[str, np.ndarray]:
    arrays = {
        "id": np.array(concepts.id),
        "name": np.array(concepts.name),
        "definition": np.array(concepts.definition),
        "parents": concepts.parents,
    }
    if concepts.sample_id is not None:
        arrays["sample_id"] = np.array(concepts.sample_id)
    if concepts.aliases:
        arrays["alias"] = np.array([alias.id for alias in concepts.aliases])
        arrays["alias_name"] = np.array([alias.name for alias in concepts.aliases])
        arrays["alias_of"] = np.array([alias.concept for alias in concepts.aliases], np.int64)
    return arrays
