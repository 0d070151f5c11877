"""Prepares the searches of a labelling, one for each objective."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import SettingError
from invert_core.labelling.workload import Workload
from invert_core.nulls.correcting import Correct
from invert_core.nulls.shared import SharedNulls
from invert_core.search.search import Search
from invert_core.settings import Settings
from invert_core.statistics.corrections import n_formulas

if TYPE_CHECKING:
    from invert_core.search.beam_search import BeamSearch

_log = logging.getLogger("invert")


def size_of_space(concepts: ConceptSet, settings: Settings) -> int:
    """Return how many formulas the search for one unit by one objective could return."""
    return n_formulas(len(concepts.id), settings.length, len(settings.directions))


def corrections_of(
    searches: Sequence[Search], nulls: Sequence[SharedNulls], work: Workload
) -> list[Correct]:
    """Return what corrects the p-values of the search by each objective."""
    made: list[Correct] = []
    for search, null in zip(searches, nulls, strict=True):
        size = size_of_space(work.concepts, search.settings)
        made.append(Correct(search, null, work.groups, size, made[0] if made else None))
    return made


def with_objective(settings: Settings, work: Workload) -> Settings:
    """Return settings that say what to search for; see `Settings.objective`."""
    names = settings.objectives
    lacks_labels = work.concepts.defined is not None
    if settings.objective is None and (lacks_labels or settings.search == "exhaustive"):
        names = names[:1]
        _log.info(
            "%s only the objective auc, so no unit gets a label of what its strongest responses "
            "share (--objective phi).",
            "A search that leaves out missing labels knows"
            if lacks_labels
            else "An exhaustive search knows",
        )
    return replace(settings, objective=names)


def searches_of(work: Workload, settings: Settings, n_threads: int) -> list[Search]:
    """Prepare the search by each objective."""
    if work.concepts.defined is not None and settings.objectives != ("auc",):
        raise SettingError(
            "Only the objective auc can leave out the samples whose labels are missing.",
            "Give --missing negative if they mean 0, or --objective auc.",
        )
    if work.concepts.defined is None and settings.min_defined != Settings.min_defined:
        _log.warning("No labels are left out as missing, so --min-defined changes nothing.")
    first, *others = settings.of_each_objective()
    made = [search_of(work, first, n_threads)]
    for each in others:
        from invert_core.search.beam_search import BeamSearch

        assert isinstance(made[0], BeamSearch)
        made.append(_beam_search(work, each, made[0]))
    return made


def _beam_search(work: Workload, settings: Settings, other: "BeamSearch | None") -> Search:
    if settings.objectives == ("auc",):
        from invert_core.search.beam_search import BeamSearch

        return BeamSearch(work.concepts, settings, work.dtypes, other)
    from invert_core.search.measured_search import MeasuredSearch

    return MeasuredSearch(work.concepts, settings, work.dtypes, other)


def search_of(work: Workload, settings: Settings, n_threads: int) -> Search:
    """Prepare the search by one objective without importing the kernels of the others."""
    concepts, dtypes = work.concepts, work.dtypes
    if concepts.defined is not None:
        if settings.search == "exhaustive":
            raise SettingError(
                "An exhaustive search cannot leave out the samples whose labels are missing.",
                "Give --missing negative if they mean 0, or leave out --search exhaustive.",
            )
        from invert_core.search.masked_search import MaskedSearch

        return MaskedSearch(concepts, settings, dtypes)
    if settings.search == "exhaustive":
        from invert_core.search.exhaustive_search import ExhaustiveSearch, check_memory

        check_memory(len(concepts.id), n_threads)
        return ExhaustiveSearch(concepts, settings, dtypes)
    return _beam_search(work, settings, None)
