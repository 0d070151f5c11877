"""A concept set from sources of any known kind."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from invert_core.concepts.combining import combine
from invert_core.concepts.concept_set import ConceptSet
from invert_core.concepts.missing import resolve_missing
from invert_core.concepts.names import apply_names, read_names
from invert_core.concepts.sources.formats import read_sources
from invert_core.concepts.sources.source import Reading


def read_concepts(
    path: str | PathLike[str], names: str | PathLike[str] | None = None, missing: str = "error"
) -> ConceptSet:
    """Read concepts from one source.

    Parameters
    ----------
    path : path
        A table, ``.npz``, concept file, or any other source that `build_concepts` reads.
    names : path, optional
        A CSV table ``concept_id,name,definition``; it gives names and definitions, and the
        concepts stand in its order.
    missing : {"error", "negative", "exclude"}
        What is made of labels that the source leaves open, see `build_concepts`.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        It is of no known kind, or broken.
    DataError
        What the file holds is no set of concepts, or labels are missing.
    """
    return build_concepts([path], names, missing=missing)


def build_concepts(
    sources: str | PathLike[str] | Sequence[str | PathLike[str]],
    names: str | PathLike[str] | None = None,
    *,
    reading: Reading | None = None,
    join: str = "strict",
    missing: str = "error",
) -> ConceptSet:
    """Read one or more sources of the same samples into one set, and name the concepts.

    Parameters
    ----------
    sources : path, or sequence of at least one
        Put together as by `combine`.
    names : path, optional
        As for `read_concepts`; it applies to all sources.
    reading : Reading, optional
        How the sources are read: columns of tables, groups of categories and so on.
    join : {"strict", "inner", "outer"}
        What is made of samples that some sources lack: refuse, leave out, or keep them as samples
        on which the concepts of those sources are not defined.
    missing : {"error", "negative", "exclude"}
        What is made of samples on which a concept is not defined: refuse, take for samples that do
        not carry it, or keep undefined.

    Raises
    ------
    MissingFileError, FileFormatError, DataError
        As `read_concepts` and `combine`.
    SettingError
        `reading` says something that no source follows, or `join` or `missing` is unknown.
    """
    if isinstance(sources, str | PathLike):
        sources = [sources]
    paths = [Path(source) for source in sources]
    sets = read_sources(paths, reading or Reading())
    concepts = combine(sets, [repr(str(path)) for path in paths], join)
    concepts = resolve_missing(concepts, missing)
    return concepts if names is None else apply_names(concepts, read_names(Path(names)))
