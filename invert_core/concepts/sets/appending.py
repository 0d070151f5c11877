"""Appends the samples of one concept set to those of another."""

import itertools
import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from invert_core.concepts.hierarchy.hierarchy import arrows
from invert_core.concepts.hierarchy.paths import children_first, find_cycle, parents_above
from invert_core.concepts.sets.concept_set import Alias, ConceptSet
from invert_core.concepts.sets.intervals import refuse_other_intervals
from invert_core.errors import DataError
from invert_core.kernels.bits import whole_set
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")


def append_samples(
    concepts: ConceptSet, other: ConceptSet, called: Sequence[str] = ("the first", "the second")
) -> ConceptSet:
    """Append the samples and marks of another set to a first one.

    The result has the concepts of both sets, known by their ids: first those of the first set, then
    the new ones. A mark that neither set gives is undefined, but true if a concept below is true.

    Parameters
    ----------
    concepts, other : ConceptSet
        Sets of different samples, both with sample ids. If their names of a concept differ, the
        name in the first set counts; but names or definitions that tell different intervals of
        numbers are refused. An alias that means something else in the other set becomes a
        concept again. The parents of both sets are kept.
    called : two str
        The names of the sets in messages.

    Examples
    --------
    >>> old = ConceptSet.from_arrays([[1], [0]], ["cat"], sample_id=["a", "b"])
    >>> marked = ConceptSet.from_arrays([[1]], ["mark"], sample_id=["a-marked"])
    >>> both = append_samples(old, marked)
    >>> both.id, both.sample_id, both.n_defined.tolist()
    (('cat', 'mark'), ('a', 'b', 'a-marked'), [2, 1])
    """
    sample_id = _sample_ids(concepts, other, called)
    refuse_other_intervals(concepts, other, called)
    sets = _with_same_aliases(concepts, other, called)
    place = {id: index for index, id in enumerate(dict.fromkeys((*sets[0].id, *sets[1].id)))}
    indices = [[place[id] for id in one.id] for one in sets]
    parents = _parents(sets, indices, tuple(place), called)
    bits, defined = _marks(sets, indices, len(place))
    _raise_to_parents(bits, defined, parents)
    return ConceptSet(
        bits=bits,
        n_samples=len(sample_id),
        id=tuple(place),
        name=_names(sets, tuple(place), called),
        definition=_definitions(sets, tuple(place)),
        sample_id=sample_id,
        parents=parents,
        defined=defined,
        aliases=_aliases(sets, indices),
    )


def _sample_ids(concepts: ConceptSet, other: ConceptSet, called: Sequence[str]) -> tuple[str, ...]:
    ids, new = concepts.sample_id, other.sample_id
    if ids is None or new is None:
        raise DataError(
            f"There are no sample ids in {called[0] if ids is None else called[1]}, so nobody can "
            "tell which samples are new.",
            "Give them in the first column of a table, or in an array 'sample_id' of an .npz file.",
        )
    known = set(ids)
    again = [id for id in new if id in known]
    if again:
        raise DataError(
            f"{counted(len(again), 'sample')} of {called[1]} "
            f"{'is' if len(again) == 1 else 'are'} in {called[0]}, too: {first_few(again)}.",
            "Only new samples can be added: give them ids of their own. For more concepts of the "
            "same samples use: invert concepts build",
        )
    return (*ids, *new)


def _with_same_aliases(
    concepts: ConceptSet, other: ConceptSet, called: Sequence[str]
) -> tuple[ConceptSet, ConceptSet]:
    """Both sets; an alias that means something else in the other set is a concept again."""
    split = []
    for one, against, name in ((concepts, other, called[0]), (other, concepts, called[1])):
        theirs = {alias.id: against.id[alias.concept] for alias in against.aliases}
        theirs |= {id: id for id in against.id}
        again = [
            alias
            for alias in one.aliases
            if theirs.get(alias.id, one.id[alias.concept]) != one.id[alias.concept]
        ]
        if again:
            _log.info(
                "%s of %s %s again, as the other side tells them apart: %s.",
                counted(len(again), "alias") if len(again) == 1 else f"{len(again):,} aliases",
                name,
                "is a concept" if len(again) == 1 else "are concepts",
                first_few([alias.id for alias in again]),
            )
        split.append(one.with_aliases_apart(again) if again else one)
    return split[0], split[1]


