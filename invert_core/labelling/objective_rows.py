"""Rows of units that were searched by several objectives."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from invert_core.labelling.evidence_recorder import EvidenceRecorder
from invert_core.labelling.held_out_formulas import Asked, Unseen
from invert_core.labelling.held_out_rows import Test
from invert_core.labelling.label_rows import LabelRows
from invert_core.metrics.evidence import Evidence
from invert_core.results.label_table import LabelTable, by_unit
from invert_core.search.findings import Findings
from invert_core.search.search import Units
from invert_core.search.several import Found


class RowsOfObjectives:
    """Makes the rows of a labelling: of each unit, those of one objective after the other.

    Parameters
    ----------
    of_each : sequence of LabelRows
        What makes the rows of each objective.
    recorder : EvidenceRecorder, optional
        Makes the records of evidence that tables have, as a run keeps them.
    """

    def __init__(self, of_each: Sequence[LabelRows], recorder: EvidenceRecorder | None = None):
        self._of_each = of_each
        self._recorder = recorder

    def table(
        self,
        together: Found,
        addresses: Sequence[tuple[str, int]],
        units: Units | None,
        test: Test | None,
        evidence: Evidence | None,
    ) -> LabelTable:
        """Return the rows of some units; a dead unit has one row without a formula.

        Parameters
        ----------
        together : Found
            What the searches by all objectives found for the units.
        addresses : sequence of (str, int)
            Layer and number of each unit.
        units : Units or None
            Activations of the units, for metrics; None leaves the metrics out.
        test : callable or None
            Tests formulas on held-out samples.
        evidence : Evidence or None
            The evidence for the formulas by all objectives.
        """
        results = together.results
        founds = [rows.found(one) for rows, one in zip(self._of_each, results, strict=True)]
        unseen = self._unseen(founds, test, len(addresses))
        tables = []
        for number, rows in enumerate(self._of_each):
            of_one = None if evidence is None else evidence.of_objective(number)
            found = results[number], founds[number]
            tables.append(rows.table(*found, addresses, units, unseen[number], of_one))
        table = tables[0] if len(tables) == 1 else _merged(tables)
        if self._recorder is None or table.evidence is None:
            return table
        assert evidence is not None
        assert together.of_concepts is not None
        of_units = self._recorder.of_units(evidence, together.of_concepts, addresses)
        return replace(table, evidence=table.evidence.with_groups(**of_units))

    def _unseen(
        self, founds: Sequence[Findings], test: Test | None, n_units: int
    ) -> Sequence[Unseen | None]:
        """Test the formulas of all objectives at once: held-out units are read only once."""
        if test is None:
            return [None] * len(founds)
        asked = [rows.asked(found) for rows, found in zip(self._of_each, founds, strict=True)]
        together = Asked.joined(asked)
        order = np.argsort(together.unit, kind="stable")
        tested = test(together.take(order), n_units).take(np.argsort(order, kind="stable"))
        ends = np.cumsum([one.unit.size for one in asked])
        return [tested.take(part) for part in np.split(np.arange(order.size), ends[:-1])]


def _merged(tables: Sequence[LabelTable]) -> LabelTable:
    """Put the tables of the same units together; dead units keep the row of the first one."""
    alive = [
        table.rearranged(np.flatnonzero(table.array("status") != "dead")) for table in tables[1:]
    ]
    return by_unit([tables[0], *alive])
