"""Beam search over blocks of units: settings in, formulas as literals and exact integers out."""

import math
import os
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from invert_core.activations.sparse import SparseUnits
from invert_core.concepts import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.kernels.atoms import Atoms, bits_of_atoms, find_atoms
from invert_core.kernels.beam import Limits, search_units
from invert_core.kernels.formulas import AND, LENGTH, LITERALS, N_POSITIVE, RANK_SUM
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.sums import BY_COST, LabelIndex, label_index
from invert_core.kernels.warm_up import compile_search
from invert_core.significance import RankSpread

Units = np.ndarray | SparseUnits

DIRECTIONS = ("positive", "negative", "both")
MAX_LENGTH = 100
"""Nobody reads longer formulas, and the number of formulas has to stay one that can be printed."""
MAX_BEAM = 100_000
"""A wider beam is no longer a beam, and its memory grows with beam x samples."""

_VALUES_AT_ONCE = 2**19


@dataclass(frozen=True)
class Settings:
    """Settings of the beam search; the paper's symbols in brackets.

    Parameters
    ----------
    length : int
        The most literals of a formula [L].
    beam : int
        Formulas kept at each step and reported at the end [B].
    min_fraction, max_fraction : float
        Share of the samples that an extent may cover, both included [alpha, beta].
    direction : {"positive", "negative", "both"}
        Largest AUC, smallest AUC, or one search for each.
    limit_search : int or None
        From the second literal on, only the concepts with the largest abs(AUC - 0.5).
    min_gain : float
        A longer formula is reported only if its AUC beats the best reported shorter one by this.

    Raises
    ------
    SettingError
        A value lies outside its range.
    """

    length: int = 3
    beam: int = 3
    min_fraction: float = 0.002
    max_fraction: float = 0.5
    direction: str = "positive"
    limit_search: int | None = None
    min_gain: float = 0.0

    def __post_init__(self) -> None:
        for name, value in (
            ("length", self.length),
            ("beam", self.beam),
            ("limit-search", self.limit_search),
        ):
            if value is not None and not isinstance(value, Integral):
                raise SettingError(f"--{name} is {value!r}.", "Give a whole number.")
            # NumPy's numbers become Python's, which can be written as JSON.
            object.__setattr__(self, name.replace("-", "_"), None if value is None else int(value))
        for name in ("min_fraction", "max_fraction", "min_gain"):
            share = getattr(self, name)
            if not isinstance(share, Real):
                raise SettingError(f"--{name.replace('_', '-')} is {share!r}.", "Give a number.")
            object.__setattr__(self, name, float(share))
        if not 1 <= self.length <= MAX_LENGTH:
            raise SettingError(f"--length is {self.length}.", f"Give 1 to {MAX_LENGTH}.")
        if not 1 <= self.beam <= MAX_BEAM:
            raise SettingError(f"--beam is {self.beam}.", f"Give 1 to {MAX_BEAM:,}.")
        if self.limit_search is not None and self.limit_search < 1:
            raise SettingError(f"--limit-search is {self.limit_search}.", "Give 1 or more.")
        if not 0.0 <= self.min_fraction <= self.max_fraction <= 1.0:
            raise SettingError(
                f"--min-fraction {self.min_fraction} and --max-fraction {self.max_fraction} "
                "are not in order.",
                "Give 0 <= min-fraction <= max-fraction <= 1.",
            )
        if not 0.0 <= self.min_gain < math.inf:
            raise SettingError(f"--min-gain is {self.min_gain}.", "Give 0 or more.")
        if self.direction not in DIRECTIONS:
            raise SettingError(
                f"The direction {self.direction!r} is unknown.",
                f"Take one of {', '.join(DIRECTIONS)}.",
            )

    @property
    def directions(self) -> tuple[str, ...]:
        """The searches to run."""
        return DIRECTIONS[:2] if self.direction == "both" else (self.direction,)


@dataclass(frozen=True)
class Found:
    """One formula of a search.

    `literals` are 2c for concept c and 2c + 1 for its negation; connective k, of {"&", "|"},
    stands before literal k + 1. U and AUC belong to the extent of `n_positive` samples.
    """

    literals: tuple[int, ...]
    connectives: tuple[str, ...]
    n_positive: int
    doubled_u: int
    auc: float

    @property
    def length(self) -> int:
        """Number of literals."""
        return len(self.literals)


