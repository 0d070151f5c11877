"""Concepts from NumPy's .npz files."""

from pathlib import Path

from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.sources.source import log_ignored
from invert_core.errors import FileFormatError
from invert_core.numpy_files import read_npz

_STRINGS = ("id", "name", "definition")


def read_arrays(path: Path) -> ConceptSet:
    """Read concepts from arrays `labels` [N, C] and `id` [C].

    `name` and `definition` [C], `sample_id` [N] and `parents` [E, 2] may be there too. Pickled
    objects are not read.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It is no .npz file, lacks an array, or holds strings as anything but strings.
    DataError
        The arrays do not fit together, or a label is neither 0 nor 1.
    """
    arrays, sample_id = read_npz(path)
    for name in ("labels", "id"):
        if name not in arrays:
            raise FileFormatError(
                f"{str(path)!r} has no array {name!r}.",
                "Write it with: numpy.savez(path, labels=labels, id=ids)",
            )
    strings = {name: arrays[name] for name in _STRINGS if name in arrays}
    for name, values in strings.items():
        if values.ndim != 1 or values.dtype.kind != "U":
            raise FileFormatError(
                f"{str(path)!r}: {name!r} has shape {values.shape} and type {values.dtype}.",
                "Write it as a list of strings.",
            )
    log_ignored(path, "array", set(arrays) - {"labels", "parents", *_STRINGS})
    return ConceptSet.from_arrays(
        arrays["labels"],
        sample_id=sample_id,
        parents=arrays.get("parents"),
        **{name: values.tolist() for name, values in strings.items()},
    )
