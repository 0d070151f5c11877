"""Combines the concepts of several sources into one set, joined on sample id."""

import itertools
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.matching import Likeness, likeness, named_alike
from invert_core.concepts.sets.packing import full_sets
from invert_core.errors import DataError
from invert_core.kernels.bits import pack_columns, unpack
from invert_core.values import locate
from invert_core.wording import choice, counted, first_few

JOINS = ("strict", "inner", "outer")

_BLOCK = 64
_log = logging.getLogger("invert")


def combine(
    sets: Sequence[ConceptSet],
    called: Sequence[str] | None = None,
    how: str = "strict",
    match: str = "exact",
) -> ConceptSet:
    """Put the concepts of several sources of the same samples into one set.

    The samples are in the order of the first set that has sample ids. Other sets with ids are
    reordered; sets without ids are matched by position. A concept id must be in one set only.

    Parameters
    ----------
    sets : sequence of ConceptSet, at least one
    called : sequence of str, optional
        The name of each set in messages.
    how : {"strict", "inner", "outer"}
        Whether samples that some sets lack are an error, are left out, or are kept as samples on
        which the concepts of those sets are not defined.
    match : {"exact", "name", "stem"}
        What of two sample ids must be equal; see `key_of`.
    """
    if how not in JOINS:
        raise choice("join", how, JOINS)
    if not sets:
        raise DataError("There are no concepts to combine.", "Give at least one source.")
    if len(sets) == 1:
        return sets[0]
    names = list(called or [f"source {number}" for number in range(1, len(sets) + 1)])
    leader = next((place for place, one in enumerate(sets) if one.sample_id is not None), 0)
    if match != "exact":
        sets = [
            _named_like(one, name, sets[leader], names[leader], match)
            for one, name in zip(sets, names, strict=True)
        ]
    ids = _common_ids(sets, names, leader, how)
    aligned = [
        _aligned(one, name, ids, sets[leader], names[leader])
        for one, name in zip(sets, names, strict=True)
    ]
    _check_ids(aligned)
    offsets = np.cumsum([0, *(len(one.id) for one in aligned[:-1])]).tolist()
    return ConceptSet(
        bits=np.concatenate([one.bits for one in aligned]),
        defined=_defined(aligned),
        n_samples=aligned[0].n_samples,
        id=tuple(itertools.chain.from_iterable(one.id for one in aligned)),
        name=tuple(itertools.chain.from_iterable(one.name for one in aligned)),
        definition=tuple(itertools.chain.from_iterable(one.definition for one in aligned)),
        sample_id=ids,
        parents=np.concatenate(
            [one.parents + offset for one, offset in zip(aligned, offsets, strict=True)]
        ),
        aliases=tuple(
            replace(alias, concept=alias.concept + offset)
            for one, offset in zip(aligned, offsets, strict=True)
            for alias in one.aliases
        ),
    )


def _named_like(
    one: ConceptSet, name: str, leader: ConceptSet, leading: str, match: str
) -> ConceptSet:
    if one is leader or one.sample_id is None or leader.sample_id is None:
        return one
    named = named_alike(one.sample_id, leader.sample_id, match, (name, leading))
    return replace(one, sample_id=named)


def _common_ids(
    sets: Sequence[ConceptSet], names: Sequence[str], leader: int, how: str
) -> tuple[str, ...] | None:
    """The sample ids of the result; None if no set has any."""
    ids = sets[leader].sample_id
    if ids is None:
        return None
    others = [
        (one.sample_id, name)
        for place, (one, name) in enumerate(zip(sets, names, strict=True))
        if place != leader and one.sample_id is not None and one.sample_id != ids
    ]
    for other, name in others:
        alike = likeness(ids, other)
        if how == "strict":
            _check_same((ids, other), (names[leader], name), alike)
        elif alike is not None:
            _log.warning("%s and %s: %s %s", names[leader], name, alike.told, alike.hint)
    if how == "inner":
        kept = set(ids).intersection(*(other for other, _ in others))
        ids = tuple(id for id in ids if id in kept)
        if not ids:
            raise DataError(
                "The sources have no sample id in common.",
                "Use the same sample ids in all sources.",
            )
    elif how == "outer":
        ids = tuple(dict.fromkeys(itertools.chain(ids, *(other for other, _ in others))))
    n_all = len(set(sets[leader].sample_id or ()).union(*(other for other, _ in others)))
    if how == "inner" and len(ids) < n_all:
        _log.info(
            "%s of %s %s in all sources; the others are left out.",
            f"{len(ids):,}",
            counted(n_all, "sample"),
            "is" if len(ids) == 1 else "are",
        )
    return ids