@dataclass(frozen=True)
class UnitResult:
    """What one search found for one unit; nothing for a dead one.

    `reported` is best first; `by_length` holds at most one formula of each length.
    """

    direction: str
    reported: tuple[Found, ...]
    beam: tuple[Found, ...]
    by_length: tuple[Found, ...]
    n_scored: int


@dataclass(frozen=True)
class Piece:
    """What was found for some units: one result per direction of each, and their spreads."""

    results: tuple[tuple[UnitResult, ...], ...]
    spread: RankSpread


class BeamSearch:
    """A concept set made ready for the search of many units.

    Parameters
    ----------
    concepts : ConceptSet
    settings : Settings
    jobs : int or None
        Threads; None takes the cores that this process may use. Results do not depend on it.

    Raises
    ------
    DataError
        No literal has an extent within the fraction limits.
    """

    def __init__(self, concepts: ConceptSet, settings: Settings, jobs: int | None = None):
        self.settings = settings
        self.jobs = available_cores() if jobs is None else jobs
        if self.jobs < 1:
            raise SettingError(f"--jobs is {jobs}.", "Give 1 or more.")
        self._n_samples = concepts.n_samples
        low, high = sizes_within(settings.min_fraction, settings.max_fraction, concepts.n_samples)
        sizes = concepts.n_positive
        literals = np.concatenate([sizes, concepts.n_samples - sizes])
        self.n_literals_within_limits = int(np.sum((literals >= low) & (literals <= high)))
        if self.n_literals_within_limits == 0:
            raise DataError(*_no_literal_passes(literals, concepts.n_samples, settings))
        n_concepts = len(concepts.id)
        self._limits = Limits(
            settings.length,
            settings.beam,
            low,
            high,
            1.0,
            min(settings.limit_search or n_concepts, n_concepts),
        )
        compile_search()
        self._atoms, self._index = index_by_atoms(concepts.bits, concepts.n_samples)

    def unit(self, values: np.ndarray) -> tuple[UnitResult, ...]:
        """Search one unit: floats [N] without NaN -> one result per direction."""
        if values.shape != (self._n_samples,):
            raise DataError(
                f"The activations have shape {values.shape} for {self._n_samples} samples.",
                "Give one activation per sample of the concepts.",
            )
        return self._search(values[None]).results[0]

    def pieces(self, blocks: Iterable[Units]) -> Generator[Piece]:
        """Search all units of blocks in parallel; results come in their order, some at a time.

        A block is an array [k, N] or `SparseUnits`. While one is searched the next is taken. When
        the caller stops early, or an interrupt arrives, the units not begun are dropped and the
        threads end.
        """
        stop = threading.Event()

        def work(units: Units) -> Piece:
            if stop.is_set():
                raise CancelledError
            return self._search(units)

        with ThreadPoolExecutor(self.jobs) as pool:
            waiting: deque[list[Future[Piece]]] = deque()
            try:
                for block in blocks:
                    size = units_per_piece(len(block), self._n_samples, self.jobs)
                    waiting.append(
                        [
                            pool.submit(work, _part(block, start, start + size))
                            for start in range(0, len(block), size)
                        ]
                    )
                    if len(waiting) > 1:
                        yield from (future.result() for future in waiting.popleft())
                for futures in waiting:
                    yield from (future.result() for future in futures)
            finally:
                stop.set()
                pool.shutdown(cancel_futures=True)

    def _search(self, units: Units) -> Piece:
        sums, ties, cubes = rank_sums(units, self._atoms)
        spread = RankSpread.of_units(self._n_samples, ties, cubes)
        alive = np.flatnonzero(~spread.is_dead)
        found = [self._one_way(sums[alive], direction) for direction in self.settings.directions]
        of_unit = dict(zip(alive.tolist(), zip(*found, strict=True), strict=True))
        dead = (UnitResult(self.settings.direction, (), (), (), 0),)
        return Piece(tuple(of_unit.get(unit, dead) for unit in range(len(units))), spread)

    def _one_way(self, sums: np.ndarray, direction: str) -> list[UnitResult]:
        settings = self.settings
        sign = 1.0 if direction == "positive" else -1.0
        codes, scores, n_scored = (
            array.tolist()
            for array in search_units(
                sums, self._n_samples, self._index, self._limits._replace(sign=sign)
            )
        )
        results = []
        for rows, row_scores, scored in zip(codes, scores, n_scored, strict=True):
            found = [
                _found(code, sign * score) if code[LENGTH] else None
                for code, score in zip(rows, row_scores, strict=True)
            ]
            beam = tuple(one for one in found[: settings.beam] if one)
            by_length = tuple(one for one in found[settings.beam :] if one)
            reported = report(beam, by_length, sign, settings.min_gain)[: settings.beam]
            results.append(UnitResult(direction, reported, beam, by_length, scored))
        return results


