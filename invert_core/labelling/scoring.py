"""Scoring: testing one given formula on many units."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import Missing, resolve_missing
from invert_core.errors import DataError
from invert_core.formula.formula import Formula
from invert_core.formula.syntax import check_syntax
from invert_core.kernels.atoms import merged
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.jobs import ATOMS, RANKS, TAILS, jobs_of_types
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.sums import sum_of_set
from invert_core.kernels.ties import Ties
from invert_core.kernels.warm_up import compile_jobs
from invert_core.labelling.choosing import UnitChoice
from invert_core.labelling.inputs import ActivationSource, ConceptSource, Inputs
from invert_core.labelling.label import Progress
from invert_core.labelling.row_columns import (
    Columns,
    absent_columns,
    chosen,
    metric_columns,
    unit_columns,
    values_of,
)
from invert_core.labelling.tested_formulas import Tested, tested_formulas
from invert_core.labelling.workload import Workload, concepts_of
from invert_core.metrics.table import METRICS, measured
from invert_core.results.label_table import EXPLAINED, OF_ROWS, LabelTable
from invert_core.results.labels import Labels
from invert_core.statistics.conditional import log10_p_given_ties
from invert_core.statistics.tails import RankSpread


def score(
    activations: ActivationSource,
    concepts: ConceptSource,
    formula: Formula | str,
    *,
    layers: Sequence[str] | None = None,
    units: UnitChoice | None = None,
    names: Path | None = None,
    join: str = "strict",
    match: str = "exact",
    missing: str = "error",
    progress: Progress | None = None,
    block: int | None = None,
) -> Labels:
    """Test one formula on every unit.

    Choose the formula before you see the activations. Nothing is searched, so `p_search` equals
    `p_value`, `n_scored` is 1 and `direction` is "given".

    Parameters
    ----------
    activations, concepts, layers, units, names, join, match, progress, block
        As for `label`.
    formula : Formula or str
        The formula in concept ids or names, such as ``box & ~(mailbox | letter box)``. The `label`
        of a row can be given, too; see `Formula.parse`.
    missing : {"error", "negative", "exclude"}
        As for `label`, but only the labels of the formula's concepts matter.

    Returns
    -------
    Labels
        One row per unit.

    Raises
    ------
    FormulaError
        The formula cannot be parsed.
    UnknownNameError
        The formula names a concept that does not exist, or has a name that several concepts have.
    DataError
        The formula is defined on fewer than two samples, or is true on all or none of the samples
        on which it is defined.
    InvertError
        As for `label`.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import score
    >>> concepts = {"a": np.array([1, 1, 0, 0]), "b": np.array([1, 0, 0, 0])}
    >>> score(np.array([[4.0], [9.0], [1.0], [5.0]]), concepts, "a & ~b").rows[0].auc
    1.0
    """
    inputs = Inputs(activations, concepts, layers, units, names, join, missing, match)
    scored = score_units(inputs, formula, progress=progress, block=block)
    n_units = scored.tested.is_constant.size
    once = np.ones(n_units, np.int64)
    columns = absent_columns(n_units)
    columns |= {
        "rank": once,
        "headline": once,
        "direction": chosen(("given",), 0 * once),
        "n_scored": once,
        "verdict": chosen(("none",), 0 * once),
        "objective": chosen(("auc",), 0 * once),
    }
    columns |= scored.columns | _uncorrected(scored.tested) | scored.metrics
    table = LabelTable(
        {name: columns[name] for name in EXPLAINED},
        {name: columns[name] for name in OF_ROWS},
        formula=np.arange(n_units),
        by_length=np.zeros(0, np.int64),
        ends=0 * once,
    )
    return Labels.of_tables([table], scored.concepts, scored.aliases)


def _uncorrected(tested: Tested) -> Columns:
    """Return the columns that say what the p-values are worth where nothing was searched."""
    return {
        "p_search": tested.columns["p_value"],
        "log10_p_search": tested.columns["log10_p"],
        "correction": chosen(("none",), 0 * tested.rung),
        "method": tested.methods(),
        "status": chosen(("ok", "dead"), tested.is_constant),
    }


@dataclass(frozen=True)
class Scored:
    """The tests of one formula on K units, in the order of the units.

    `columns` holds the columns of the unit, the formula and `tested`, and `metrics` those of the
    metrics. `concepts` are joined to the activations, and `aliases` are those of the layers.
    """

    columns: Columns
    metrics: Columns
    tested: Tested
    concepts: ConceptSet
    aliases: dict[str, str]


def score_units(
    inputs: Inputs,
    formula: Formula | str,
    *,
    progress: Progress | None = None,
    block: int | None = None,
) -> Scored:
    """Test one formula on every unit; the parameters are those of `score`."""
    if isinstance(formula, str):
        check_syntax(formula)  # at once, because opening the inputs may take long
    elif not isinstance(formula, Formula):
        raise TypeError(f"a formula is a str or a Formula, not {type(formula).__name__}")
    # Kinds are told apart while the concepts are read; other labels only count in the formula.
    while_reading = inputs.missing if Missing.parse(inputs.missing).given else "exclude"
    with replace(inputs, missing=while_reading, takes_groups=False).open() as opened:
        concepts = opened.concepts
        parsed = Formula.parse(formula, concepts) if isinstance(formula, str) else formula
        decided = _decided(opened, parsed, inputs.missing)
        work = decided.where_defined(parsed)
        n_samples = work.concepts.n_samples
        extent = parsed.evaluate(work.concepts)
        n_positive = int(extent.sum())
        if n_positive in (0, n_samples):
            where = "nowhere" if n_positive == 0 else "everywhere"
            if decided.concepts.defined is not None:
                where += f" on the {n_samples:,} samples on which it is defined"
            raise DataError(
                f"The formula {str(parsed)!r} is true {where}, so there is nothing to compare.",
                "Give another formula.",
            )
        tested, metrics = _tested(work, extent, progress, block)
        columns = unit_columns(list(work.addresses()), work.unit_names) | tested.columns
        same = np.zeros(work.n_units, np.int64)
        columns["formula"] = chosen((str(parsed),), same)
        columns["label"] = chosen((parsed.describe(decided.concepts),), same)
        columns["length"] = same + parsed.length
    return Scored(columns, metrics, tested, decided.concepts, work.aliases)


def _tested(
    work: Workload, extent: np.ndarray, progress: Progress | None, block: int | None
) -> tuple[Tested, Columns]:
    """Test an extent, bool [N], on every unit, and compute the metrics."""
    n_samples = work.concepts.n_samples
    n_positive = int(extent.sum())
    compile_jobs(RANKS, ATOMS, TAILS, *jobs_of_types(work.dtypes))
    atoms, of_atoms = merged(pack_columns(extent[:, None]), n_samples)
    rank_sum: list[int] = []
    tie_sums: list[int] = []
    ties: list[Ties] = []
    metrics: list[dict[str, float | None]] = []
    with closing(work.blocks(block)) as blocks:
        for of_block in blocks:
            ranked = rank_sums(of_block, atoms)
            rank_sum += [int(sum_of_set(of_atoms[0], row)) for row in ranked.sums]
            tie_sums += ranked.tie_sums
            ties.append(ranked.ties)
            if METRICS:
                numbers = range(len(of_block))
                metrics += [measured(values_of(of_block, number), extent) for number in numbers]
            if progress is not None:
                progress(len(rank_sum), work.n_units)
    spread = RankSpread.of_units(n_samples, tie_sums)
    sizes, sums = np.full(len(rank_sum), n_positive), np.array(rank_sum)
    units = np.arange(len(rank_sum))
    log10_p, rung = log10_p_given_ties(sizes, sums, units, Ties.join(ties))
    doubled_u = sums - sizes * (sizes + 1)
    tested = tested_formulas(sizes, doubled_u, spread, log10_p, rung, np.nan)
    return tested, metric_columns(metrics)


def _decided(work: Workload, formula: Formula, missing: str) -> Workload:
    """Refuse, fill or keep missing marks; only the formula's own concepts can be refused."""
    concepts = work.concepts
    if missing == "error" and concepts.defined is not None:
        resolve_missing(concepts_of(formula, concepts), missing)
        return work
    return replace(work, concepts=resolve_missing(concepts, missing))
