"""The beam search of the paper, for concepts without missing marks."""

from collections.abc import Iterable

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import DataError
from invert_core.kernels.atoms import Atoms
from invert_core.kernels.beam import search_units
from invert_core.kernels.candidates import Limits
from invert_core.kernels.formulas import AND, LENGTH, LITERALS, N_POSITIVE, RANK_SUM
from invert_core.kernels.sums import LabelIndex, index_by_atoms
from invert_core.kernels.warm_up import PLAIN
from invert_core.search.complete_search import CompleteSearch
from invert_core.search.search import Found, UnitResult, Watch
from invert_core.settings import Settings


class BeamSearch(CompleteSearch):
    """The beam search of the paper, with distinct extents in each beam.

    The parameters are those of `Search`.
    """

    JOBS = PLAIN

    def __init__(self, concepts: ConceptSet, settings: Settings, dtypes: Iterable[np.dtype] = ()):
        super().__init__(concepts, settings, dtypes)
        if self.n_literals_within_limits == 0:
            raise no_literal_passes(self.literal_sizes, self.n_samples, settings)
        n_concepts = len(concepts.id)
        self._limits = Limits(
            settings.length,
            settings.beam,
            self.n_low,
            self.n_high,
            1.0,
            min(settings.limit_search or n_concepts, n_concepts),
        )
        self.compile()
        self._atoms, self._index = self._prepare(concepts)

    def _prepare(self, concepts: ConceptSet) -> tuple[Atoms, LabelIndex]:
        return index_by_atoms(concepts.bits, concepts.n_samples)

    @property
    def atoms(self) -> Atoms:
        """The atoms of the concepts."""
        return self._atoms

    def search(self, weights: np.ndarray, direction: str, watch: Watch) -> list[UnitResult]:
        """Search living units, given by the rank sums of their atoms: int64 [K, S]."""
        settings = self.settings
        sign = 1.0 if direction == "positive" else -1.0
        codes, scores, n_scored = (
            array.tolist()
            for array in search_units(
                weights, self.n_samples, self._index, self._limits._replace(sign=sign)
            )
        )
        results = []
        for unit_codes, unit_scores, scored in zip(codes, scores, n_scored, strict=True):
            found = [
                _found(code, sign * score) if code[LENGTH] else None
                for code, score in zip(unit_codes, unit_scores, strict=True)
            ]
            beam = tuple(one for one in found[: settings.beam] if one)
            by_length = tuple(one for one in found[settings.beam :] if one)
            reported = report(beam, by_length, sign, settings.min_gain)[: settings.beam]
            results.append(UnitResult(direction, reported, beam, by_length, scored))
        return results


def report(
    beam: tuple[Found, ...], by_length: tuple[Found, ...], sign: float, min_gain: float
) -> tuple[Found, ...]:
    """Return the formulas that are worth their length, best first.

    A formula is worth its length if no shorter formula is reported, or if its AUC is better than
    that of every shorter reported formula by at least `min_gain`.
    """

    def order(found: Found) -> tuple[float, int, tuple[int, ...], tuple[str, ...]]:
        return (-sign * found.auc, found.length, found.literals, found.connectives)

    reported: list[Found] = []
    for found in sorted({*beam, *by_length}, key=lambda found: (found.length, order(found))):
        shorter = [sign * other.auc for other in reported if other.length < found.length]
        if not shorter or sign * found.auc - max(shorter) >= min_gain:
            reported.append(found)
    return tuple(sorted(reported, key=order))


def _found(code: list[int], auc: float) -> Found:
    length = code[LENGTH]
    connectives = (LITERALS + len(code)) // 2
    return Found.of_sums(
        literals=tuple(code[LITERALS : LITERALS + length]),
        connectives=tuple(
            "&" if connective == AND else "|"
            for connective in code[connectives + 1 : connectives + length]
        ),
        n_positive=code[N_POSITIVE],
        rank_sum=code[RANK_SUM],
        auc=auc,
    )


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
