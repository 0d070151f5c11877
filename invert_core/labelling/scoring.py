"""Testing one formula on many units."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.missing import resolve_missing
from invert_core.errors import DataError
from invert_core.formula.formula import Formula
from invert_core.kernels.atoms import merged
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.ranks import rank_sums
from invert_core.kernels.sums import sum_of_set
from invert_core.labelling.label import Progress
from invert_core.labelling.label_rows import tested_formulas
from invert_core.labelling.workload import ActivationSource, ConceptSource, Workload, open_workload
from invert_core.results.labels import Label, Labels
from invert_core.statistics.tails import RankSpread
from invert_core.wording import counted


def score(
    activations: ActivationSource,
    concepts: ConceptSource,
    formula: Formula | str,
    *,
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    names: Path | None = None,
    join: str = "strict",
    missing: str = "error",
    progress: Progress | None = None,
    block: int | None = None,
) -> Labels:
    """Test one formula, fixed beforehand, on every unit.

    Nothing is searched, so `p_search` equals `p_value`, `n_scored` is 1 and `direction` is
    "given".

    Parameters
    ----------
    activations, concepts, layers, units, names, join, progress, block
        As for `label`.
    formula : Formula or str
        In concept ids, such as ``box & ~(mailbox | "letter box")``.
    missing : {"error", "negative", "exclude"}
        As for `label`; only labels of the formula's concepts matter.

    Returns
    -------
    Labels
        One row per unit.

    Raises
    ------
    FormulaError
        The formula cannot be parsed.
    UnknownNameError
        It names a concept that does not exist.
    DataError
        It is true everywhere or nowhere that it is defined, or defined on fewer than two samples;
        and all that `label` raises.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import score
    >>> concepts = {"a": np.array([1, 1, 0, 0]), "b": np.array([1, 0, 0, 0])}
    >>> score(np.array([[4.0], [9.0], [1.0], [5.0]]), concepts, "a & ~b").rows[0].auc
    1.0
    """
    parsed = Formula.parse(formula) if isinstance(formula, str) else formula
    with open_workload(
        activations,
        concepts,
        names=names,
        layers=layers,
        units=units,
        join=join,
        missing="exclude",
    ) as opened:
        decided = _decided(opened, parsed, missing)
        concept_set = decided.concepts
        work = _where_defined(decided, parsed)
        n_samples = work.concepts.n_samples
        extent = parsed.evaluate(work.concepts)
        n_positive = int(extent.sum())
        if n_positive in (0, n_samples):
            where = "nowhere" if n_positive == 0 else "everywhere"
            if concept_set.defined is not None:
                where += f" on the {n_samples:,} samples on which it is defined"
            raise DataError(
                f"The formula {str(parsed)!r} is true {where}, so there is nothing to compare.",
                "Give another formula.",
            )
        atoms, merged_extent = merged(pack_columns(extent[:, None]), n_samples)
        inside = merged_extent[0]
        text: dict[str, Any] = {
            "formula": str(parsed),
            "label": parsed.describe(concept_set),
            "length": parsed.length,
        }
        labels: list[Label] = []
        addresses = work.addresses()
        unit_names = work.unit_names
        with closing(work.blocks(block)) as blocks:
            for of_block in blocks:
                sums, ties, cubes = rank_sums(of_block, atoms)
                size = n_positive * (n_positive + 1)
                tested = tested_formulas(
                    [n_positive] * len(sums),
                    [int(sum_of_set(inside, row)) - size for row in sums],
                    RankSpread.of_units(n_samples, ties, cubes),
                    n_tests=1,
                    constant="dead",
                )
                for explained, corrected in zip(tested.explained, tested.corrected, strict=True):
                    layer, unit = next(addresses)
                    names_of_layer = unit_names.get(layer)
                    labels.append(
                        Label(
                            layer=layer,
                            unit=unit,
                            rank=1,
                            direction="given",
                            n_scored=1,
                            unit_name=names_of_layer[unit] if names_of_layer else "",
                            **text,
                            **explained,
                            **corrected,
                        )
                    )
                if progress is not None:
                    progress(len(labels), work.n_units)
    return Labels(tuple(labels), concept_set)


def _decided(work: Workload, formula: Formula, missing: str) -> Workload:
    """Missing labels refused, filled or kept; those of other concepts are no reason to refuse."""
    concepts = work.concepts
    if missing == "error" and concepts.defined is not None:
        resolve_missing(concepts.select(_rows(concepts, formula)), missing)
        return work
    return replace(work, concepts=resolve_missing(concepts, missing))


def _rows(concepts: ConceptSet, formula: Formula) -> list[int]:
    return sorted({concepts.index(id) for id in formula.ids})


def _where_defined(work: Workload, formula: Formula) -> Workload:
    """The samples on which a formula is defined, and its concepts alone if these are not all."""
    if work.concepts.defined is None:
        return work
    kept = np.flatnonzero(formula.defined_on(work.concepts))
    if kept.size < 2:
        raise DataError(
            f"The formula {str(formula)!r} is defined on {counted(kept.size, 'sample')}, so there "
            "is nothing to compare.",
            "Give another formula.",
        )
    chosen = work.concepts.select(_rows(work.concepts, formula))
    return replace(work, concepts=chosen).take(kept)
