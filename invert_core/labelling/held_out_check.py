"""A test of every label of a run on samples that its search did not see."""

import itertools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np

from invert_core.activations.reading import open_activations
from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.concepts.sets.packing import full_sets
from invert_core.errors import DataError, FileFormatError
from invert_core.files.input_file import input_path
from invert_core.formula.formula import Formula
from invert_core.labelling.check_groups import GroupsSaid, groups_of_check
from invert_core.labelling.held_out_rows import Test, held_out_test, with_held_out
from invert_core.labelling.holding_out import Wanted, same_units, warn_of_extraction
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import Progress
from invert_core.labelling.recorded_inputs import arguments_of, identities, quantile_of
from invert_core.labelling.workload import Workload
from invert_core.parallel import n_threads
from invert_core.results.columns import Label
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels
from invert_core.results.run_directory import file_identity, read_run
from invert_core.settings import OF_HIGHEST, SIGNIFICANT
from invert_core.wording import counted, first_few

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class HeldOutCounts:
    """How the labels by one objective do on held-out samples.

    A label is a headline; a unit has one for each direction, and a dead unit none.

    Attributes
    ----------
    n_labels : int
        Number of labels.
    n_tested : int
        How many of them are true on some held-out samples and false on others.
    n_significant : int or None
        How many of these have a `p_held_out` below 0.05. Of labels without any meaning, about 5 %
        do, and fewer if they hold in few groups. None if there is no such p-value: the samples are
        in groups, and these are not known, or they are and the objective is "phi", "iou" or "f1".
    n_wrong_side : int or None
        How many have an AUC on the other side of 0.5 than the search found or, by "phi", a
        `score_held_out` below 0. None by "iou" and "f1", which have no such side.
    median_optimism : float or None
        Median of `optimism` over the labels that were tested; None if there are none.
    """

    n_labels: int
    n_tested: int
    n_significant: int | None
    n_wrong_side: int | None
    median_optimism: float | None

    @classmethod
    def of(cls, objective: str, rows: Sequence[Label], *, has_p: bool) -> Self:
        """Count labels by an objective, given whether they can have a p-value."""
        tested = [row for row in rows if row.auc_held_out is not None]
        optimism = [row.optimism for row in tested if row.optimism is not None]
        has_sides = objective == "phi" or objective not in OF_HIGHEST
        return cls(
            n_labels=len(rows),
            n_tested=len(tested),
            n_significant=sum(map(_is_significant, tested)) if has_p else None,
            n_wrong_side=sum(map(_is_on_wrong_side, tested)) if has_sides else None,
            median_optimism=float(np.median(optimism)) if optimism else None,
        )


@dataclass(frozen=True)
class HeldOutCheck:
    """What `check_held_out` found.

    Attributes
    ----------
    labels : Labels
        All rows of the run, with the columns of held-out samples.
    counts : dict of str to HeldOutCounts
        How the labels by each objective do.
    """

    labels: Labels = field(repr=False)
    counts: dict[str, HeldOutCounts]

    @classmethod
    def of(cls, labels: Labels, *, independent: bool, in_groups: bool) -> Self:
        """Count the labels, given whether samples, or else known groups, are independent."""
        rows: dict[str, list[Label]] = {}
        for row in itertools.chain.from_iterable(labels.answers()):
            rows.setdefault(row.objective, []).append(row)
        counts = {}
        for name, of_objective in rows.items():
            has_p = name not in OF_HIGHEST if in_groups else independent
            counts[name] = HeldOutCounts.of(name, of_objective, has_p=has_p)
        return cls(labels, counts or {"auc": HeldOutCounts.of("auc", (), has_p=independent)})


