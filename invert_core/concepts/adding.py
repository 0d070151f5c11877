"""More samples for concepts that are there already, from sources of any known kind."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from invert_core.concepts.building import build_concepts
from invert_core.concepts.sets.appending import append_samples
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import check_missing, resolve_missing
from invert_core.concepts.sets.names import apply_names, read_names
from invert_core.concepts.sources.source import Reading
from invert_core.errors import DataError
from invert_core.kernels.bits import popcounts, whole_set
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")


def add_samples(
    concepts: str | PathLike[str],
    sources: str | PathLike[str] | Sequence[str | PathLike[str]],
    names: str | PathLike[str] | None = None,
    *,
    reading: Reading | None = None,
    join: str = "strict",
    missing: str = "error",
    new_negative: bool = False,
) -> ConceptSet:
    """Read concepts, and put the samples and labels of other sources behind them.

    Parameters
    ----------
    concepts : path
        A concept file, or any other source that `build_concepts` reads. Its samples stand first.
    sources : path, or sequence of at least one
        Of new samples, put together as by `build_concepts`.
    names : path, optional
        As for `build_concepts`; it applies to all concepts.
    reading, join
        How the sources are read and put together, see `build_concepts`.
    missing : {"error", "negative", "exclude"}
        What is made of labels that nobody gives: refuse, take for 0, or keep undefined. Such are
        those of the concepts of one side on the samples of the other, where it does not label them.
    new_negative : bool
        Whether concepts that only the sources have are 0 on the first samples, whatever `missing`
        says of all others.

    Returns
    -------
    ConceptSet
        As `append_samples` makes it.

    Raises
    ------
    DataError
        A sample is not new, there are no sample ids, or labels are missing.
    MissingFileError, FileFormatError, SettingError
        As `build_concepts`.
    """
    check_missing(missing)
    old = build_concepts(concepts, missing="exclude")
    new = build_concepts(sources, reading=reading, join=join, missing="exclude")
    called = (repr(str(concepts)), _called(sources))
    both = append_samples(old, new, called)
    if new_negative:
        both = _without_new_gaps(both, old, called[0])
    gaps = _gaps(both, old, new, called)
    if gaps and missing == "error":
        raise DataError(f"Missing are {'; '.join(gaps.values())}.", _hint(gaps, called[0]))
    if gaps and missing == "exclude":
        _log.info("Undefined stay %s.", "; ".join(gaps.values()))
    both = resolve_missing(both, missing)
    return both if names is None else apply_names(both, read_names(Path(names)))


def _called(sources: str | PathLike[str] | Sequence[str | PathLike[str]]) -> str:
    paths = [sources] if isinstance(sources, str | PathLike) else sources
    return repr(str(paths[0])) if len(paths) == 1 else "the new sources"


def _ids(concepts: ConceptSet) -> set[str]:
    return {*concepts.id, *(alias.id for alias in concepts.aliases)}


def _without_new_gaps(both: ConceptSet, old: ConceptSet, called: str) -> ConceptSet:
    """The set with the concepts that `old` lacks defined on its samples."""
    if both.defined is None:
        return both
    known = _ids(old)
    rows = [row for row, id in enumerate(both.id) if id not in known]
    there = np.zeros(both.defined.shape[1], np.uint64)
    there[: old.bits.shape[1]] = whole_set(old.n_samples)
    defined = both.defined.copy()
    defined[rows] |= there
    n_filled = int(popcounts(defined).sum() - both.n_defined.sum())
    if n_filled:
        _log.info(
            "%s of %s taken for 0 on samples of %s.",
            counted(n_filled, "label"),
            counted(len(rows), "new concept"),
            called,
        )
    return replace(both, defined=defined)


def _gaps(
    both: ConceptSet, old: ConceptSet, new: ConceptSet, called: Sequence[str]
) -> dict[str, str]:
    """What labels are missing, as parts of a sentence by what the concepts are."""
    if both.defined is None:
        return {}
    known, labelled = _ids(old), _ids(new)
    only_old = np.array([id not in labelled for id in both.id])
    only_new = np.array([id not in known for id in both.id])
    on_old, on_new = _absent(both, old.n_samples)
    blank = np.where(only_old, on_old, np.where(only_new, on_new, on_old + on_new))
    parts = {}
    for kind, absent, what in (
        ("old", on_new * only_old, f"that only {called[0]} has, on samples of {called[1]}"),
        ("new", on_old * only_new, f"that only {called[1]} has, on samples of {called[0]}"),
        ("any", blank, "that are blank, NaN or -1 in their source"),
    ):
        rows = np.flatnonzero(absent)
        if rows.size:
            parts[kind] = (
                f"{counted(int(absent.sum()), 'label')} of {counted(rows.size, 'concept')} "
                f"({first_few([both.id[row] for row in rows.tolist()])}) {what}"
            )
    return parts


def _absent(both: ConceptSet, n_old: int) -> tuple[np.ndarray, np.ndarray]:
    """On how many samples of the old and of the new ones each concept is undefined."""
    assert both.defined is not None
    word, shift = divmod(n_old, 64)
    behind = both.defined[:, word:].copy()
    behind[:, 0] &= ~np.uint64(0) << np.uint64(shift)
    in_new = popcounts(behind)
    return n_old - (both.n_defined - in_new), both.n_samples - n_old - in_new


def _hint(gaps: Mapping[str, str], called: str) -> str:
    hint = (
        "Give --missing negative if these samples do not carry the concepts, or --missing exclude "
        "to compare each formula on the samples where it is defined."
    )
    if "new" in gaps and len(gaps) > 1:
        hint += (
            f" With --new-negative the new concepts are 0 on samples of {called}, and --missing "
            "decides on the others alone."
        )
    return hint
