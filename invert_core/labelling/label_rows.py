"""Rows of the result: the formulas that a search found, with p-values and a status, as columns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from invert_core.formula.formula import Formula
from invert_core.formula.names import LiteralNames
from invert_core.labelling.evidence_recorder import EvidenceRecorder
from invert_core.labelling.held_out_rows import Asked, leave_out_tests_of_auc
from invert_core.labelling.workload import Workload
from invert_core.metrics.evidence import Evidence, evidence_columns
from invert_core.metrics.table import METRICS, measured
from invert_core.nulls.arrangements import CORRECTIONS
from invert_core.nulls.correcting import Correct
from invert_core.results.columns import OPTIONAL_TYPES, Label, columns
from invert_core.results.label_table import Column, FormulaTexts, LabelTable
from invert_core.results.verdicts import verdicts
from invert_core.search.headlines import headlines, may_be_reported
from invert_core.search.search import Units
from invert_core.search.search_result import Findings, SearchResult
from invert_core.settings import OF_HIGHEST, Settings
from invert_core.statistics.conditional import METHODS
from invert_core.statistics.tails import RankSpread, z_score

Columns = dict[str, np.ndarray]
"""The values of F rows, keyed by column: arrays [F]."""
NOTHING_UNSEEN: Columns = {}


@dataclass(frozen=True)
class Tested:
    """Results of F tests: of F formulas, or of one formula on F units.

    Attributes
    ----------
    columns : Columns
        The columns of `Explanation` that hold numbers.
    rung : int8 [F]
        How the p-values were computed, see `kernels.tails`.
    is_constant : bool [F]
        Whether the unit was constant, so that there was nothing to test.
    """

    columns: Columns
    rung: np.ndarray
    is_constant: np.ndarray

    def methods(self) -> np.ndarray:
        """Return the `method` of each row: the distribution that its p-value comes from."""
        return chosen(METHODS, self.rung)

    def take(self, rows: np.ndarray) -> "Tested":
        """Return some of the tests, by position int64 [k]."""
        picked = {name: column[rows] for name, column in self.columns.items()}
        return Tested(picked, self.rung[rows], self.is_constant[rows])


def tested_formulas(
    n_positive: np.ndarray,
    doubled_u: np.ndarray,
    spread: RankSpread,
    log10_p: np.ndarray,
    rung: np.ndarray,
) -> Tested:
    """Return the results of tests of formulas.

    Parameters
    ----------
    n_positive, doubled_u : int64 [F]
        n1 and 2U of each formula.
    spread : RankSpread
        Rank spread of each formula's unit, arrays [F].
    log10_p, rung : float64 [F], int8 [F]
        Decimal logarithms of the p-values, and how they were computed.
    """
    found = {
        "auc": doubled_u / (2 * n_positive * (spread.n_samples - n_positive)),
        "u": doubled_u / 2.0,
        "z": z_score(doubled_u, n_positive, spread),
        "p_value": 10.0**log10_p,
        "log10_p": log10_p,
        "n_positive": n_positive,
        "n_samples": np.broadcast_to(spread.n_samples, n_positive.shape),
        "concept_fraction": n_positive / spread.n_samples,
    }
    return Tested(found, rung, spread.is_dead)


def chosen(texts: Sequence[str], numbers: np.ndarray) -> np.ndarray:
    """Return a column of texts, given by their numbers; equal texts are stored once."""
    return np.array(texts, object)[numbers.astype(np.int64)]


def by_row(found: Mapping[str, Column]) -> list[dict[str, Any]]:
    """Convert columns to one mapping per row."""
    values = zip(*(column.tolist() for column in found.values()), strict=True)
    return [dict(zip(found, row, strict=True)) for row in values]


def unit_columns(
    addresses: Sequence[tuple[str, int]], unit_names: Mapping[str, Sequence[str]]
) -> Columns:
    """Return the columns that name units; `unit_names` are those of `Workload.unit_names`."""
    names = [unit_names[layer][unit] if layer in unit_names else "" for layer, unit in addresses]
    layers, units = zip(*addresses, strict=True)
    return {
        "layer": np.array(layers, object),
        "unit": np.array(units, np.int64),
        "unit_name": np.array(names, object),
    }


def absent_columns(n_rows: int) -> Columns:
    """Return all columns that may be empty, empty."""
    found = columns(Label).items()
    return {name: np.full(n_rows, np.nan) for name, one in found if one.type in OPTIONAL_TYPES}


def metric_columns(values: Sequence[Mapping[str, float | None]]) -> Columns:
    """Return the columns that the metrics fill, given what they `measured` for each row."""
    return {
        name: np.array([of_row[name] for of_row in values], np.float64)  # None becomes NaN
        for name in METRICS
    }


class LabelRows:
    """Makes the rows of a labelling.

    Parameters
    ----------
    work : Workload
    settings : Settings
    correct : Correct
        Corrects p-values for the search.
    recorder : EvidenceRecorder, optional
        Makes the records of evidence for rows that tables have, as a run keeps them.
    """

    def __init__(
        self,
        work: Workload,
        settings: Settings,
        correct: Correct,
        recorder: EvidenceRecorder | None = None,
    ):
        self._concepts = work.concepts
        self._groups = work.groups
        self._settings = settings
        self._correct = correct
        self._recorder = recorder
        self._names = LiteralNames(work.concepts)
        self._unit_names = work.unit_names
        self._dead = {name: one.metadata["dead"] for name, one in columns(Label).items()}
        self._dead |= {"direction": settings.direction, "n_samples": work.concepts.n_samples}
        self._dead |= {"objective": settings.objectives[0]}

    def table(
        self,
        result: SearchResult,
        found: Findings,
        addresses: Sequence[tuple[str, int]],
        units: Units | None = None,
        unseen: Mapping[str, np.ndarray] = NOTHING_UNSEEN,
        evidence: Evidence | None = None,
    ) -> LabelTable:
        """Return the rows of some units; a dead unit has one row without a formula.

        Parameters
        ----------
        result : SearchResult
            What was found for the units.
        found : Findings
            What `found` made of the result.
        addresses : sequence of (str, int)
            Layer and number of each unit.
        units : Units, optional
            Activations of the units, for metrics; None leaves the metrics out.
        unseen : mapping of str to array [F], optional
            The columns of held-out samples of the formulas in `found`; these samples have a say in
            the choice of headlines.
        evidence : Evidence, optional
            The evidence for the formulas of the units, with the entries of this objective only.
        """
        tested = tested_formulas(
            found.n_positive, found.doubled_u, found.spread, found.log10_p, found.rung
        )
        (objective,) = self._settings.objectives
        if unseen:
            unseen = leave_out_tests_of_auc(dict(unseen), objective in OF_HIGHEST)
        # Only where the AUC was searched for does it decide.
        is_headline = headlines(found, unseen.get("auc_held_out") if objective == "auc" else None)
        reported = np.flatnonzero((found.rank > 0) | is_headline)
        # A headline that is not among the rows to report comes after them.
        last = (found.rank == 0)[reported]
        reported = reported[np.lexsort((last, found.way[reported], found.unit[reported]))]
        is_headline = is_headline[reported]
        rows = absent_columns(reported.size)
        rows |= {name: column[reported] for name, column in unseen.items()}
        rows |= self._of_searches(result, found, reported)
        rows |= self._corrected(result, found.take(reported), is_headline, tested.take(reported))
        rows |= self._grouped(found.take(reported))
        rows |= {"headline": is_headline.astype(np.int64)}
        if units is not None:
            rows |= self._measured(found, reported, units)
        searches = len(self._settings.directions) * found.unit[reported] + found.way[reported]
        entries = np.zeros(reported.size, np.int64)
        if evidence is not None:
            # Evidence was made for the formulas that could be reported, in the same order.
            candidates = np.flatnonzero(may_be_reported(found, is_tested=bool(unseen)))
            (of_candidates,) = evidence.entries
            entries = of_candidates[np.searchsorted(candidates, reported)]
        rows |= self._evident(found.take(reported), evidence, entries, searches)
        rows["verdict"] = verdicts(
            {**tested.take(reported).columns, **rows}, is_made=evidence is not None
        )

        # Dead units stand at the end until all rows are in order; they share one empty formula.
        dead = np.flatnonzero(~result.length.any(axis=(1, 2)))
        unit = np.append(found.unit[reported], dead)
        order = np.argsort(unit, kind="stable")
        rows = {name: self._with_dead(name, rows[name], dead.size)[order] for name in rows}
        named = unit_columns(addresses, self._unit_names)
        rows |= {name: column[unit[order]] for name, column in named.items()}
        formula = np.append(reported, np.full(dead.size, found.unit.size))[order]
        by_length, of_search = _by_length(found)
        counts = np.zeros(formula.size, np.int64)
        counts[(rows["rank"] == 1) & (formula < found.unit.size)] = of_search
        table = LabelTable(
            self._explained(found, tested), rows, formula, by_length, np.cumsum(counts)
        )
        if evidence is None or self._recorder is None:
            return table
        entries = np.append(entries, np.full(dead.size, -1))[order]
        searches = np.append(searches, len(self._settings.directions) * dead)[order]
        recorded = self._recorder.of_rows(evidence, entries, searches, objective)
        return replace(table, evidence=recorded)

    def found(self, result: SearchResult) -> Findings:
        """Return the formulas that can be in the rows of some units."""
        found = Findings.of(result, self._settings)
        return found.take((found.rank > 0) | found.is_best_of_length)

    def asked(self, found: Findings) -> Asked:
        """Return what to test on held-out samples."""
        direction = chosen(self._settings.directions, found.way)
        return Asked(found.unit, self._texts(found), direction, found.auc)

    def _texts(self, found: Findings) -> list[str]:
        """Write formulas in concept ids."""
        texts = FormulaTexts(found.length, found.literals, found.connectives, self._names.formula)
        return texts.tolist()

    def _explained(self, found: Findings, tested: Tested) -> dict[str, Column]:
        """Return the columns of `Explanation` for all formulas, and for an empty one."""
        length = np.append(found.length, 0)
        literals = np.pad(found.literals.astype(np.int32), ((0, 1), (0, 0)))
        connectives = np.pad(found.connectives.astype(np.int8), ((0, 1), (0, 0)))
        return {
            "formula": FormulaTexts(length, literals, connectives, self._names.formula),
            "label": FormulaTexts(length, literals, connectives, self._names.label),
            "length": length,
            **{name: self._with_dead(name, column, 1) for name, column in tested.columns.items()},
        }

    def _of_searches(self, result: SearchResult, found: Findings, reported: np.ndarray) -> Columns:
        """Return the columns of reported formulas that say how they were searched."""
        unit, way = found.unit[reported], found.way[reported]
        return {
            "rank": _row_numbers(unit * result.length.shape[1] + way),
            "direction": chosen(self._settings.directions, way),
            "n_scored": result.n_scored[unit, way],
            "gap": result.gap[unit, way],
            "objective": chosen(self._settings.objectives, 0 * way),
            "score": self._scores(found.take(reported)),
        }

    def _scores(self, found: Findings) -> np.ndarray:
        """Return the values of the objective: float64 [F]."""
        if self._settings.objectives != ("auc",):
            return found.score
        pairs = 2 * found.n_positive * (found.spread.n_samples - found.n_positive)
        # From integers, as it would be for -1 times the activations.
        return np.where(found.sign < 0, pairs - found.doubled_u, found.doubled_u) / pairs

    def _corrected(
        self, result: SearchResult, found: Findings, is_headline: np.ndarray, tested: Tested
    ) -> Columns:
        """Return the columns of reported formulas that say what their p-values are worth."""
        p_search, log10_p, correction = self._correct(result, found, is_headline)
        return {
            "p_search": p_search,
            "log10_p_search": log10_p,
            "correction": chosen(CORRECTIONS, correction),
            "method": tested.methods(),
            "status": chosen(("ok", "constant"), tested.is_constant),
        }

    def _grouped(self, found: Findings) -> Columns:
        """Return the column that says in how many groups formulas are true; none without groups."""
        groups = self._groups
        if groups is None:
            return {}
        formulas = self._texts(found)
        # Many units have the same formulas.
        counts = {
            text: groups.n_inside(Formula.parse(text).evaluate(self._concepts))
            for text in set(formulas)
        }
        return {"n_groups_positive": np.array([counts[text] for text in formulas], np.float64)}

    def _measured(self, found: Findings, reported: np.ndarray, units: Units) -> Columns:
        """Return the columns of the metrics, from the samples on which a formula is defined."""
        concepts = self._concepts
        found = found.take(reported)
        made = []
        for unit, text in zip(found.unit.tolist(), self._texts(found), strict=True):
            formula = Formula.parse(text)
            values, extent = values_of(units, unit), formula.evaluate(concepts)
            if concepts.defined is not None:
                is_defined = formula.defined_on(concepts)
                values, extent = values[is_defined], extent[is_defined]
            made.append(measured(values, extent))
        return metric_columns(made)

    def _evident(
        self,
        found: Findings,
        evidence: Evidence | None,
        entries: np.ndarray,
        searches: np.ndarray,
    ) -> Columns:
        """Return the columns that say how well formulas and activations tell each other.

        `entries` and `searches`, int64 [F], are the entries of the evidence for them.
        """
        made = {"rank_correlation": rank_correlation(found.auc, found.n_positive, found.spread)}
        if evidence is None:
            return made
        return made | evidence_columns(evidence, entries, searches, self._concepts.n_samples)

    def _with_dead(self, name: str, column: np.ndarray, n_dead: int) -> np.ndarray:
        """Append the values of dead units to a column."""
        value = np.nan if self._dead[name] is None else self._dead[name]
        return np.concatenate([column, np.full(n_dead, value, column.dtype)])


def rank_correlation(auc: np.ndarray, n_positive: np.ndarray, spread: RankSpread) -> np.ndarray:
    """Return the correlation of midranks and marks: (AUC - 1/2) sqrt(12 N n1 n0 / D).

    NaN if all values are equal; the parameters are those of `tested_formulas`.
    """
    n = np.asarray(spread.n_samples, np.float64)
    pairs = 12.0 * n * n_positive * (n - n_positive)
    is_spread = spread.d > 0.0
    share = np.full(auc.shape, np.nan)
    np.divide(pairs, spread.d, out=share, where=is_spread)
    return np.clip((auc - 0.5) * np.sqrt(share), -1.0, 1.0)


def _row_numbers(search: np.ndarray) -> np.ndarray:
    """Number the rows of each search from 1, given the searches of rows in order: int64 [F]."""
    first = np.searchsorted(search, search)
    return np.arange(1, search.size + 1) - first


def _by_length(found: Findings) -> tuple[np.ndarray, np.ndarray]:
    """Return the best formulas of each length of all searches, and how many each search has.

    Every search that found anything has at least one.
    """
    formulas = np.flatnonzero(found.is_best_of_length)
    search = 2 * found.unit[formulas] + found.way[formulas]  # of at most two ways
    _, counts = np.unique(search, return_counts=True)
    return formulas[np.lexsort((found.length[formulas], search))], counts


def values_of(units: Units, number: int) -> np.ndarray:
    """Return the activations of one of the units: float32 or float64 [N]."""
    if isinstance(units, np.ndarray):
        values = units[number]
    else:
        samples, stored = units[number]
        values = np.zeros(units.n_samples, stored.dtype)
        values[samples] = stored
    # Sums of many float16 would overflow.
    return values.astype(np.float32) if values.dtype == np.float16 else values
