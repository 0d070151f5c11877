"""Groups of samples that a run is checked on: which there are, and that the search saw none."""

import logging
from pathlib import Path
from typing import NamedTuple, Self

from invert_core.activations.group_names import FROM_IDS
from invert_core.activations.groups import Groups
from invert_core.activations.reading import open_activations
from invert_core.activations.values import Activations
from invert_core.labelling.grouping import (
    NONE,
    STORED,
    groups_of,
    held_out_groups,
    refuse_shared,
    say_what_stays_empty,
)
from invert_core.labelling.workload import Workload

_log = logging.getLogger("invert")


class GroupsSaid(NamedTuple):
    """What is said about groups of samples.

    `where` they are, as for `label`, or None if samples are independent. It is said for this check,
    or else for the run. `of_inputs` is what `Inputs` must know.
    """

    where: str | None
    is_of_check: bool
    of_inputs: str | None

    @classmethod
    def by(cls, check: str | None, run: object) -> Self:
        """Take what is said for the check, or else what was said for the run."""
        said = run if check is None else check
        where = None if said in (None, NONE) else str(said)
        # Whoever said nothing is warned if the samples look grouped.
        return cls(where, check is not None, None if said is None else NONE)


def groups_of_check(
    said: GroupsSaid, searched_path: Path, held_path: Path, work: Workload, match: str
) -> Groups | None:
    """Return the groups of the held-out samples, or None if there are none or nothing tells them.

    Groups that were searched are refused. What nothing tells is warned of.

    Parameters
    ----------
    said : GroupsSaid
        Where groups are.
    searched_path, held_path : Path
        The activations that the run was made from, perhaps no longer there, and the held-out ones.
    work : Workload
        The held-out samples.
    match : {"exact", "name", "stem"}
        As for `label`.
    """
    if said.where is None:
        return None
    with open_activations(held_path) as held:
        of_held = None
        # What is said for this check is read, or refused.
        if said.is_of_check or _tells(said.where, held, work.concepts.sample_id):
            of_held = held_out_groups(said.where, held, work.concepts, work.kept, match)
    if of_held is None:
        say_what_stays_empty()
    elif searched_path.is_file():
        with open_activations(searched_path) as searched:
            if _tells(said.where, searched, None, has_table=said.is_of_check):
                seen = groups_of(said.where, searched, work.concepts, None, match)
                assert seen is not None
                refuse_shared(seen, of_held)
                return of_held
    _log.warning(
        "Nothing shows that these samples are of other groups than those that were searched%s.",
        "" if said.is_of_check else "; give --groups TABLE:COLUMN with rows for both",
    )
    return of_held


def _tells(
    where: str,
    activations: Activations,
    sample_id: tuple[str, ...] | None,
    *,
    has_table: bool = False,
) -> bool:
    """Return whether groups can be told of activations, whose ids may be those of their concepts.

    A table that a run was made with need not have rows for other samples, unlike one that is given
    for both.
    """
    if where == STORED:
        return activations.groups is not None
    is_named = (activations.sample_id or sample_id) is not None
    return is_named and (has_table or where.startswith(FROM_IDS))
