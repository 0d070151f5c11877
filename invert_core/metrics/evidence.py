"""The evidence for formulas: what the samples nearest the top of a unit say of them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.kernels.bits import whole_set
from invert_core.kernels.evidence import (
    AVERAGE_PRECISION,
    BEST_F1,
    POINT_BISERIAL,
    PRECISION_AT_10,
    PRECISION_AT_100,
    PRECISION_AT_SIZE,
    Formulas,
    OfFormulas,
    OfUnits,
    Places,
    Task,
    add_evidence,
    room_for_evidence,
)
from invert_core.kernels.jobs import EVIDENCE, jobs_of_types
from invert_core.kernels.midranks import Among
from invert_core.kernels.orders import sorted_unit
from invert_core.kernels.radix import room_for
from invert_core.kernels.shared_concepts import Concepts, Shared, find_shared
from invert_core.kernels.warm_up import compile_jobs
from invert_core.search.headlines import may_be_reported
from invert_core.search.search import Units
from invert_core.search.search_result import Findings, SearchResult
from invert_core.settings import Settings

_EXACT = tuple(range(1, 11))
_ROUND = tuple(digit * 10**power for power in range(1, 9) for digit in (1, 2, 5))
_PER_DECADE = 8
_LARGEST = float(np.finfo(np.float32).max)


def places_of_cuts(n_samples: int) -> np.ndarray:
    """Return the numbers of samples whose hits are counted: int64, ascending.

    They are 1 to 10, round numbers, others about evenly spread on a logarithmic scale, and all.

    >>> places_of_cuts(30).tolist()
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 18, 20, 24, 30]
    """
    n_decades = len(str(n_samples))
    spread = np.rint(10.0 ** (np.arange(_PER_DECADE * n_decades + 1) / _PER_DECADE))
    wanted = np.unique(np.concatenate([_EXACT, _ROUND, spread, [n_samples]]).astype(np.int64))
    return wanted[wanted <= n_samples]


@dataclass(frozen=True, eq=False)
class Evidence:
    """Evidence of some units and of the formulas that `may_be_reported` for them.

    Attributes
    ----------
    units : OfUnits
        Evidence of K units in W directions: entry ``W * unit + way`` has the top of the direction.
    formulas : OfFormulas
        Evidence of the F distinct formulas of each unit and direction, by all objectives.
    entries : tuple of int64 arrays
        For each objective, which of the F entries each formula that it found has.
    steps : float64 [K * W]
        The range of each unit in rounding steps; see `range_in_steps`.
    shared : Shared
        What the samples at each top share.
    ranks : uint16 [K, n]
        Twice the midranks of the samples by which units are compared, among themselves.
    """

    units: OfUnits
    formulas: OfFormulas
    entries: tuple[np.ndarray, ...]
    steps: np.ndarray
    shared: Shared
    ranks: np.ndarray

    @classmethod
    def joined(cls, parts: Sequence["Evidence"]) -> "Evidence":
        """Return the evidence of the units of all parts, in order."""
        if len(parts) == 1:
            return parts[0]
        n_formulas = [len(part.formulas.hits) for part in parts]
        before = np.cumsum([0, *n_formulas[:-1]]).tolist()
        shifted = [
            [entries + n for entries in part.entries] for part, n in zip(parts, before, strict=True)
        ]
        return cls(
            OfUnits(*map(np.concatenate, zip(*(part.units for part in parts), strict=True))),
            OfFormulas(*map(np.concatenate, zip(*(part.formulas for part in parts), strict=True))),
            tuple(map(np.concatenate, zip(*shifted, strict=True))),
            np.concatenate([part.steps for part in parts]),
            Shared(*map(np.concatenate, zip(*(part.shared for part in parts), strict=True))),
            np.concatenate([part.ranks for part in parts]),
        )

    def of_objective(self, number: int) -> "Evidence":
        """Return the same evidence with the entries of one objective only."""
        return replace(self, entries=(self.entries[number],))


class EvidenceMaker:
    """Makes the evidence of a labelling; several threads may call it at once.

    Parameters
    ----------
    concepts : ConceptSet
    settings : Settings
    dtypes : iterable of dtype
        Types of the activations to come.
    is_tested : bool
        Whether formulas are tested on held-out samples, too, see `may_be_reported`.
    compared : int64 array, optional
        The samples by which units are compared, ascending. None, for evidence that no run keeps,
        leaves `ranks` and `shared` empty.
    """

    def __init__(
        self,
        concepts: ConceptSet,
        settings: Settings,
        dtypes: Iterable[np.dtype] = (),
        *,
        is_tested: bool = False,
        compared: np.ndarray | None = None,
    ):
        compile_jobs(EVIDENCE, *jobs_of_types(dtypes))
        self._of_each, self._is_tested = settings.of_each_objective(), is_tested
        self._is_negative = [direction == "negative" for direction in settings.directions]
        self._n_samples = concepts.n_samples
        self._everywhere = whole_set(concepts.n_samples)
        self._every_sample = np.arange(concepts.n_samples, dtype=np.int32)
        self._bits = _kernel_array(concepts.bits)
        none = np.empty((0, self._everywhere.size), np.uint64)
        self._defined = _kernel_array(none if concepts.defined is None else concepts.defined)
        self._concepts = Concepts(
            np.flatnonzero(concepts.fraction >= settings.min_fraction).astype(np.uint32),
            *(self._bits, self._defined, concepts.n_positive, concepts.n_defined),
        )
        self._is_kept = compared is not None
        chosen = np.arange(0) if compared is None else compared
        self._n_compared = chosen.size
        among = Among.of(chosen, self._everywhere, concepts.n_samples)
        self._places = Places(places_of_cuts(concepts.n_samples), among)

    def __call__(self, units: Units, results: Sequence[SearchResult]) -> Evidence:
        """Return the evidence of some units, in which each objective found a result."""
        n_ways = len(self._is_negative)
        found, searches, entries = self._formulas(results)
        evidence = Evidence(
            OfUnits.empty(n_ways * len(units)),
            OfFormulas.empty(len(found.length), self._places.cuts.size),
            entries,
            np.empty(n_ways * len(units)),
            Shared.empty(n_ways * len(units)),
            np.empty((len(units), self._n_compared), np.uint16),
        )
        # The formulas of each unit and direction end where those of the next one start.
        starts = np.searchsorted(searches, np.arange(n_ways * len(units) + 1)).tolist()
        most = _most_values(units)
        room, room_to_sort = room_for_evidence(most, self._n_samples), room_for(most)
        for unit in range(len(units)):
            samples, values = _stored(units, unit, self._every_sample)
            in_order = sorted_unit(samples, values, self._everywhere, room_to_sort)
            for way, is_negative in enumerate(self._is_negative):
                search = unit * n_ways + way
                # Once is enough: from the other end, all ranks are the same the other way round.
                ranks = evidence.ranks[unit] if way == 0 else evidence.ranks[unit, :0]
                task = Task(search, starts[search], starts[search + 1], is_negative, ranks)
                arrays = evidence.units, evidence.formulas
                add_evidence(in_order, task, found, self._places, room, *arrays)
                evidence.steps[search] = range_in_steps(evidence.units.range[search], values)
        if self._is_kept:
            find_shared(evidence.units.top, self._concepts, evidence.shared)
        return evidence

    def _formulas(
        self, results: Sequence[SearchResult]
    ) -> tuple[Formulas, np.ndarray, tuple[np.ndarray, ...]]:
        """Return the distinct formulas by all objectives, their searches, and the `entries`."""
        parts = []
        for result, settings in zip(results, self._of_each, strict=True):
            found = Findings.of(result, settings)
            found = found.take(may_be_reported(found, is_tested=self._is_tested))
            search = found.unit * len(self._is_negative) + found.way
            parts.append(np.column_stack([search, found.length, found.literals, found.connectives]))
        # Several objectives often find the same formula.
        rows, entry = np.unique(np.concatenate(parts), axis=0, return_inverse=True)
        columns = np.split(rows, [1, 2, 2 + self._of_each[0].length], axis=1)
        search, length, literals, connectives = map(np.ascontiguousarray, columns)
        formulas = Formulas(
            *(length[:, 0], literals, connectives),
            *(self._bits, self._defined, self._everywhere),
        )
        ends = np.cumsum([len(part) for part in parts])
        return formulas, search[:, 0], tuple(np.split(entry.ravel(), ends[:-1]))


def evidence_columns(
    evidence: Evidence, formulas: np.ndarray, searches: np.ndarray, n_samples: int
) -> dict[str, np.ndarray]:
    """Return the columns of labels that evidence fills: float64 [R], NaN where there is none.

    Parameters
    ----------
    evidence : Evidence
    formulas, searches : int64 [R]
        The formula of each row, and the unit and direction, as entries of `evidence.units`.
    n_samples : int
    """
    measures = evidence.formulas.measures[formulas]
    of_unit = evidence.units
    return {
        "precision_at_10": measures[:, PRECISION_AT_10],
        "precision_at_100": measures[:, PRECISION_AT_100],
        "precision_at_size": measures[:, PRECISION_AT_SIZE],
        "average_precision": measures[:, AVERAGE_PRECISION],
        "best_f1": measures[:, BEST_F1],
        "point_biserial": measures[:, POINT_BISERIAL],
        "n_distinct": of_unit.n_distinct[searches].astype(np.float64),
        "mode_share": of_unit.mode_count[searches] / n_samples,
        "range_in_steps": evidence.steps[searches],
    }


def range_in_steps(ends: np.ndarray, values: np.ndarray) -> float:
    """Return how many rounding steps at its largest magnitude the range of a unit is long.

    A unit that is constant but for rounding has a range of a few steps. Numbers that a smaller type
    holds count as numbers of this type, from which they may have been converted. NaN if the unit
    has infinite values.

    Parameters
    ----------
    ends : float64 [2]
        Smallest and largest value of the unit.
    values : float16, float32 or float64 [n]
        Its values; others are 0.
    """
    low, high = ends.tolist()
    kind = values.dtype.type
    if kind is np.float64 and abs(low) < _LARGEST and abs(high) < _LARGEST:
        kind = np.float32 if np.array_equal(values.astype(np.float32), values) else kind
    largest = max(abs(low), abs(high))
    if not math.isfinite(largest):
        return math.nan
    of_type = np.finfo(kind)
    step = math.ldexp(1.0, math.frexp(largest)[1] - 1 - of_type.nmant)
    step = max(step, float(of_type.smallest_subnormal))
    # The difference of both could overflow.
    return high / step - low / step


def _most_values(units: Units) -> int:
    if isinstance(units, np.ndarray):
        return units.shape[1]
    return max((units[unit][1].size for unit in range(len(units))), default=0)


def _stored(units: Units, unit: int, every_sample: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the samples with stored values of one unit, ascending, and these values."""
    if isinstance(units, np.ndarray):
        return every_sample, units[unit]
    samples, values = units[unit]
    if (samples[1:] < samples[:-1]).any():
        order = np.argsort(samples)
        return samples[order], values[order]
    return samples, values


def _kernel_array(words: np.ndarray) -> np.ndarray:
    """Return the words as the one type of array that kernels are compiled for."""
    words = np.ascontiguousarray(words).view()
    words.setflags(write=False)
    return words
