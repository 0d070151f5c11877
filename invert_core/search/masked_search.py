"""The beam search for concepts with missing marks.

It compares each formula on the samples on which the formula is defined.
"""

import logging
from collections.abc import Iterable
from copy import copy
from typing import Self

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.bits import whole_set
from invert_core.kernels.jobs import ATOMS, MISSING_LABELS, TAILS
from invert_core.kernels.ranks import sorted_keys
from invert_core.kernels.subsets import Runs, runs_of_keys
from invert_core.kernels.ties import Ties
from invert_core.search.beam_search import no_literal_passes
from invert_core.search.masked_beam import search_unit
from invert_core.search.masked_concepts import Domain, MaskedConcepts
from invert_core.search.masked_unit import RankedUnit
from invert_core.search.objectives import Scored
from invert_core.search.search import UNWATCHED, Search, Units, Watch
from invert_core.search.search_result import SearchResult
from invert_core.settings import Settings
from invert_core.statistics.tails import RankSpread
from invert_core.wording import counted

_log = logging.getLogger("invert")


class MaskedSearch(Search):
    """A beam search like `BeamSearch` for concepts with missing marks.

    A formula is defined on the samples on which all its concepts are defined. Only these samples
    count for its ranks, sizes, fraction and AUC. Two formulas are the same explanation if they are
    true on the same samples and defined on the same samples. The parameters are those of `Search`.
    """

    def __init__(self, concepts: ConceptSet, settings: Settings, dtypes: Iterable[np.dtype] = ()):
        super().__init__(concepts, settings, dtypes)
        n_defined = concepts.n_defined
        if not n_defined.any():
            raise DataError(
                "No concept is defined on any of the samples.",
                "Give other concepts, or give --missing negative if missing labels mean 0.",
            )
        is_enough = (n_defined / self.n_samples >= settings.min_defined) & (n_defined > 0)
        if not is_enough.any():
            raise DataError(
                f"No concept is defined on a share of {settings.min_defined:g} or more of the "
                f"samples; the largest share is {n_defined.max() / self.n_samples:.6g}.",
                "Lower --min-defined, or give --missing negative if missing labels mean 0.",
            )
        sizes = np.concatenate([concepts.n_positive, n_defined - concepts.n_positive])
        enough = np.tile(is_enough, 2)
        self._literal_sizes = sizes[enough]
        self._literal_defined = np.tile(n_defined, 2)[enough]
        # All samples of a dead unit have the doubled midrank N + 1.
        self._tied = concepts.n_positive * (n_defined + 1)
        n_left_out = int((~is_enough).sum())
        if self.n_literals_within_limits == 0:
            raise no_literal_passes(
                self._literal_sizes,
                self._literal_defined,
                settings,
                ", or lower --min-defined" if n_left_out else "",
            )
        if n_left_out:
            _log.info(
                "%s of %s %s defined on %s of the samples and cannot be in any formula "
                "(--min-defined).",
                f"{n_left_out:,}",
                counted(len(concepts.id), "concept"),
                "is" if n_left_out == 1 else "are",
                f"less than {settings.min_defined:g}" if settings.min_defined else "none",
            )
        self.compile(MISSING_LABELS, ATOMS, TAILS)
        self._concepts = self._prepare(concepts)

    @property
    def atoms(self) -> Atoms:
        """The atoms of the concepts."""
        return self._concepts.atoms

    def relabelled(self, atoms: Atoms) -> Self:
        """Return the search for the same marks on other samples."""
        search = copy(self)
        search._concepts = self._concepts.relabelled(atoms)
        return search

    def _prepare(self, concepts: ConceptSet) -> MaskedConcepts:
        return MaskedConcepts(concepts)

    @property
    def n_literals_within_limits(self) -> int:
        """Number of literals within the fraction limits that are defined on enough samples."""
        sizes, n = self._literal_sizes, self._literal_defined
        fractions = sizes / n
        within = fractions >= self.settings.min_fraction
        within &= fractions <= self.settings.max_fraction
        return int((within & (sizes > 0) & (sizes < n)).sum())

    def explain(
        self, units: Units, watch: Watch = UNWATCHED, scored: Scored | None = None
    ) -> SearchResult:
        """Search some units; several threads may call this at once."""
        places = (len(units), len(self.signs), self.n_beam + self.settings.length)
        n_samples, d = np.zeros(places, np.int64), np.zeros(places)
        atoms = self._concepts.atoms
        runs = [runs_of_keys(*sorted_keys(units, one, atoms)) for one in range(len(units))]
        least = self.settings.min_defined
        ranked = [RankedUnit(one, self._concepts, least, watch.check) for one in runs]
        everywhere = whole_set(atoms.sizes.size)
        ties = Ties.join([unit.ties(everywhere) for unit in ranked])
        result = SearchResult.empty(
            self.n_beam, self.n_concepts, self.settings, RankSpread(n_samples, d), ties
        )
        of_concepts = np.tile(self._tied, (len(units), 1))
        profile = np.zeros(places, np.int64)
        profiles: list[Ties] = []
        for number, unit in enumerate(ranked):
            if is_constant(runs[number], self.n_samples):
                continue
            of_domain: dict[Domain, int] = {}
            for way, sign in enumerate(self.signs):
                beam, by_length, n_scored = search_unit(unit, self.settings, sign)
                of_concepts[number] = unit.of_concepts
                result.n_scored[number, way] = n_scored
                found = [
                    *enumerate(beam),
                    *((self.n_beam + len(one.literals) - 1, one) for one in by_length),
                ]
                for place, one in found:
                    at = number, way, place
                    result.put(at, one.literals, one.connectives, one.n_positive, one.rank_sum)
                    n_samples[at], d[at] = unit.spread(one.domain)
                    if one.domain not in of_domain:
                        of_domain[one.domain] = len(profiles)
                        profiles.append(unit.ties(one.defined))
                    profile[at] = of_domain[one.domain]
        if scored is not None and scored.wants_concepts:
            scored.note_concepts(of_concepts)
        if profiles:
            result.test(profile, Ties.join(profiles))
        return result


def is_constant(runs: Runs, n_samples: int) -> bool:
    """Return whether all values of a unit are equal; values that are not stored are 0."""
    n_stored = int(runs.size.sum())
    return runs.first.size - 1 + (n_stored < n_samples) == 1
