"""What the page of a run shows, as plain values of JSON, from the run and its evidence alone."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np

from invert_core import __version__
from invert_core.formula.names import ambiguous_names
from invert_core.report.concept_lists import Listed, concept_lists
from invert_core.report.provenance import Provenance
from invert_core.report.run_rows import Columns, RunRows, Tokens, row_columns
from invert_core.report.shown_values import marks, rounded
from invert_core.report.unit_details import UnitDetails
from invert_core.results.columns import VERDICTS
from invert_core.results.evidence_file import RunEvidence

_DEFINITION = 200
"""The most characters of a definition in the page."""


@dataclass(frozen=True, eq=False)
class Book:
    """What the page shows but for the samples; docs/report.md says what the fields mean.

    Attributes
    ----------
    rows : RunRows
        The rows of the run.
    records : int64 [E]
        Which of the S records of units in the evidence are shown: the *entries* of the page.
    head : dict
        What is about the whole run.
    concepts : dict of str to list [C]
        The concepts, as columns.
    units : dict of str to list [E]
        The table of units, as columns.
    details : UnitDetails
        Makes what the page of each entry shows.
    followers : list [C]
        The entries that follow each concept most.
    """

    rows: RunRows
    records: np.ndarray
    head: dict[str, Any]
    concepts: dict[str, Any]
    units: dict[str, Any]
    details: UnitDetails
    followers: Listed

    @property
    def n_entries(self) -> int:
        """Number of entries."""
        return self.records.size

    def with_fewer_charts(self) -> Self:
        """Return this book with charts of labels and peaks only."""
        return replace(self, details=replace(self.details, all_charts=False))

    def conviction(self) -> np.ndarray:
        """Return all entries, int64 [E], those first whose label has the AUC farthest from 1/2."""
        auc = np.array([0.5 if one is None else one for one in self.units["answers"][0]["auc"]])
        return np.argsort(-np.abs(auc - 0.5), kind="stable")


def book_of(rows: RunRows, records: np.ndarray, provenance: Provenance, title: str) -> Book:
    """Make the book of a run.

    Parameters
    ----------
    rows : RunRows
        The rows of the run.
    records : int64 [E]
        Which of the S records of units in the evidence are shown.
    provenance : Provenance
        What run.json says.
    title : str
    """
    tokens = Tokens(rows.evidence.concept)
    columns = row_columns(rows, tokens)
    followed, followers = concept_lists(rows.evidence, records, provenance.min_fraction)
    layers = list(dict.fromkeys(rows.evidence.layer[record] for record in records.tolist()))
    return Book(
        rows=rows,
        records=records,
        head=_head(rows, provenance, title, layers),
        concepts=_concepts(rows.evidence),
        units=_units(rows, columns, records, layers),
        details=UnitDetails(rows, followed, records, columns),
        followers=followers,
    )


def _head(
    rows: RunRows, provenance: Provenance, title: str, layers: Sequence[str]
) -> dict[str, Any]:
    evidence = rows.evidence
    held_out = evidence.held_out_cuts
    return {
        "title": title,
        "version": __version__,
        "layers": layers,
        "objectives": rows.objectives,
        "directions": list(dict.fromkeys(evidence.direction)),
        "n_samples": evidence.n_samples,
        "n_held_out": 0 if held_out is None else int(held_out[-1]),
        "cuts": evidence.cuts.tolist(),
        "held_out_cuts": None if held_out is None else held_out.tolist(),
        "verdicts": VERDICTS,
        "quantile": provenance.quantile,
        "provenance": provenance.told,
    }


def _concepts(evidence: RunEvidence) -> dict[str, Any]:
    positive, defined = evidence.concepts.n_positive, evidence.concepts.n_defined
    is_complete = bool((defined == evidence.n_samples).all())
    return {
        "id": evidence.concept,
        "name": _told_apart(evidence),
        "definition": [_cut(text) for text in evidence.concept_definition],
        "n": positive.tolist(),
        "defined": None if is_complete else defined.tolist(),
    }


def _told_apart(evidence: RunEvidence) -> list[str]:
    """Return the names of concepts, with the id behind a name that is not the only one."""
    named = list(zip(evidence.concept, evidence.concept_name, strict=True))
    ambiguous = ambiguous_names(named, frozenset(evidence.concept))
    return [f"{name} ({id})" if name in ambiguous else name for id, name in named]


def _cut(text: str) -> str:
    return text if len(text) <= _DEFINITION else text[: _DEFINITION - 1] + "…"


def _log10(value: float | None) -> float | None:
    """Return the logarithm of a q-value, which is at most that of the least number if it is 0."""
    return None if value is None else math.log10(max(value, sys.float_info.min))


def _units(
    rows: RunRows, columns: Columns, records: np.ndarray, layers: Sequence[str]
) -> dict[str, Any]:
    evidence = rows.evidence
    place = {name: number for number, name in enumerate(layers)}
    negative = [int(evidence.direction[one] == "negative") for one in records.tolist()]
    first = rows.answers(0)[records]
    names = rows.values("unit_name")
    of_units = [names[row] if row >= 0 else "" for row in first.tolist()]
    return {
        "layer": [place[evidence.layer[one]] for one in records.tolist()],
        "unit": evidence.units["unit"][records].tolist(),
        "name": of_units if any(of_units) else None,
        "negative": negative if any(negative) else None,
        "answers": [
            _answers(rows, columns, rows.answers(number)[records])
            for number in range(len(rows.objectives))
        ],
    }


_OF_ANSWERS = {
    "f": "f",
    "score": "s",
    "auc": "a",
    "held": "ah",
    "held_score": "sh",
    "p": "p",
    "q": "q",
    "n": "n",
    "N": "N",
    "hits": "h",
    "verdict": "v",
}
"""Columns of the table of units, and what they are called in the details of a unit."""


def _answers(rows: RunRows, columns: Columns, at: np.ndarray) -> Columns:
    """Return columns of the labels by one objective, in rows that are -1 where there is none."""
    found: Columns = {}
    for name, field in _OF_ANSWERS.items():
        column = columns[field]
        found[name] = [column[row] if row >= 0 else None for row in at.tolist()]
    found["f"] = [text or "" for text in found["f"]]
    if not any(found["N"]):
        del found["N"]
    # Texts have two digits; numbers to compare and to save have four.
    log_p, q = (rows.values(name) for name in ("log10_p_search", "q_value"))
    living = [row if text else -1 for row, text in zip(at.tolist(), found["f"], strict=True)]
    found["log_p"] = rounded([log_p[row] if row >= 0 else None for row in living])
    found["log_q"] = rounded([_log10(q[row]) if row >= 0 else None for row in living])
    top = marks(rows.evidence.rows["top_in"][at, : rows.n_first])
    found["top"] = [one if formula else "" for one, formula in zip(top, found["f"], strict=True)]
    return found
