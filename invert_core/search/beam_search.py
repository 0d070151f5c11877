"""The beam search of the paper, for concepts without missing marks."""

from collections.abc import Iterable
from copy import copy
from typing import Self

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.beam_search import search_units
from invert_core.kernels.blocks import with_sizes
from invert_core.kernels.candidates import Limits
from invert_core.kernels.formulas import LITERALS
from invert_core.kernels.jobs import ATOMS, DENSE_SEARCH, INDEX, RANKS, SEARCH, TAILS
from invert_core.kernels.scores import auc_of
from invert_core.kernels.sums import LabelIndex, concept_sums, index_by_atoms
from invert_core.kernels.warm_up import compile_jobs
from invert_core.search.complete_search import CompleteSearch
from invert_core.search.search import Watch
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings

_UNITS = 64
_VALUES = 2**19
"""The most numbers, sums over atoms and formulas, that one thread holds at once."""


class BeamSearch(CompleteSearch):
    """The beam search of the paper, with distinct extents in each beam.

    The parameters are those of `Search`, and another search of the same concepts, if there is one:
    what was prepared for that is used again.
    """

    _JOBS = SEARCH, DENSE_SEARCH

    def __init__(
        self,
        concepts: ConceptSet,
        settings: Settings,
        dtypes: Iterable[np.dtype] = (),
        other: "BeamSearch | None" = None,
    ):
        super().__init__(concepts, settings, dtypes)
        if self.n_literals_within_limits == 0:
            raise no_literal_passes(self.literal_sizes, self.n_samples, settings)
        n_concepts = len(concepts.id)
        self._limits = Limits(
            settings.length,
            settings.beam,
            self.n_samples,
            self.n_low,
            self.n_high,
            1.0,
            min(settings.limit_search or n_concepts, n_concepts),
        )
        # Only the index tells whether labels are dense.
        n_compiled = compile_jobs(INDEX, ATOMS, later=(self._JOBS[0], RANKS, TAILS))
        if other is None:
            self._atoms, self._index = self._prepare(concepts)
        else:
            self._atoms, self._index = other._atoms, other._index
        search = self._JOBS[self._index.dense is not None]
        self.compile(search, RANKS, TAILS, n_before=n_compiled)
        # Compiles what only limited searches need, before there are threads; all samples are tied.
        self._searched(self._atoms.sizes[None] * (self.n_samples + 1))

    def _prepare(self, concepts: ConceptSet) -> tuple[Atoms, LabelIndex]:
        return index_by_atoms(concepts.bits, concepts.n_samples)

    @property
    def atoms(self) -> Atoms:
        """The atoms of the concepts."""
        return self._atoms

    def relabelled(self, atoms: Atoms) -> Self:
        """Return the search for the same marks on other samples."""
        search = copy(self)
        search._atoms, search._index = atoms, with_sizes(self._index, atoms.sizes)
        return search

    @property
    def most_units(self) -> int:
        """The most units that a thread should search at once."""
        n_values = self._atoms.sizes.size + self.places * (LITERALS + 2 * self.settings.length)
        return max(1, min(_UNITS, _VALUES // n_values))

    def search(
        self,
        weights: np.ndarray,
        units: np.ndarray,
        way: int,
        watch: Watch,
        result: SearchResult,
        of_concepts: np.ndarray | None,
    ) -> None:
        """Search some units in one direction; the parameters are those of `CompleteSearch`."""
        limits = self._limits._replace(sign=self.signs[way])
        searched = self._searched(weights)
        found = search_units(weights, self._index, searched, limits, sums=of_concepts)
        result.put_codes(units, way, found.codes)
        result.n_scored[units, way] = found.n_scored

    def _searched(self, weights: np.ndarray) -> np.ndarray:
        """Return the concepts that are joined from step 2 on: bool [K, C], or [1, C] for all."""
        counts = self._index.counts
        if self._limits.n_searched == counts.size:
            return np.ones((1, counts.size), np.bool_)
        sums = concept_sums(weights, self._index, self._index.dense)
        with np.errstate(invalid="ignore"):
            auc = auc_of(counts, sums, self.n_samples)
        return most_separated(auc, self._limits.n_searched)


def most_separated(auc: np.ndarray, n_kept: int) -> np.ndarray:
    """Return which concepts have the largest abs(AUC - 0.5), the first in a tie: bool [K, C].

    `auc` is float64 [K, C]; NaN stands for a concept that is true everywhere or nowhere.
    """
    distance = np.nan_to_num(np.abs(auc - 0.5), nan=0.0)
    first = np.argsort(-distance, axis=1, kind="stable")[:, :n_kept]
    kept = np.zeros(auc.shape, np.bool_)
    np.put_along_axis(kept, first, True, axis=1)
    return kept


def no_literal_passes(
    sizes: np.ndarray, n_samples: int | np.ndarray, settings: Settings, or_else: str = ""
) -> DataError:
    """Return the error for concepts of which no literal is within the fraction limits.

    Parameters
    ----------
    sizes : int64 array [2C]
        Number of samples on which each literal is true.
    n_samples : int, or int64 array [2C]
        Number of samples on which each literal is defined, at least 1.
    settings : Settings
    or_else : str
        What else may help; it ends the hint.
    """
    fractions = np.unique((sizes / n_samples)[(sizes > 0) & (sizes < n_samples)])
    below = fractions[fractions < settings.min_fraction]
    above = fractions[fractions > settings.max_fraction]
    nearest = [f"{side[at]:.6g}" for side, at in ((below, -1), (above, 0)) if side.size]
    message = (
        "No concept and no negation of a concept covers a fraction of the samples between "
        f"{settings.min_fraction:g} and {settings.max_fraction:g}"
    )
    if not nearest:
        return DataError(
            f"{message}: all are true everywhere or nowhere.", f"Give other concepts{or_else}."
        )
    return DataError(
        f"{message}; the nearest fractions are {' and '.join(nearest)}.",
        f"Widen --min-fraction or --max-fraction{or_else}.",
    )
