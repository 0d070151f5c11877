"""All of a concept set as NumPy arrays in one file."""

import zipfile
from pathlib import Path

import numpy as np

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.exporting.label_blocks import label_blocks
from invert_core.files.atomic import new_file


def write_arrays(path: Path, concepts: ConceptSet, *, overwrite: bool = False) -> None:
    """Write an ``.npz`` file, which `build_concepts` reads to the same concepts.

    Its arrays are `labels` int8 [N, C], with -1 where a concept is not defined; `id`, `name` and
    `definition` [C], strings; `parents` int64 [E, 2], rows (child, parent) of indices into `id`.
    `sample_id` [N] is there if the samples have ids, and where concepts were merged `alias`,
    `alias_name` [A] and `alias_of` int64 [A], the index of the concept that an alias stands for.

    Raises
    ------
    ExistingOutputError
        `path` exists and `overwrite` is false.
    StorageError
        The system refuses to write.
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
            for labels in label_blocks(concepts):
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