def _check_same(
    sides: tuple[tuple[str, ...], tuple[str, ...]], called: tuple[str, str], alike: Likeness | None
) -> None:
    hint = "Give --join inner for the samples in common, or --join outer to keep all."
    for these, those, of, lacking in ((*sides, *called), (*sides[::-1], *called[::-1])):
        there = set(those)
        missing = [id for id in these if id not in there]
        if missing:
            raise DataError(
                f"{counted(len(missing), 'sample')} of {of} "
                f"{'is' if len(missing) == 1 else 'are'} missing in {lacking}: "
                f"{first_few(missing)}." + ("" if alike is None else f" {alike.told}"),
                hint if alike is None else alike.hint,
            )


def _aligned(
    one: ConceptSet, name: str, ids: tuple[str, ...] | None, leader: ConceptSet, leading: str
) -> ConceptSet:
    if one.sample_id is None:
        if one.n_samples != leader.n_samples:
            raise DataError(
                f"There are {counted(leader.n_samples, 'sample')} in {leading} and "
                f"{one.n_samples:,} in {name}.",
                "Samples without ids are matched by position: give sources of the same samples, or "
                "sample ids.",
            )
        if ids is None:
            return one
        _log.warning(
            "No sample ids in %s: its samples are matched by position with %s.", name, leading
        )
        one = replace(one, sample_id=leader.sample_id)
    if ids is None or one.sample_id is None or one.sample_id == ids:
        return one
    place = locate(ids, one.sample_id)
    return one.take(place) if (place >= 0).all() else _spread(one, place, ids)


def _spread(one: ConceptSet, place: np.ndarray, ids: tuple[str, ...]) -> ConceptSet:
    """Spread a set over more samples; it is not defined on those whose `place` is -1."""
    there = np.flatnonzero(place >= 0)
    taken = one.take(place[there])
    full = full_sets(len(one.id), taken.n_samples)
    return replace(
        taken,
        bits=_scatter(taken.bits, taken.n_samples, there, len(ids)),
        defined=_scatter(
            full if taken.defined is None else taken.defined, taken.n_samples, there, len(ids)
        ),
        n_samples=len(ids),
        sample_id=ids,
    )


def _scatter(bits: np.ndarray, n_samples: int, places: np.ndarray, n_all: int) -> np.ndarray:
    parts = []
    for first in range(0, len(bits), _BLOCK):
        block = bits[first : first + _BLOCK]
        marks = np.zeros((n_all, len(block)), np.bool_)
        marks[places] = unpack(block, n_samples)
        parts.append(pack_columns(marks))
    return np.concatenate(parts)


def _check_ids(aligned: Sequence[ConceptSet]) -> None:
    ids = [id for one in aligned for id in (*one.id, *(alias.id for alias in one.aliases))]
    repeated = [id for id, count in Counter(ids).items() if count > 1]
    if repeated:
        raise DataError(
            f"{counted(len(repeated), 'concept')} {'is' if len(repeated) == 1 else 'are'} in "
            f"several sources: {first_few(repeated)}.",
            "Every concept id must be in one source only; to add labels of other samples use: "
            "invert concepts add",
        )


def _defined(aligned: Sequence[ConceptSet]) -> np.ndarray | None:
    if all(one.defined is None for one in aligned):
        return None
    return np.concatenate(
        [
            full_sets(len(one.id), one.n_samples) if one.defined is None else one.defined
            for one in aligned
        ]
    )
