"""Rows of the result: the formulas that a search found, with p-values and a status, as columns."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from invert_core.formula.formula import Formula
from invert_core.formula.names import LiteralNames
from invert_core.labelling.evidence_recorder import EvidenceRecorder
from invert_core.labelling.held_out_evidence import held_out_records
from invert_core.labelling.held_out_formulas import Asked, Unseen
from invert_core.labelling.row_columns import (
    Columns,
    absent_columns,
    chosen,
    metric_columns,
    unit_columns,
    values_of,
)
from invert_core.labelling.tested_formulas import Tested, rank_correlation, tested_formulas
from invert_core.labelling.workload import Workload
from invert_core.metrics.evidence import Evidence, evidence_columns
from invert_core.metrics.table import measured
from invert_core.nulls.arrangements import CORRECTIONS
from invert_core.nulls.correcting import Correct
from invert_core.results.column_fields import columns
from invert_core.results.columns import Label
from invert_core.results.held_out_evidence import HELD_OUT
from invert_core.results.label_table import Column, FormulaTexts, LabelTable
from invert_core.results.verdicts import verdicts
from invert_core.search.findings import Findings
from invert_core.search.headlines import headlines, may_be_reported
from invert_core.search.objectives import share_of_highest
from invert_core.search.search import Units
from invert_core.search.search_result import SearchResult
from invert_core.settings import OF_HIGHEST, Settings


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
        unseen: Unseen | None = None,
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
        unseen : Unseen, optional
            What held-out samples say of the formulas in `found`; they have a say in the choice of
            headlines.
        evidence : Evidence, optional
            The evidence for the formulas of the units, with the entries of this objective only.
        """
        tested = tested_formulas(
            *(found.n_positive, found.doubled_u, found.spread, found.log10_p, found.rung),
            self._scores(found),
        )
        is_headline = headlines(found, self._score_held_out(found, unseen))
        reported = np.flatnonzero((found.rank > 0) | is_headline)
        # A headline that is not among the rows to report comes after them.
        last = (found.rank == 0)[reported]
        reported = reported[np.lexsort((last, found.way[reported], found.unit[reported]))]
        is_headline = is_headline[reported]
        of_unseen = None if unseen is None else unseen.take(reported)
        rows = absent_columns(reported.size)
        rows |= {} if of_unseen is None else of_unseen.columns
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
            candidates = np.flatnonzero(may_be_reported(found, is_tested=unseen is not None))
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
        row = np.append(np.arange(reported.size), np.full(dead.size, -1))[order]
        searches = np.append(searches, len(self._settings.directions) * dead)[order]
        entries = np.append(entries, -1)[row]
        (objective,) = self._settings.objectives
        recorded = self._recorder.of_rows(evidence, entries, searches, objective)
        if of_unseen is not None:
            recorded = recorded.with_groups(**{HELD_OUT: held_out_records(of_unseen, row)})
        return replace(table, evidence=recorded)

    def found(self, result: SearchResult) -> Findings:
        """Return the formulas that can be in the rows of some units."""
        found = Findings.of(result, self._settings)
        return found.take((found.rank > 0) | found.is_best_of_length)

    def asked(self, found: Findings) -> Asked:
        """Return what to test on held-out samples."""
        n_samples = self._concepts.n_samples
        return Asked(
            found.unit,
            np.array(self._texts(found), object),
            chosen(self._settings.directions, found.way),
            chosen(self._settings.objectives, 0 * found.way),
            found.auc,
            found.score,
            np.full(found.way.size, share_of_highest(n_samples, self._settings.quantile)),
        )

    def _score_held_out(self, found: Findings, unseen: Unseen | None) -> np.ndarray | None:
        """Return the value of the objective on held-out samples, as far as it is known."""
        (objective,) = self._settings.objectives
        if unseen is None:
            return None
        if objective == "auc":
            return found.sign * unseen.columns["auc_held_out"]
        return unseen.columns["score_held_out"] if objective in OF_HIGHEST else None

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