def _marks(
    sets: Sequence[ConceptSet], indices: Sequence[Sequence[int]], n_concepts: int
) -> tuple[np.ndarray, np.ndarray]:
    """The true and the defined marks over the samples of both sets: uint64 [n_concepts, W]."""
    n_words = (sum(one.n_samples for one in sets) + 63) // 64
    bits, defined = np.zeros((2, n_concepts, n_words), np.uint64)
    first = 0
    for one, of_set in zip(sets, indices, strict=True):
        _put(bits, of_set, one.bits, first)
        whole = itertools.repeat(whole_set(one.n_samples), len(of_set))
        _put(defined, of_set, whole if one.defined is None else one.defined, first)
        first += one.n_samples
    return bits, defined


def _put(
    target: np.ndarray, indices: Sequence[int], extents: Iterable[np.ndarray], first: int
) -> None:
    """Add extents to those of `target`; their sample 0 is its sample `first`."""
    word, shift = divmod(first, 64)
    for index, words in zip(indices, extents, strict=True):
        target[index, word : word + words.size] |= words << np.uint64(shift)
        if shift:
            rest = target[index, word + 1 : word + 1 + words.size]
            rest |= (words >> np.uint64(64 - shift))[: rest.size]


def _parents(
    sets: Sequence[ConceptSet],
    indices: Sequence[Sequence[int]],
    id: Sequence[str],
    called: Sequence[str],
) -> np.ndarray:
    """The edges of both sets without repeats: int64 [E, 2]."""
    edges = dict.fromkeys(
        (of_set[child], of_set[parent])
        for one, of_set in zip(sets, indices, strict=True)
        for child, parent in one.parents.tolist()
    )
    cycle = find_cycle(parents_above(edges))
    if cycle:
        raise DataError(
            f"The parents in {called[0]} and {called[1]} lead in a circle: "
            f"{arrows([id[index] for index in cycle])}.",
            "Remove one of these edges.",
        )
    return np.array(list(edges), np.int64).reshape(-1, 2)


def _raise_to_parents(bits: np.ndarray, defined: np.ndarray, parents: np.ndarray) -> None:
    """Where a concept is true, make its ancestors true if they are undefined there."""
    n_carried = 0
    edges = [(int(child), int(parent)) for child, parent in parents]
    for child, parent in children_first(edges):
        carried = bits[child] & ~defined[parent]
        bits[parent] |= carried
        defined[parent] |= carried
        n_carried += int(np.bitwise_count(carried).sum())
    if n_carried:
        _log.info(
            "%s of parents %s from concepts below them.",
            counted(n_carried, "label"),
            "follows" if n_carried == 1 else "follow",
        )


def _names(sets: Sequence[ConceptSet], id: Sequence[str], called: Sequence[str]) -> tuple[str, ...]:
    """The name in the first set that has one; a name that is only the id does not count."""
    first, second = (dict(zip(one.id, one.name, strict=True)) for one in sets)
    differing = [
        each
        for each, name in first.items()
        if name != each and second.get(each, each) not in (each, name)
    ]
    if differing:
        _log.info(
            "%s %s other names in %s than in %s; the latter count: %s.",
            counted(len(differing), "concept"),
            "has" if len(differing) == 1 else "have",
            called[1],
            called[0],
            first_few(differing),
        )
    return tuple(
        next((named[each] for named in (first, second) if named.get(each, each) != each), each)
        for each in id
    )


def _definitions(sets: Sequence[ConceptSet], id: Sequence[str]) -> tuple[str, ...]:
    first, second = (dict(zip(one.id, one.definition, strict=True)) for one in sets)
    return tuple(first.get(each) or second.get(each, "") for each in id)


def _aliases(sets: Sequence[ConceptSet], indices: Sequence[Sequence[int]]) -> tuple[Alias, ...]:
    aliases: dict[str, Alias] = {}
    for one, of_set in zip(sets, indices, strict=True):
        for alias in one.aliases:
            aliases.setdefault(alias.id, replace(alias, concept=of_set[alias.concept]))
    return tuple(aliases.values())