def check_held_out(
    run: str | PathLike[str],
    activations: str | PathLike[str],
    concepts: str | PathLike[str],
    *,
    names: str | PathLike[str] | None = None,
    join: str | None = None,
    match: str | None = None,
    missing: str | None = None,
    groups: str | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> HeldOutCheck:
    """Test all formulas of a run on other samples, in one pass over the units.

    Parameters
    ----------
    run : path
        The run directory.
    activations : path
        Activations of the same units on samples that the search did not see.
    concepts : path
        The labels of these samples, with the same concept ids.
    names : path, optional
        Table of the concepts' names; see `read_concepts`.
    join, match, missing : str, optional
        As for `label`; None means as for the run.
    groups : str, optional
        Groups of the held-out samples, as for `label`. Searched samples whose groups it names, too,
        must be of others. None means those of the run; its table of groups says only that there are
        some.
    jobs, progress
        As for `label`.

    Returns
    -------
    HeldOutCheck

    Raises
    ------
    DataError
        The activations are those that the search saw, or have samples of groups that it saw; units
        do not match, or no formula has all its concepts here.
    UnknownNameError
        The activations lack a layer of the run.
    InvertError
        As for `read_run` and `label`.
    """
    path, read = input_path(activations), read_run(run)
    searched = _searched(run, read.info, path)
    arguments = arguments_of(run, read.info)
    said = GroupsSaid.by(groups, arguments.get("groups"))
    inputs = Inputs(
        path,
        input_path(concepts),
        names=None if names is None else input_path(names),
        groups=said.of_inputs,
        **_joining(arguments, join=join, match=match, missing=missing),
    )
    with inputs.open() as work:
        tables = read.labels.tables
        names_of_layers = {name for table in tables for name in table.values("layer")}
        _warn_of_searched(searched, path, work, sorted(names_of_layers))
        known = groups_of_check(said, searched, path, work, inputs.match)
        held = _as_searched(replace(work, groups=known), tables)
        independent = said.where is None
        test = held_out_test(held, n_threads(jobs), independent=independent)
        tested = _tested(tables, test, quantile_of(run, read.info), held.n_units, progress)
        labels = Labels.of_tables(tested, aliases=read.labels.aliases)
    return HeldOutCheck.of(labels, independent=independent, in_groups=known is not None)


def _joining(arguments: Mapping[str, Any], **told: str | None) -> dict[str, Any]:
    """Return how samples are joined: as told, or else as for the run."""
    defaults = {"join": "strict", "match": "exact", "missing": "error"}
    return {name: told[name] or arguments.get(name, default) for name, default in defaults.items()}


def _as_searched(work: Workload, tables: Sequence[LabelTable]) -> Workload:
    """Return the workload with the units and the concepts of a run."""
    layers = {layer.name: layer for layer, _ in work.layers}
    units = same_units(layers, _wanted(tables))
    return replace(work, concepts=_with_unknown(work.concepts, tables), layers=units)


def _searched(run: str | PathLike[str], info: Mapping[str, Any], held_path: Path) -> Path:
    """Return where the activations of a run were, which must not be the held-out ones."""
    searched = identities(run, info)["activations"]
    if file_identity(held_path)["sha256"] == searched["sha256"]:
        raise DataError(
            f"{str(held_path)!r} holds the activations that the search of the run saw.",
            "Give activations of other samples, or label again with --holdout 0.3.",
        )
    return input_path(run) / searched["path"]


def _tested(
    tables: Iterable[LabelTable],
    opened: AbstractContextManager[Test],
    quantile: float,
    n_units: int,
    progress: Progress | None,
) -> Iterator[LabelTable]:
    n_done = 0
    with opened as test:
        for table in tables:
            yield with_held_out(table, test, quantile)
            n_done += len(table.units())
            if progress is not None:
                progress(n_done, n_units)


def _is_significant(row: Label) -> bool:
    return row.p_held_out is not None and row.p_held_out < SIGNIFICANT


def _is_on_wrong_side(row: Label) -> bool:
    if row.objective == "phi":
        return row.score_held_out is not None and row.score_held_out < 0.0
    assert row.auc_held_out is not None
    return (row.auc - 0.5) * (row.auc_held_out - 0.5) < 0.0


def _wanted(tables: Iterable[LabelTable]) -> list[Wanted]:
    """Return the units of a run, layer by layer."""
    units: dict[str, dict[int, str]] = {}
    for table in tables:
        of_rows = (table.values(name) for name in ("layer", "unit", "unit_name"))
        for layer, unit, name in zip(*of_rows, strict=True):
            of_layer = units.setdefault(layer, {})
            is_in_order = layer == next(reversed(units)) and unit >= next(reversed(of_layer), 0)
            if not is_in_order:
                raise FileFormatError(
                    f"The rows of the run are not in order at unit {layer}:{unit}.",
                    "Copy the run again from where it is whole, or label again.",
                )
            of_layer[unit] = name
    return [
        Wanted(layer, list(names), None, list(names.values())) for layer, names in units.items()
    ]


def _with_unknown(concepts: ConceptSet, tables: Iterable[LabelTable]) -> ConceptSet:
    """Add concepts of the run that the held-out samples lack; they are defined nowhere."""
    formulas = Counter(filter(None, (text for of in tables for text in of.values("formula"))))
    known = {*concepts.id, *(alias.id for alias in concepts.aliases)}
    lacking: dict[str, None] = {}
    n_lacking = 0
    for text, n_rows in formulas.items():
        unknown = [id for id in Formula.parse(text).ids if id not in known]
        lacking |= dict.fromkeys(unknown)
        n_lacking += n_rows if unknown else 0
    if not lacking:
        return concepts
    ids, n_rows = tuple(lacking), formulas.total()
    what = f"{counted(len(ids), 'concept')} of the run ({first_few(ids)})"
    if n_lacking == n_rows:
        raise DataError(
            f"The held-out samples have no labels of {what}, so no formula can be tested.",
            "Give labels of the same concepts, with the same ids; "
            "'invert concepts show CONCEPTS' lists ids.",
        )
    _log.warning(
        "The held-out samples have no labels of %s, so %s of %s rows are not tested.",
        what,
        f"{n_lacking:,}",
        f"{n_rows:,}",
    )
    none = np.zeros((len(ids), concepts.bits.shape[1]), np.uint64)
    defined = concepts.defined
    if defined is None:
        defined = full_sets(len(concepts.id), concepts.n_samples)
    return replace(
        concepts,
        id=(*concepts.id, *ids),
        name=(*concepts.name, *ids),
        definition=(*concepts.definition, *("" for _ in ids)),
        bits=np.concatenate([concepts.bits, none]),
        defined=np.concatenate([defined, none]),
    )


def _warn_of_searched(path: Path, held_path: Path, work: Workload, layers: Iterable[str]) -> None:
    """Warn of what the searched activations at `path` tell of the held-out ones.

    These may have samples of the same ids, or may have been extracted in another way.
    """
    ids = work.concepts.sample_id
    if ids is None or not path.is_file():
        _log.warning(
            "Nothing shows that the search did not see these samples%s.",
            "" if ids is None else f", as {str(path)!r} is no longer there",
        )
        return
    with open_activations(path) as searched, open_activations(held_path) as held:
        warn_of_extraction(searched, held, layers)
        common = set(ids) & set(searched.sample_id or ())
    if common:
        _log.warning(
            "%s of %s held-out samples have the ids of samples that the run was made from (%s); "
            "if they are the same samples, this is no test.",
            f"{len(common):,}",
            f"{len(ids):,}",
            first_few(sorted(common)),
        )
