"""Compares what the product finds with what the definitions say."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from fractions import Fraction

import numpy as np
from scipy import sparse

from invert_core import label
from invert_core.errors import DataError
from invert_core.results.columns import Explanation, Label
from invert_core.results.labels import Labels
from invert_core.settings import Settings
from tests.oracle import definitions, permuted, searches
from tests.oracle.cases import Case
from tests.oracle.definitions import members, n_formulas
from tests.oracle.differs import Differs, close, equal, near
from tests.oracle.searches import Concepts, Found, Refused, Result, Unit, searched

_EXACT, _APPROXIMATE = 1e-9, 0.1
"""The largest errors of log10 p: of p that is counted, and of a saddlepoint or a split."""


def compare(case: Case) -> str:
    """Compare one case; say if it was labelled or refused, or raise `Differs`."""
    ids = [f"c{number}" for number in range(len(case.concepts.true))]
    try:
        resolved = replace(case, concepts=_resolved(case))
        expected = _expected(resolved)
    except Refused as refused:
        try:
            found = _label(case, ids)
        except DataError:
            return "refused"
        raise Differs(f"{len(found)} rows, where {refused}") from None
    found = _label(case, ids)
    rows = list(found)
    if case.permutations:
        permuted.check(list(_label(case, ids, case.permutations)), rows, resolved)
    for number, of_search in enumerate(expected):
        of_unit = [row for row in rows if row.unit == number]
        if of_search is None:
            _check_dead(of_unit, case)
        else:
            unit, results = of_search
            _check_unit(of_unit, unit, results, case, ids, found)
    equal("number of units", {row.unit for row in rows}, set(range(len(case.units))))
    return "labelled"


def _expected(case: Case) -> list[tuple[Unit, dict[str, Result]] | None]:
    """The results of each unit by direction, or None for a dead unit."""
    if case.kind != "exhaustive":
        searches.check_literals(case.concepts, case.rules)
    units = [Unit(values) for values in case.units]
    return [
        None if unit.is_dead else (unit, searched(case.kind, unit, case.concepts, case.rules))
        for unit in units
    ]


def _resolved(case: Case) -> Concepts:
    """The concepts after the treatment of missing labels."""
    everything = (1 << case.concepts.n_samples) - 1
    if case.missing == "negative":
        return replace(case.concepts, known=(everything,) * len(case.concepts.true))
    if case.missing == "error" and any(known != everything for known in case.concepts.known):
        raise Refused("labels are missing")
    return case.concepts


def _label(case: Case, ids: Sequence[str], permutations: int = 0) -> Labels:
    n = case.concepts.n_samples
    marks = {}
    for name, true, known in zip(ids, case.concepts.true, case.concepts.known, strict=True):
        marks[name] = np.array(
            [1 if true >> i & 1 else 0 if known >> i & 1 else -1 for i in range(n)], np.int8
        )
    values = np.array(case.units, case.dtype).T
    settings = Settings(
        objective="auc",
        search="exhaustive" if case.kind == "exhaustive" else "beam",
        permutations=permutations,
        seed=case.seed,
        **asdict(case.rules),
    )
    return label(
        _sparse(values) if case.is_sparse else values,
        marks,
        settings=settings,
        missing=case.missing,
        jobs=1,
    )


def _sparse(values: np.ndarray) -> sparse.csc_array:
    """Store every third value even if it is 0, in falling order of the samples."""
    n_samples = len(values)
    data, indices, indptr = [], [], [0]
    for column in values.T:
        kept = [i for i in reversed(range(n_samples)) if column[i] != 0 or i % 3 == 0]
        data += column[kept].tolist()
        indices += kept
        indptr.append(len(indices))
    dtype = values.dtype if values.dtype != np.float16 else np.dtype("float32")
    return sparse.csc_array((np.array(data, dtype), indices, indptr), shape=values.shape)


def _check_dead(rows: list[Label], case: Case) -> None:
    equal("number of rows of a dead unit", len(rows), 1)
    row, n = rows[0], case.concepts.n_samples
    found = (row.status, row.formula, row.length, row.auc, row.u, row.z, row.p_value, row.p_search)
    equal("dead unit", found, ("dead", "", 0, 0.5, 0.0, 0.0, 1.0, 1.0))
    equal("place of a dead unit", (row.rank, row.direction), (1, case.rules.direction))
    equal("counts of a dead unit", (row.n_samples, row.n_scored), (n, 0))


def _check_unit(
    rows: list[Label],
    unit: Unit,
    results: dict[str, Result],
    case: Case,
    ids: Sequence[str],
    labels: Labels,
) -> None:
    counts = [len(results) * n_formulas(len(ids), each + 1) for each in range(case.rules.length)]
    expected = []
    for direction, result in results.items():
        of_search = [row for row in rows if row.direction == direction]
        chosen = _headline(result, of_search, counts)
        beyond = [] if chosen in result.reported else [chosen]
        expected += [
            (direction, rank, found is chosen or found == chosen, found)
            for rank, found in enumerate(result.reported + beyond, 1)
        ]
    order = [(row.direction, row.rank, bool(row.headline)) for row in rows]
    equal("directions, ranks and headlines", order, [each[:3] for each in expected])
    for row, (*_, found) in zip(rows, expected, strict=True):
        _check_numbers(row, unit, found, ids)
        _check_correction(row, unit, found, counts)
        extent = set(np.flatnonzero(labels.extent(row)).tolist())
        equal("extent", extent, set(members(found.marked.extent)))
        result = results[row.direction]
        if result.n_scored is None:
            equal("gap", row.gap, 0.0)
        else:
            equal("n_scored and gap", (row.n_scored, row.gap), (result.n_scored, None))
        of_length = result.by_length if row.rank == 1 else []
        equal("lengths", [each.length for each in row.by_length],
               [len(each.formula.literals) for each in of_length])  # fmt: skip
        for explained, best in zip(row.by_length, of_length, strict=True):
            _check_numbers(explained, unit, best, ids)


def _headline(result: Result, rows: Sequence[Label], counts: Sequence[int]) -> Found:
    """The best formula of a length that stands out most, given the p-values that the rows have."""
    if len(rows[0].by_length) != len(result.by_length):
        raise Differs(f"{len(rows[0].by_length)} lengths instead of {len(result.by_length)}")
    chosen, least = result.by_length[0], math.inf
    for explained, found in zip(rows[0].by_length, result.by_length, strict=True):
        p = Fraction(10.0**explained.log10_p)
        corrected = definitions.log10_sidak(p, counts[explained.length - 1])
        if corrected < least - 1e-9:
            chosen, least = found, corrected
    return chosen


def _check_numbers(row: Explanation, unit: Unit, found: Found, ids: Sequence[str]) -> None:
    """Check the columns that rows and `by_length` share."""
    extent, domain = found.marked.extent, found.marked.domain
    ranked = unit.ranked(domain)
    test = definitions.test_of(ranked, extent)
    n1, n = extent.bit_count(), domain.bit_count()
    equal("formula", row.formula, found.formula.text(ids))
    equal("label", row.label, row.formula)
    equal("length", row.length, len(found.formula.literals))
    equal("2U", row.u * 2, ranked.doubled_u(extent))
    equal("auc", row.auc, found.auc)
    equal("counts", (row.n_positive, row.n_samples), (n1, n))
    equal("concept_fraction", row.concept_fraction, n1 / n)
    close("z", row.z, test.z)
    close("p_value", row.p_value, 10.0**row.log10_p)
    near("log10_p", row.log10_p, test.log10_p, _APPROXIMATE)


def _check_correction(row: Label, unit: Unit, found: Found, counts: Sequence[int]) -> None:
    """Check what a row says about its p-value, given the numbers of formulas up to each length."""
    extent = found.marked.extent
    ranked = unit.ranked(found.marked.domain)
    test = definitions.test_of(ranked, extent)
    equal("correction", row.correction, "space")
    equal("status", row.status, "constant" if ranked.d == 0 else "ok")
    equal("method of a constant unit", row.method == "none", ranked.d == 0)
    few = 1 in (row.n_positive, ranked.n - row.n_positive)
    if ranked.d != 0 and (len(ranked.levels) == 2 or few):
        equal("method of what is easily counted", row.method, "exact")
    error = _APPROXIMATE if row.method in ("saddlepoint", "split") else _EXACT
    near("log10_p by its method", row.log10_p, test.log10_p, error)

    def corrected(p: Fraction) -> float:
        if not row.headline:
            return definitions.log10_sidak(p, counts[-1])
        # Of each length one formula could be the headline.
        of_length = definitions.log10_sidak(p, counts[row.length - 1])
        return min(0.0, of_length + math.log10(len(counts)))

    near("log10_p_search", row.log10_p_search, corrected(test.p), error)
    # No error of p hides a wrong correction.
    own = corrected(Fraction(10.0**row.log10_p))
    near("log10_p_search, given log10_p", row.log10_p_search, own, 1e-9)
    close("p_search", row.p_search, 10.0**row.log10_p_search)
