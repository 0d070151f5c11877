"""Concepts from files of any known kind, and several sources put together."""

import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np

from invert_core.concepts.arrays import read_arrays
from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.hdf5_file import read_hdf5
from invert_core.concepts.names import apply_names, read_names
from invert_core.concepts.tables import read_csv, read_long
from invert_core.data.tables.table_formats import SUFFIXES as TABLES
from invert_core.errors import DataError, FileFormatError, first_few
from invert_core.join import locate
from invert_core.text import counted

_log = logging.getLogger("invert")

READERS = dict.fromkeys(TABLES, read_long) | {
    ".csv": read_csv,
    ".npz": read_arrays,
    ".h5": read_hdf5,
    ".hdf5": read_hdf5,
}


def read_concepts(
    path: str | PathLike[str], names: str | PathLike[str] | None = None
) -> ConceptSet:
    """Read concepts from a ``.csv``, ``.npz``, ``.h5`` or ``.hdf5`` file, or from another table.

    Parameters
    ----------
    path : path
        Its suffix says how it is read; ``.tsv``, ``.jsonl``, ``.ndjson`` and ``.parquet`` by
        their column ``concepts``.
    names : path, optional
        A CSV table ``concept_id,name,definition``; it gives names and definitions, and the
        concepts stand in its order.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        The suffix is unknown, or the file is broken.
    DataError
        What the file holds is no set of concepts.
    """
    return build_concepts([path], names)


def build_concepts(
    sources: str | PathLike[str] | Sequence[str | PathLike[str]],
    names: str | PathLike[str] | None = None,
) -> ConceptSet:
    """Read one or more sources of the same samples into one set, and name the concepts.

    Parameters
    ----------
    sources : path, or sequence of at least one
        Each as for `read_concepts`; put together as by `combine`.
    names : path, optional
        As for `read_concepts`; it applies to all sources.

    Raises
    ------
    MissingFileError, FileFormatError, DataError
        As `read_concepts` and `combine`.
    """
    if isinstance(sources, str | PathLike):
        sources = [sources]
    sets = [_read(Path(source)) for source in sources]
    concepts = combine(sets, [repr(str(source)) for source in sources])
    return concepts if names is None else apply_names(concepts, read_names(Path(names)))


def combine(sets: Sequence[ConceptSet], called: Sequence[str] | None = None) -> ConceptSet:
    """Put the concepts of several sources of the same samples into one set.

    The samples stand as in the first set that has sample ids. Other sets with ids are reordered to
    that; sets without ids are matched by position.

    Parameters
    ----------
    sets : sequence of ConceptSet, at least one
    called : sequence of str, optional
        What messages call each set.

    Raises
    ------
    DataError
        The samples differ, or a concept id is in several sets.
    """
    if not sets:
        raise DataError("There are no concepts to combine.", "Give at least one source.")
    leader = next((one for one in sets if one.sample_id is not None), sets[0])
    names = called or [f"source {number}" for number in range(1, len(sets) + 1)]
    leading = next(name for one, name in zip(sets, names, strict=True) if one is leader)
    aligned = [_align(one, leader, name, leading) for one, name in zip(sets, names, strict=True)]
    ids = tuple(itertools.chain.from_iterable(one.id for one in aligned))
    repeated = [id for id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise DataError(
            f"{counted(len(repeated), 'concept')} {'is' if len(repeated) == 1 else 'are'} in "
            f"several sources: {first_few(repeated)}.",
            "Every concept id must come from one source.",
        )
    first_row = np.cumsum([0, *(len(one.id) for one in aligned)])
    return ConceptSet(
        bits=np.concatenate([one.bits for one in aligned]),
        n_samples=leader.n_samples,
        id=ids,
        name=tuple(itertools.chain.from_iterable(one.name for one in aligned)),
        definition=tuple(itertools.chain.from_iterable(one.definition for one in aligned)),
        sample_id=leader.sample_id,
        parents=np.concatenate(
            [one.parents + row for one, row in zip(aligned, first_row, strict=False)]
        ),
    )


def _read(path: Path) -> ConceptSet:
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise FileFormatError(
            f"{str(path)!r} is not a known kind of file for concepts.",
            f"Its name must end with one of: {', '.join(READERS)}.",
        )
    try:
        return reader(path)
    except DataError as error:
        if str(path) not in str(error):
            error.add_note(f"This is in {str(path)!r}.")
        raise


def _align(one: ConceptSet, leader: ConceptSet, name: str, leading: str) -> ConceptSet:
    if one.n_samples != leader.n_samples:
        raise DataError(
            f"There are {counted(leader.n_samples, 'sample')} in {leading} and "
            f"{one.n_samples:,} in {name}.",
            "Combine concepts of the same samples.",
        )
    if one.sample_id is None and leader.sample_id is not None:
        _log.info("No sample ids in %s: its rows are matched by position with %s.", name, leading)
    if one.sample_id is None or leader.sample_id is None or one.sample_id == leader.sample_id:
        return one
    place = locate(leader.sample_id, one.sample_id)
    missing = [leader.sample_id[row] for row in np.flatnonzero(place < 0)]
    if missing:
        raise DataError(
            f"{counted(len(missing), 'sample')} of {leading} "
            f"{'is' if len(missing) == 1 else 'are'} missing in {name}: {first_few(missing)}.",
            "Combine concepts of the same samples.",
        )
    return one.take(place)
