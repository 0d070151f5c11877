"""A concept set from sources of any known kind."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

from invert_core.concepts.hierarchy.ancestors import add_ancestors
from invert_core.concepts.hierarchy.leaving_out import leave_out_rare, merge_equal
from invert_core.concepts.hierarchy.opening import open_hierarchy
from invert_core.concepts.sets.combining import combine
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import resolve_missing
from invert_core.concepts.sets.names import apply_names, read_names
from invert_core.concepts.sources.formats import read_sources
from invert_core.concepts.sources.source import Reading
from invert_core.errors import SettingError


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
    hierarchy: str | PathLike[str] | None = None,
    min_chains: int = 1,
    min_count: int = 0,
    keep_equal: bool = False,
) -> ConceptSet:
    """Read one or more sources of the same samples into one set, and name the concepts.

    What is done stands in the order of the parameters; names come last.

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
    hierarchy : path, or "wordnet", optional
        All that the concepts are kinds of is added to them: a folder with WordNet's `data.noun`,
        or a table ``child,parent``. The word stands for the folder that Debian's package
        `wordnet-base` fills. Concepts whose name is their id get the hierarchy's.
    min_chains : int
        What is above the concepts is added if at least so many shortest chains of direct parents
        lead up to it, those from all concepts together.
    min_count : int
        Concepts that are true on fewer samples are left out; parents connect over them.
    keep_equal : bool
        Whether concepts of a hierarchy stay that have the same labels as one of their children;
        otherwise they become aliases of that child.

    Raises
    ------
    MissingFileError, FileFormatError, DataError
        As `read_concepts`, `combine` and `open_hierarchy`; or no concept is in the hierarchy, or
        none is left.
    SettingError
        `reading` says something that no source follows, `join` or `missing` is unknown, a number
        is out of range, or something is set for a hierarchy and there is none.
    """
    if hierarchy is None and (min_chains != 1 or keep_equal):
        raise SettingError(
            f"There is no hierarchy for {'--keep-equal' if keep_equal else '--min-chains'}.",
            "Give one with --hierarchy.",
        )
    kinds = None if hierarchy is None else open_hierarchy(hierarchy)
    if isinstance(sources, str | PathLike):
        sources = [sources]
    paths = [Path(source) for source in sources]
    sets = read_sources(paths, reading or Reading())
    concepts = combine(sets, [repr(str(path)) for path in paths], join)
    concepts = resolve_missing(concepts, missing)
    if kinds is not None:
        concepts = add_ancestors(concepts, kinds, min_chains)
    concepts = leave_out_rare(concepts, min_count)
    if kinds is not None and not keep_equal:
        concepts = merge_equal(concepts)
    return concepts if names is None else apply_names(concepts, read_names(Path(names)))