def _part(units: Units, start: int, stop: int) -> Units:
    if isinstance(units, np.ndarray):
        return units[start:stop]
    return units.select(np.arange(start, min(stop, len(units))))


def units_per_piece(n_units: int, n_samples: int, jobs: int) -> int:
    """Units that one thread takes at once, few enough that all threads are busy to the end."""
    return max(1, min(_VALUES_AT_ONCE // n_samples, n_units // (4 * jobs)))


def index_by_atoms(bits: np.ndarray, n_samples: int) -> tuple[Atoms, LabelIndex]:
    """Merge samples with equal labels, uint64 [C, ceil(N / 64)], and index what is left."""
    # Of one type whoever made it, so that what is compiled fits: contiguous and read-only.
    bits = np.ascontiguousarray(bits).view()
    bits.setflags(write=False)
    atoms = find_atoms(bits, n_samples)
    return atoms, label_index(bits_of_atoms(bits, atoms), atoms.sizes, BY_COST)


def report(
    beam: tuple[Found, ...], by_length: tuple[Found, ...], sign: float, min_gain: float
) -> tuple[Found, ...]:
    """The formulas worth their length, best first.

    A formula is reported if none shorter is, or if its AUC beats the best reported shorter one by
    at least `min_gain` in the direction of the search.
    """

    def order(found: Found) -> tuple[float, int, tuple[int, ...], tuple[str, ...]]:
        return (-sign * found.auc, found.length, found.literals, found.connectives)

    reported: list[Found] = []
    for found in sorted({*beam, *by_length}, key=lambda found: (found.length, order(found))):
        shorter = [sign * other.auc for other in reported if other.length < found.length]
        if not shorter or sign * found.auc - max(shorter) >= min_gain:
            reported.append(found)
    return tuple(sorted(reported, key=order))


def sizes_within(min_fraction: float, max_fraction: float, n_samples: int) -> tuple[int, int]:
    """The smallest and largest n with 0 < n < N whose float64 n / N lies within the limits."""
    low = max(1, math.floor(min_fraction * n_samples) - 1)
    while low < n_samples and low / n_samples < min_fraction:
        low += 1
    high = min(n_samples - 1, math.ceil(max_fraction * n_samples) + 1)
    while high > 0 and high / n_samples > max_fraction:
        high -= 1
    return low, high


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _found(code: list[int], auc: float) -> Found:
    length = code[LENGTH]
    connectives = (LITERALS + len(code)) // 2
    n_positive = code[N_POSITIVE]
    return Found(
        literals=tuple(code[LITERALS : LITERALS + length]),
        connectives=tuple(
            "&" if connective == AND else "|"
            for connective in code[connectives + 1 : connectives + length]
        ),
        n_positive=n_positive,
        doubled_u=code[RANK_SUM] - n_positive * (n_positive + 1),
        auc=auc,
    )


def _no_literal_passes(sizes: np.ndarray, n_samples: int, settings: Settings) -> tuple[str, str]:
    fractions = np.unique(sizes[(sizes > 0) & (sizes < n_samples)]) / n_samples
    below = fractions[fractions < settings.min_fraction]
    above = fractions[fractions > settings.max_fraction]
    nearest = [f"{side[at]:.6g}" for side, at in ((below, -1), (above, 0)) if side.size]
    message = (
        "No concept and no negation of one covers a fraction of the samples between "
        f"{settings.min_fraction:g} and {settings.max_fraction:g}"
    )
    if not nearest:
        return f"{message}: all are true everywhere or nowhere.", "Give other concepts."
    return (
        f"{message}; the nearest fractions are {' and '.join(nearest)}.",
        "Widen --min-fraction or --max-fraction.",
    )
