"""The interface that all searches share."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from concurrent.futures import CancelledError
from typing import Self

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.jobs import EVIDENCE, SHUFFLES, jobs_of_types
from invert_core.kernels.warm_up import compile_jobs
from invert_core.search.objectives import Objective, Scored
from invert_core.search.search_result import SearchResult
from invert_core.search.unit_result import UnitResult, unit_results
from invert_core.settings import Settings

Units = np.ndarray | SparseUnits
"""Activations of k units without NaN: floats [k, N], or stored sparsely."""


class Watch:
    """A channel between a long search and its executor; this base class ignores all messages."""

    def note(self, share: float) -> None:
        """Tell the executor which share of the present units is done."""

    @property
    def is_stopped(self) -> bool:
        """Whether the executor no longer wants the result."""
        return False

    def check(self) -> None:
        """Raise CancelledError if the executor no longer wants the result."""
        if self.is_stopped:
            raise CancelledError


UNWATCHED = Watch()


class PartOfWatch(Watch):
    """Reports the progress of one of several parts of equal length as that of all."""

    def __init__(self, watch: Watch, number: int, n_parts: int):
        self._watch, self._number, self._n_parts = watch, number, n_parts

    def note(self, share: float) -> None:
        """Tell the executor which share of the present units is done."""
        self._watch.note((self._number + share) / self._n_parts)

    @property
    def is_stopped(self) -> bool:
        """Whether the executor no longer wants the result."""
        return self._watch.is_stopped


class Search(ABC):
    """A concept set, prepared for searching many units; it holds no state of any unit.

    Parameters
    ----------
    concepts : ConceptSet
    settings : Settings
    dtypes : iterable of dtype
        Types of the activations to come. What they need is compiled together with the search; what
        other types need, when the first unit comes.
    """

    def __init__(self, concepts: ConceptSet, settings: Settings, dtypes: Iterable[np.dtype] = ()):
        self._dtypes = tuple(dtypes)
        self.settings = settings
        self.n_samples = concepts.n_samples
        self.n_concepts = len(concepts.id)
        self.n_beam = settings.beam
        self.signs = tuple(-1.0 if one == "negative" else 1.0 for one in settings.directions)

    @property
    def objective(self) -> Objective | None:
        """What is maximised; None for the AUC."""
        return None

    def compile(self, *jobs: str, n_before: int = 0) -> None:
        """Compile the kernels of some jobs, and those for the types of the activations.

        `n_before` are the jobs that were compiled for this search before.
        """
        permuted = (SHUFFLES,) if self.settings.permutations else ()
        # No search needs it, but what follows does; together they can be compiled in two processes.
        evident = (EVIDENCE,) if self.settings.evidence else ()
        more = (*evident, *permuted, *jobs_of_types(self._dtypes))
        compile_jobs(*jobs, *more, n_before=n_before)

    @property
    def places(self) -> int:
        """Number of places for formulas of one unit in a `SearchResult`."""
        return len(self.signs) * (self.n_beam + self.settings.length)

    @property
    def most_units(self) -> int:
        """The most units that a thread should search at once: 1 if a unit may take long."""
        return 1

    @property
    @abstractmethod
    def n_literals_within_limits(self) -> int:
        """Number of literals whose extent is within the fraction limits."""

    @property
    @abstractmethod
    def atoms(self) -> Atoms:
        """The atoms of the concepts: samples of one atom carry and lack the same marks."""

    @abstractmethod
    def relabelled(self, atoms: Atoms) -> Self:
        """Return the search for the same marks on other samples.

        `atoms` has as many atoms as this search, none empty; each keeps its marks, but the samples
        that carry them, and their number, may be others. The copy finds nothing where no formula is
        within the limits.
        """

    @abstractmethod
    def explain(
        self, units: Units, watch: Watch = UNWATCHED, scored: Scored | None = None
    ) -> SearchResult:
        """Search some units; several threads may call this at once.

        `scored` is where scores of the units over the atoms are kept for other searches of them.
        """

    def unit(self, values: np.ndarray) -> tuple[UnitResult, ...]:
        """Search one unit, floats [N] without NaN, and return one result per direction."""
        if values.shape != (self.n_samples,):
            raise DataError(
                f"The activations have shape {values.shape} for {self.n_samples} samples.",
                "Give one activation per sample of the concepts.",
            )
        return unit_results(self.explain(values[None]), self.settings)[0]
