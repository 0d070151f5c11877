"""Decides which samples of a labelling belong together, and says what p-values take for granted."""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from invert_core.activations.groups import SPELLINGS, Groups
from invert_core.activations.values import Activations
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.labelling.numbered_parts import numbered_parts
from invert_core.wording import counted, first_few, nearest

_log = logging.getLogger("invert")

GroupSource = str | Sequence[str] | np.ndarray
"""Where groups come from: TABLE:COLUMN, id:REGEX, `STORED`, `NONE`, or one name per sample."""
STORED, NONE = "stored", "none"
_WORDS = f"Or give --groups {STORED}, as the activation file says, or --groups {NONE}."


def groups_of(
    given: GroupSource | None,
    activations: Activations,
    concepts: ConceptSet,
    kept: np.ndarray | None,
    match: str,
    *,
    can_be_given: bool = True,
) -> Groups | None:
    """Return the groups of the samples of a labelling, or None if samples are independent.

    Parameters
    ----------
    given : str, sequence of str, or None
        As for `label`.
    activations : Activations
    concepts : ConceptSet
        The concepts on the samples of the labelling; without ids of the activations, on all
        samples of these.
    kept : int64 array or None
        Positions of these samples among the activations; None for all.
    match : {"exact", "name", "stem"}
        What of two sample ids must be equal.
    can_be_given : bool
        Whether a warning of samples that look grouped says how to give the groups.
    """
    if given is None:
        _warn_of_groups(activations, concepts, can_be_given)
        return None
    if isinstance(given, str) and given == NONE:
        return None
    return _checked(_read(given, activations, concepts, kept, match))


def _read(
    given: GroupSource,
    activations: Activations,
    concepts: ConceptSet,
    kept: np.ndarray | None,
    match: str,
    searched_id: Sequence[str] | None = None,
) -> Groups:
    if isinstance(given, str) and given == STORED:
        whose = "activations" if searched_id is None else "held-out activations"
        return _stored(activations, kept, whose)
    _check_words(given)
    # With ids on one side alone, that side names the samples.
    ids = concepts.sample_id if activations.sample_id is None else activations.sample_id
    # Whoever gives no groups needs no reader of tables.
    from invert_core.activations.group_names import read_groups

    return read_groups(
        *(given, ids, activations.n_samples), kept=kept, match=match, searched_id=searched_id
    )


def held_out_groups(
    given: GroupSource | None,
    held_out: Activations,
    concepts: ConceptSet,
    kept: np.ndarray | None,
    match: str,
    searched_id: Sequence[str] | None,
) -> Groups | None:
    """Return the groups of samples of another file, or None if a list names those searched only.

    The parameters are those of `groups_of`, for the held-out samples; `searched_id` are the ids of
    the searched ones, None if they are not known.
    """
    if not isinstance(given, str):
        return None
    return _read(given, held_out, concepts, kept, match, searched_id or ())


def refuse_shared(searched: Iterable[str], held_out: Groups) -> None:
    """Refuse held-out samples of groups that are searched, given the names of these."""
    shared = sorted(set(searched) & set(held_out.names))
    if shared:
        raise DataError(
            f"{counted(len(shared), 'group')} {'has' if len(shared) == 1 else 'have'} searched and "
            f"held-out samples ({first_few(shared)}), so what is held out is not independent.",
            "Give --held-out a file of samples from other groups.",
        )


def say_what_stays_empty() -> None:
    """Say that nothing is inferred from samples in groups that are not known."""
    _log.warning(
        "p_held_out and the interval of auc_held_out stay empty, because nothing shows which "
        "held-out samples are of one group."
    )


def table_of(given: object) -> Path | None:
    """Return the table that groups are read from; None if there is no table.

    A run records where its groups came from, so a list of names is a SettingError.
    """
    if given is None or (isinstance(given, str) and given in (STORED, NONE)):
        return None
    from invert_core.activations.group_names import table_of_groups

    if not isinstance(given, str):
        raise SettingError("A run cannot record where a list of groups came from.", SPELLINGS)
    _check_words(given)
    return table_of_groups(given)


def _check_words(given: GroupSource) -> None:
    """Refuse a text that is neither a place of groups nor one of the known words."""
    if isinstance(given, str) and ":" not in given:
        raise SettingError(
            f"The groups cannot be {given!r}.",
            nearest(given.lower(), (STORED, NONE), f"{SPELLINGS} {_WORDS}"),
        )


def _stored(activations: Activations, kept: np.ndarray | None, whose: str) -> Groups:
    if activations.groups is None:
        raise DataError(
            f"The {whose} say nothing about groups.",
            f"{SPELLINGS} If samples are independent, give --groups {NONE}.",
        )
    # A file may name groups that have no sample.
    return activations.groups.take(np.arange(activations.n_samples) if kept is None else kept)


def _checked(groups: Groups) -> Groups:
    n_samples, n_groups = groups.number.size, len(groups.names)
    if n_groups < 2:
        raise DataError(
            f"All {counted(n_samples, 'sample')} are in one group, {groups.names[0]!r}, so that "
            "none is independent of the others.",
            "Give groups of which there are several.",
        )
    if n_groups == n_samples:
        raise DataError(
            f"Each of the {counted(n_samples, 'sample')} is a group of its own: "
            f"{first_few(groups.names)}.",
            f"Give groups that have several samples, or --groups {NONE} if samples are "
            "independent.",
        )
    return groups


def _warn_of_groups(activations: Activations, concepts: ConceptSet, can_be_given: bool) -> None:
    """Warn if samples belong together, as the activations or the sample ids say."""
    if activations.groups is not None:
        what = "The activations say which samples belong together"
        option = STORED
    else:
        parts = numbered_parts(concepts.sample_id or (), {*concepts.id, *concepts.name})
        if parts is None:
            return
        what = (
            f"The {concepts.n_samples:,} samples look like parts of "
            f"{counted(parts.n_sources, 'source')} ({first_few(parts.examples)})"
        )
        option = f"'id:{parts.pattern}'"
    _log.warning(
        "%s, but p-values take all samples as independent and make chance look significant if they "
        "are not%s.",
        what,
        f"; give --groups {option}, or --groups {NONE} if they are independent"
        if can_be_given
        else "",
    )
