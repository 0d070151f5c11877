"""Chooses concepts by id or name, and by patterns of these."""

from collections.abc import Sequence

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import SettingError, UnknownNameError
from invert_core.values import is_pattern, pattern_rule
from invert_core.wording import first_few, nearest

_OR_LEAVE_OUT = "Name at least one, or leave the option out."


def choose_concepts(
    concepts: ConceptSet, include: Sequence[str] | None, exclude: Sequence[str] | None
) -> ConceptSet:
    """Choose the concepts that fit one of `include`, and leave out those that fit `exclude`.

    Parameters
    ----------
    concepts : ConceptSet
    include, exclude : sequence of str, optional
        Ids and names, and patterns of these in which ``*`` stands for any characters and ``?`` for
        one. Upper and lower case differ. None includes all, and excludes none.
    """
    if include is None and exclude is None:
        return concepts
    exclude = [exclude] if isinstance(exclude, str) else exclude
    kept = np.ones(len(concepts.id), np.bool_)
    if include is not None:
        kept = _fitting(concepts, include, "included")
    if exclude is not None:
        kept &= ~_fitting(concepts, exclude, "left out")
    if not kept.any():
        raise SettingError(
            f"No concept is left, because all are left out by {first_few(list(exclude or ()))}.",
            "Leave out fewer concepts.",
        )
    return concepts.select(np.flatnonzero(kept))


def _fitting(concepts: ConceptSet, patterns: Sequence[str], done: str) -> np.ndarray:
    """Return which concepts fit a pattern, bool [C]; every pattern must fit at least one."""
    if isinstance(patterns, str):
        patterns = [patterns]
    if not len(patterns):
        raise SettingError(f"No concepts to be {done} are named.", _OR_LEAVE_OUT)
    chosen = np.zeros(len(concepts.id), np.bool_)
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"a concept is named by a text, not {type(pattern).__name__}")
        fits = pattern_rule(pattern).fullmatch
        fitting = [
            fits(id) is not None or fits(name) is not None
            for id, name in zip(concepts.id, concepts.name, strict=True)
        ]
        if not any(fitting):
            raise _unknown(concepts, pattern)
        chosen |= fitting
    return chosen


def _unknown(concepts: ConceptSet, pattern: str) -> UnknownNameError:
    fits = pattern_rule(pattern).fullmatch
    merged = [each for each in concepts.aliases if fits(each.id) or fits(each.name)]
    if merged:
        alias = merged[0]
        hint = (
            f"{alias.id!r} was merged into {concepts.id[alias.concept]!r}, because both have the "
            "same labels; name that one."
        )
    else:
        hint = nearest(
            pattern.strip("*?"),
            dict.fromkeys((*concepts.id, *concepts.name)),
            "List all concepts with: invert concepts show CONCEPTS",
        )
    what = "No concept fits" if is_pattern(pattern) else "There is no concept"
    return UnknownNameError(f"{what} {pattern!r}.", hint)
