"""Builds a concept set from sources of any known kind."""

from collections.abc import Sequence
from dataclasses import replace
from os import PathLike

from invert_core.concepts.hierarchy.ancestors import add_ancestors
from invert_core.concepts.hierarchy.leaving_out import leave_out_rare, merge_equal
from invert_core.concepts.hierarchy.opening import open_hierarchy
from invert_core.concepts.sets.combining import combine
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing, resolve_absent, resolve_missing
from invert_core.concepts.sets.names import apply_names, read_names
from invert_core.concepts.sources.formats import read_sources
from invert_core.concepts.sources.source import Reading
from invert_core.errors import SettingError
from invert_core.files.input_file import input_path
from invert_core.values import UNDEFINED, or_default


def read_concepts(
    path: str | PathLike[str], names: str | PathLike[str] | None = None, missing: str = "error"
) -> ConceptSet:
    """Read concepts from one source.

    Parameters
    ----------
    path : path
        A table, ``.npz``, concept file, or any other source that `build_concepts` reads.
    names : path, optional
        A CSV table ``concept_id,name,definition`` of names and definitions; the concepts get its
        order.
    missing : {"error", "negative", "exclude"}
        What happens to labels that the source leaves open, see `build_concepts`.

    Raises
    ------
    MissingFileError
        There is no such file.
    FileFormatError
        The file is broken, or not of a known kind.
    DataError
        The content of the file is not a set of concepts, or labels are missing.
    """
    return build_concepts([path], names, missing=missing)


def build_concepts(
    sources: str | PathLike[str] | Sequence[str | PathLike[str]],
    names: str | PathLike[str] | None = None,
    *,
    reading: Reading | None = None,
    join: str = "strict",
    match: str = "exact",
    missing: str = "error",
    hierarchy: str | PathLike[str] | None = None,
    min_chains: int = 1,
    min_count: int = 0,
    keep_equal: bool = False,
) -> ConceptSet:
    """Read one or more sources of the same samples into one set, and name the concepts.

    The steps are done in the order of the parameters; names are given last.

    Parameters
    ----------
    sources : path, or sequence of at least one
        Tables, ``.npz``, concept files, folders and annotation files. The samples get the order
        of the first source with sample ids; sources without ids are matched by position.
    names : path, optional
        A table of names as for `read_concepts`; it applies to all sources.
    reading : Reading, optional
        How the sources are read: columns of tables, groups of categories and so on.
    join : {"strict", "inner", "outer"}
        Whether samples that some sources lack are refused, left out, or kept as samples on which
        the concepts of those sources are not defined.
    match : {"exact", "name", "stem"}
        What of two sample ids must be equal: all of it; what follows its last slash or backslash,
        whatever its Unicode form, blanks around it and the case of its suffix; or the same
        without the suffix.
    missing : {"error", "negative", "exclude"}, or text of several
        Whether samples on which a concept is not defined are refused, taken for samples that do
        not carry it, or kept as undefined. Kinds of missing labels may differ, as in
        "blank=negative,-1=exclude": ``blank`` (with null, NaN and masked), ``NA`` (words for it),
        ``-1``, and ``absent`` (labels that no source has). "-1=value" takes -1 for a number, a
        class or a tag.
    hierarchy : path, or "wordnet", optional
        A folder with WordNet's `data.noun`, a table ``child,parent``, or the hierarchy of Open
        Images (``.json``); the ancestors of the concepts are added to the set. The word "wordnet"
        means the folder of Debian's package `wordnet-base`. A concept whose name is its id gets
        its name from the hierarchy.
    min_chains : int
        The least number of shortest chains of direct parents, counted from all concepts together,
        that must lead up to an ancestor for it to be added.
    min_count : int
        The least number of samples of a concept. Rarer concepts are left out, and their children
        become children of the parents above.
    keep_equal : bool
        Whether concepts of a hierarchy with the same labels as one of their children are kept;
        otherwise they become aliases of that child.

    Raises
    ------
    MissingFileError
        There is no such file or folder.
    FileFormatError
        A file is broken, or not of a known kind.
    DataError
        The content of a source is not a set of concepts, samples differ, labels are missing, a
        concept is in several sources, no concept is in the hierarchy, or no concept is left.
    SettingError
        No source can follow `reading`, `join`, `match` or `missing` is unknown, a number is out of
        range, or an option for a hierarchy is given without one.
    """
    if hierarchy is None and (min_chains != 1 or keep_equal):
        raise SettingError(
            f"There is no hierarchy for {'--keep-equal' if keep_equal else '--min-chains'}.",
            "Give one with --hierarchy.",
        )
    kinds = None if hierarchy is None else open_hierarchy(hierarchy)
    if isinstance(sources, str | PathLike):
        sources = [sources]
    paths = [input_path(source) for source in sources]
    meaning = Missing.parse(missing)
    sets = read_sources(paths, or_default(reading, Reading), meaning)
    called = [repr(str(path)) for path in paths]
    concepts = combine(sets, called, join, match)
    if join == "outer":
        gaps = combine([replace(one, defined=None) for one in sets], called, join, match)
        concepts = resolve_absent(concepts, gaps, meaning)
    meaning.log_counts()
    absent = (UNDEFINED, "absent") in meaning.found
    concepts = resolve_missing(concepts, missing, absent=absent)
    if kinds is not None:
        concepts = add_ancestors(concepts, kinds, min_chains)
    concepts = leave_out_rare(concepts, min_count)
    if kinds is not None and not keep_equal:
        concepts = merge_equal(concepts)
    return concepts if names is None else apply_names(concepts, read_names(input_path(names)))
