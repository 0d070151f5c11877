"""Reads concepts from NumPy's .npz files."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import Alias, ConceptSet
from invert_core.concepts.sets.missing import NOTHING_GIVEN, Missing, decided
from invert_core.concepts.sources.source import log_ignored
from invert_core.errors import DataError, FileFormatError
from invert_core.files.numpy_files import read_npz

_STRINGS = ("id", "name", "definition", "alias", "alias_name")
_ALIASES = ("alias", "alias_name", "alias_of")


def read_arrays(path: Path, missing: Missing = NOTHING_GIVEN) -> ConceptSet:
    """Read concepts from arrays `labels` [N, C] and `id` [C].

    Labels are bool, or numbers: 0, 1, and -1 or NaN for labels that are not defined. `name` and
    `definition` [C], `sample_id` [N] and `parents` [E, 2] are optional, and so are the aliases:
    `alias` and `alias_name` [A], and `alias_of` [A], the concept index of each. Pickled objects are
    not read.
    """
    arrays, sample_id = read_npz(path)
    for name in ("labels", "id"):
        if name not in arrays:
            raise FileFormatError(
                f"{str(path)!r} has no array {name!r}.",
                "Write it with: numpy.savez(path, labels=labels, id=ids)",
            )
    strings = {name: _as_strings(path, name, arrays[name]) for name in _STRINGS if name in arrays}
    log_ignored(path, "array", set(arrays) - {"labels", "parents", "alias_of", *_STRINGS})
    concepts = ConceptSet.from_arrays(
        decided(arrays["labels"], missing, repr(str(path))),
        id=strings["id"],
        name=strings.get("name"),
        definition=strings.get("definition"),
        sample_id=sample_id,
        parents=arrays.get("parents"),
    )
    given = [name for name in _ALIASES if name in arrays]
    if not given:
        return concepts
    if len(given) < len(_ALIASES):
        lacking = next(name for name in _ALIASES if name not in arrays)
        raise FileFormatError(
            f"{str(path)!r} has {given[0]!r}, but no array {lacking!r}.",
            "Write all of alias, alias_name and alias_of, or none of them.",
        )
    return replace(
        concepts, aliases=_aliases(strings["alias"], strings["alias_name"], arrays["alias_of"])
    )


def _as_strings(path: Path, name: str, values: np.ndarray) -> list[str]:
    if values.ndim != 1 or (values.dtype.kind != "U" and values.size):
        raise FileFormatError(
            f"{str(path)!r}: {name!r} has shape {values.shape} and type {values.dtype}.",
            "Write it as a list of strings.",
        )
    return [str(value) for value in values.tolist()]


def _aliases(ids: list[str], names: list[str], indices: np.ndarray) -> tuple[Alias, ...]:
    if indices.shape != (len(ids),) or len(names) != len(ids) or indices.dtype.kind not in "iu":
        raise DataError(
            f"There are {len(ids)} aliases, {len(names)} names of them, and concept indices of "
            f"shape {indices.shape} and type {indices.dtype}.",
            "Give one name and the index of one concept, an integer, for each alias.",
        )
    return tuple(map(Alias, ids, names, indices.tolist()))
