"""Groups of samples that a run is checked on: which there are, and that the search saw none."""

import logging
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple, Self

from invert_core.activations.group_names import FROM_IDS, groups_of_searched
from invert_core.activations.groups import Groups
from invert_core.activations.reading import open_activations
from invert_core.activations.values import Activations
from invert_core.labelling.grouping import (
    NONE,
    STORED,
    held_out_groups,
    refuse_shared,
    say_what_stays_empty,
)
from invert_core.labelling.workload import Workload
from invert_core.wording import first_few

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
    with ExitStack() as stack:
        held = stack.enter_context(open_activations(held_path))
        searched = None
        if searched_path.is_file():
            searched = stack.enter_context(open_activations(searched_path))
        # What is said for this check is read, or refused.
        if not said.is_of_check and not _tells(said.where, held, work.concepts.sample_id):
            say_what_stays_empty()
            _log.warning(
                "Nothing shows that these samples are of other groups than those that were "
                "searched; give --groups TABLE:COLUMN with rows for both."
            )
            return None
        searched_id = None if searched is None else searched.sample_id
        of_held = held_out_groups(*(said.where, held, work.concepts, work.kept, match), searched_id)
        assert of_held is not None
        if searched is None:
            _warn_of_unknown("the", f"{str(searched_path)!r} is no longer there")
        else:
            held_id = held.sample_id or work.concepts.sample_id or ()
            _refuse_searched(said.where, searched, of_held, held_id, match)
    return of_held


def _tells(where: str, held: Activations, of_concepts: tuple[str, ...] | None) -> bool:
    """Return whether the groups of a run can be told of held-out samples, too.

    `of_concepts` are ids in the concepts. A table that a run was made with need not have rows for
    other samples.
    """
    if where == STORED:
        return held.groups is not None
    return where.startswith(FROM_IDS) and (held.sample_id or of_concepts) is not None


def _refuse_searched(
    where: str, searched: Activations, of_held: Groups, held_id: tuple[str, ...], match: str
) -> None:
    """Refuse groups that were searched, and warn of searched samples that may be of any group."""
    if where == STORED:
        if searched.groups is None:
            _warn_of_unknown("the", "the searched activations say nothing about groups")
        else:
            refuse_shared(searched.groups.names, of_held)
        return
    if searched.sample_id is None:
        _warn_of_unknown("the", "the searched activations have no sample ids")
        return
    found = groups_of_searched(where, searched.sample_id, held_id, match)
    refuse_shared(filter(None, found), of_held)
    without = [id for id, group in zip(searched.sample_id, found, strict=True) if group is None]
    if without:
        what = "the" if len(without) == len(found) else f"{len(without):,} of the {len(found):,}"
        _warn_of_unknown(what, f"--groups names no group of {first_few(without)}")


def _warn_of_unknown(which: str, why: str) -> None:
    """Say of which searched samples the groups are not known, and why."""
    _log.warning(
        "Nothing shows that the held-out samples are of other groups than %s samples that were "
        "searched: %s.",
        which,
        why,
    )
