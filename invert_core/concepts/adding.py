"""Adds samples from sources of any known kind to existing concepts."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path

import numpy as np

from invert_core.concepts.building import build_concepts
from invert_core.concepts.sets.appending import append_samples
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.intervals import carries_edges
from invert_core.concepts.sets.missing import Missing, resolve_absent, resolve_missing
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
    match: str = "exact",
    missing: str = "error",
    new_negative: bool = False,
) -> ConceptSet:
    """Read concepts, and append the samples and marks of other sources.

    Parameters
    ----------
    concepts : path
        A concept file, or any other source that `build_concepts` reads. Its samples come first.
    sources : path, or sequence of at least one
        Sources of new samples, which are joined as `build_concepts` joins them.
    names : path, optional
        A table of names as for `build_concepts`; it applies to all concepts.
    reading, join, match
        How the sources are read and joined to each other, see `build_concepts`.
    missing : {"error", "negative", "exclude"}, or kinds as for `build_concepts`
        Whether missing labels are refused, taken for 0, or kept undefined. A label is missing if a
        source leaves it open, or if only one side has the concept and the other has the sample.
    new_negative : bool
        Whether concepts that only the sources have are 0 on the first samples; `missing` then
        decides on the other labels alone.

    Returns
    -------
    ConceptSet
        The set that `append_samples` makes.
    """
    meaning = Missing.parse(missing)
    while_reading = missing if meaning.given else "exclude"
    old = build_concepts(concepts, missing=while_reading)
    new = build_concepts(sources, reading=reading, join=join, match=match, missing=while_reading)
    called = (repr(str(concepts)), _called(sources))
    both = append_samples(old, new, called)
    if new_negative:
        both = _without_new_gaps(both, old, called[0])
    if meaning.given:
        both = _without_absent(both, old, new, called, new_negative, meaning)
        meaning.log_counts()
        return _named(both, names)
    gaps = _gaps(both, old, new, called)
    if gaps and missing == "error":
        raise DataError(
            f"Missing labels: {'; '.join(gaps.values())}.", _hint(gaps, called[0], old, new)
        )
    if gaps and missing == "exclude":
        _log.info("Labels that stay undefined: %s.", "; ".join(gaps.values()))
    both = resolve_missing(both, missing)
    return _named(both, names)


def _named(concepts: ConceptSet, names: str | PathLike[str] | None) -> ConceptSet:
    return concepts if names is None else apply_names(concepts, read_names(Path(names)))


def _without_absent(
    both: ConceptSet,
    old: ConceptSet,
    new: ConceptSet,
    called: tuple[str, str],
    new_negative: bool,
    missing: Missing,
) -> ConceptSet:
    """The set after a decision on the labels that only one side lacks."""
    gaps = append_samples(replace(old, defined=None), replace(new, defined=None), called)
    if new_negative:
        gaps = _without_new_gaps(gaps, old, called[0])
    return resolve_absent(both, gaps, missing)


def _called(sources: str | PathLike[str] | Sequence[str | PathLike[str]]) -> str:
    paths = [sources] if isinstance(sources, str | PathLike) else sources
    return repr(str(paths[0])) if len(paths) == 1 else "the new sources"


def _ids(concepts: ConceptSet) -> set[str]:
    return {*concepts.id, *(alias.id for alias in concepts.aliases)}


def _without_new_gaps(both: ConceptSet, old: ConceptSet, called: str) -> ConceptSet:
    """The set in which concepts that `old` lacks are defined on all samples of `old`."""
    if both.defined is None:
        return both
    known = _ids(old)
    new = [index for index, id in enumerate(both.id) if id not in known]
    old_samples = np.zeros(both.defined.shape[1], np.uint64)
    old_samples[: old.bits.shape[1]] = whole_set(old.n_samples)
    defined = both.defined.copy()
    defined[new] |= old_samples
    n_filled = int(popcounts(defined).sum() - both.n_defined.sum())
    if n_filled:
        _log.info(
            "%s of %s taken for 0 on samples of %s.",
            counted(n_filled, "label"),
            counted(len(new), "new concept"),
            called,
        )
    return replace(both, defined=defined)


def _gaps(
    both: ConceptSet, old: ConceptSet, new: ConceptSet, called: Sequence[str]
) -> dict[str, str]:
    """The labels that are missing, as parts of a message by the kind of their concepts."""
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
        indices = np.flatnonzero(absent)
        if indices.size:
            parts[kind] = (
                f"{counted(int(absent.sum()), 'label')} of {counted(indices.size, 'concept')} "
                f"({first_few([both.id[index] for index in indices.tolist()])}) {what}"
            )
    return parts


def _absent(both: ConceptSet, n_old: int) -> tuple[np.ndarray, np.ndarray]:
    """The numbers of old and of new samples on which each concept is undefined."""
    assert both.defined is not None
    word, shift = divmod(n_old, 64)
    behind = both.defined[:, word:].copy()
    behind[:, 0] &= ~np.uint64(0) << np.uint64(shift)
    in_new = popcounts(behind)
    return n_old - (both.n_defined - in_new), both.n_samples - n_old - in_new


def _hint(gaps: Mapping[str, str], called: str, old: ConceptSet, new: ConceptSet) -> str:
    alone = _ids(old) - _ids(new), _ids(new) - _ids(old)
    if all(any(map(carries_edges, ids)) for ids in alone):
        return (
            "Groups with other edges are other concepts: to cut the new numbers like the old ones, "
            f"give --edges {called} in place of --bin."
        )
    hint = (
        "Give --missing negative if these samples do not carry the concepts, or --missing exclude "
        "to compare each formula on the samples where it is defined."
    )
    if "new" in gaps and len(gaps) > 1:
        hint += (
            f" With --new-negative the new concepts are 0 on samples of {called}, and --missing "
            "only decides on the other labels."
        )
    return hint
