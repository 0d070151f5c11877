"""Labelling: finding, for every unit, the formulas that its activation separates best."""

import itertools
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path

from invert_core.executors.threads import Threads
from invert_core.labelling.batches import batches
from invert_core.labelling.choosing import UnitChoice
from invert_core.labelling.evidence_recorder import EvidenceRecorder, samples_compared
from invert_core.labelling.grouping import GroupSource
from invert_core.labelling.held_out_rows import NO_CUTS, Test, held_out_test
from invert_core.labelling.inputs import ActivationSource, ConceptSource, Inputs
from invert_core.labelling.label_rows import LabelRows
from invert_core.labelling.objective_rows import RowsOfObjectives
from invert_core.labelling.q_values import with_q_values
from invert_core.labelling.searches import (
    corrections_of,
    searches_of,
    size_of_space,
    with_objective,
)
from invert_core.labelling.workload import Workload
from invert_core.metrics.concept_auc import ConceptAUC
from invert_core.metrics.evidence import Evidence, EvidenceMaker, places_of_cuts
from invert_core.nulls.shared import SharedNulls
from invert_core.results.columns import Label
from invert_core.results.label_table import LabelTable
from invert_core.results.labels import Labels
from invert_core.search.search import Units
from invert_core.search.several import Found, Several
from invert_core.settings import OF_VALUES, Settings
from invert_core.values import or_default

Progress = Callable[[float, int], None]


def label(
    activations: ActivationSource,
    concepts: ConceptSource,
    *,
    layers: Sequence[str] | None = None,
    units: UnitChoice | None = None,
    settings: Settings | None = None,
    names: Path | None = None,
    join: str = "strict",
    match: str = "exact",
    missing: str = "error",
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    groups: GroupSource | None = None,
    holdout: float = 0.0,
    held_out: ActivationSource | None = None,
    jobs: int | None = None,
    progress: Progress | None = None,
    block: int | None = None,
) -> Labels:
    """Find for every unit the formulas of concepts that say what it detects.

    The label is what its whole activation separates. This is INVERT: a beam search over formulas,
    scored by AUC (Bykov et al., NeurIPS 2023), or an exhaustive search over the short formulas. The
    peak is what its strongest responses share, found by the same beam search scored by phi; see
    `Settings.objective`, and `Labels.answers` for both of each unit.

    Parameters
    ----------
    activations : float array or scipy.sparse matrix [n_samples, n_units], path, or Activations
        The activations of the units. An array becomes the layer "activations"; it may be a tensor,
        also of bfloat16 or with gradients. A path names an activation file, a .npy or a .npz.
    concepts : mapping of id to bool array [n_samples], path, or ConceptSet
        The labels of the samples. A path names a .csv, a .npz or a concept file. In an array of
        numbers, -1, NaN and masked labels are missing.
    layers : sequence of str, optional
        Layers to label, by name, alias or pattern such as "layer4.*"; None labels all layers.
    units : sequence of int and str, or str, optional
        Units to label in every layer, by number, counted from 0, or by name. A single str is a
        list such as "0-63,70,person". None labels all units.
    settings : invert_core.Settings, optional
        Settings of the search: length, beam, fractions, direction and so on.
    names : Path, optional
        Table of the concepts' names if `concepts` is a path; see `read_concepts`.
    join : {"strict", "inner"}
        Whether both sides must have the same sample ids ("strict"), or only the common samples
        are used ("inner"). The index of a pandas object holds sample ids; if it is 0, 1, 2, …, it
        does so only if the other side has another index. If one side has no ids, samples are
        matched by position.
    match : {"exact", "name", "stem"}
        What of two sample ids must be equal: all of it; what follows its last slash or backslash,
        whatever its Unicode form, blanks around it and the case of its suffix; or the same
        without the suffix. Ids of one side that are equal in this part are refused.
    missing : {"error", "negative", "exclude"}, or kinds as for `build_concepts`
        What to do with missing labels on the samples that are compared. "error" refuses them.
        "negative" treats the concept as absent. "exclude" compares each formula on the samples on
        which all its concepts are defined; see `Settings.min_defined`.
    include, exclude : sequence of str, optional
        Concepts to use and to leave out, by id, name or pattern such as "rms.*"; upper and lower
        case differ. None uses all and leaves out none. Those left out do not count as searched.
    groups : str or sequence of str, optional
        Which samples belong together, such as the frames of a clip: a group for each sample, in the
        order of the activations, "TABLE:COLUMN", "id:REGEX", "stored" for those of the activation
        file, or "none". Whole groups are permuted and held out.
    holdout : float
        Share of the samples that the search does not see; what it finds is tested on them, see
        the columns of `Label` that end in ``held_out``. `Settings.seed` decides which. The result
        has the concepts on all samples.
    held_out : array, path, or Activations, optional
        Activations of the same units on other samples, to hold out in place of a share. Their
        samples are joined to the same concepts, by id.
    jobs : int, optional
        Number of threads; None takes all cores. Results depend neither on it nor on `block`.
    progress : callable, optional
        Called with the number of units done and the number of all units. The first number has a
        fraction while a unit that takes long is in progress.
    block : int, optional
        Number of units to read at once; memory grows with it. None chooses what suits the file.

    Returns
    -------
    Labels

    Raises
    ------
    InvertError
        A layer is unknown, samples do not match, an activation is NaN, and so on; see
        `invert_core.errors`.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import label
    >>> rng = np.random.default_rng(0)
    >>> animal, wild = rng.random((2, 500)) < 0.3
    >>> activations = rng.normal(size=(500, 2)) + 9 * np.stack([animal & ~wild, wild], axis=1)
    >>> for row, peak in label(activations, {"animal": animal, "wild": wild}).answers():
    ...     print(row.unit, row.label, row.auc, peak.label)
    1 wild 1.0 wild
    0 animal & ~wild 1.0 animal & ~wild
    """
    settings = or_default(settings, Settings)
    inputs = Inputs(
        *(activations, concepts, layers, units, names, join, missing, match, include, exclude),
        *(groups, holdout, held_out),
    )
    with inputs.open(settings.seed) as work:
        settings = with_objective(settings, work)
        tables = label_workload(work, settings, jobs=jobs, progress=progress, block=block)
        labelled = with_q_values(tables, settings)
        return Labels.of_tables(labelled, work.all_concepts, work.aliases)


def label_units(
    activations: ActivationSource,
    concepts: ConceptSource,
    *,
    layers: Sequence[str] | None = None,
    units: UnitChoice | None = None,
    settings: Settings | None = None,
    names: Path | None = None,
    join: str = "strict",
    match: str = "exact",
    missing: str = "error",
    include: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    groups: GroupSource | None = None,
    holdout: float = 0.0,
    held_out: ActivationSource | None = None,
    jobs: int | None = None,
    block: int | None = None,
) -> Generator[list[Label]]:
    """Label like `label`, but yield the rows of each unit while later units are labelled.

    Parameters
    ----------
    activations, concepts, layers, units, settings, names, join, match, missing, jobs, block
        As for `label`, and so are `include`, `exclude`, `groups`, `holdout` and `held_out`.

    Returns
    -------
    generator of lists of Label
        One list per unit. `q_value` is None, because it needs all units of a layer. A caller that
        stops early must close the generator, for example with `contextlib.closing`.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import label_units
    >>> animal = np.arange(100) < 30
    >>> for rows in label_units(animal[:, None] + 0.0, {"animal": animal}):
    ...     print(rows[0].address, rows[0].label)
    activations:0 animal
    """
    settings = or_default(settings, Settings)
    inputs = Inputs(
        *(activations, concepts, layers, units, names, join, missing, match, include, exclude),
        *(groups, holdout, held_out),
    )
    with ExitStack() as stack:
        work = stack.enter_context(inputs.open(settings.seed))
        settings = with_objective(settings, work)
        labelling = label_workload(work, settings, jobs=jobs, block=block)
        for table in stack.enter_context(closing(labelling)):
            for _, rows in itertools.groupby(table, lambda row: (row.layer, row.unit)):
                yield list(rows)


def label_workload(
    work: Workload,
    settings: Settings,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    block: int | None = None,
    n_done: int = 0,
    nulls: Sequence[SharedNulls] | None = None,
    keeps_evidence: bool = False,
) -> Generator[LabelTable]:
    """Label all units and yield their rows, in tables of whole units, as soon as they are known.

    Parameters
    ----------
    work : Workload
        What `Inputs.open` yields; its context must stay open.
    settings, jobs, progress, block
        As for `label`, but the settings say what to search for, see `with_objective`.
    n_done : int
        Number of units at the beginning to skip.
    nulls : sequence of SharedNulls, optional
        Null distributions of the search by each objective, perhaps on other samples with the same
        marks; None makes new ones.
    keeps_evidence : bool
        Whether tables have the evidence for their rows, as a run keeps it.

    Returns
    -------
    generator of LabelTable
        A caller that stops early must close it.
    """
    threads = Threads(jobs)
    searches = searches_of(work, settings, threads.n_threads)
    nulls = nulls or [SharedNulls(one, work.concepts, threads.n_threads) for one in searches]
    corrects = corrections_of(searches, nulls, work)
    keeps_evidence &= settings.evidence
    of_concepts = ConceptAUC(work.concepts, settings, work.n_units) if keeps_evidence else None
    search = Several([one.search for one in corrects], of_concepts)
    recorder = EvidenceRecorder(work, settings) if keeps_evidence else None
    rows = RowsOfObjectives(
        [LabelRows(work, one.search.settings, one, recorder) for one in corrects], recorder
    )
    make = _evidence_maker(work, settings, keeps_evidence=keeps_evidence)
    n_units = work.n_units
    left = work.after(n_done)
    finite = not set(OF_VALUES).isdisjoint(settings.objectives)
    if progress is not None:
        progress(n_done, n_units)

    def tick(begun: float) -> None:
        if progress is not None and begun > 0:
            progress(n_done + begun, n_units)

    def note(n_searched: int) -> None:
        nonlocal n_done
        n_done += n_searched
        if progress is not None:
            progress(n_done, n_units)

    with (
        closing(left.blocks(block, finite=finite)) as blocks,
        closing(threads.pieces(search, blocks, tick if progress else None, make)) as pieces,
        _test_of(left, threads.n_threads, block, keeps_hits=keeps_evidence) as test,
    ):
        addresses = left.addresses()
        for batch in batches(pieces, search.places, note):
            of_batch = list(itertools.islice(addresses, len(batch)))
            table = rows.table(batch.found, of_batch, batch.units, test, batch.evidence)
            del batch  # its units hold on to a whole block, and the next batch may take long
            yield table


def _evidence_maker(
    work: Workload, settings: Settings, *, keeps_evidence: bool
) -> Callable[[Units, Found], Evidence] | None:
    """Return what makes the evidence of units in the threads that search them, if any is wanted."""
    if not settings.evidence:
        return None
    is_tested = work.held_out is not None
    compared = samples_compared(work, settings) if keeps_evidence else None
    maker = EvidenceMaker(
        work.concepts, settings, work.dtypes, is_tested=is_tested, compared=compared
    )
    return lambda units, found: maker(units, found.results)


def _test_of(
    work: Workload, n_threads: int, block: int | None, *, keeps_hits: bool
) -> AbstractContextManager[Test | None]:
    """Return the context of the test on held-out samples, None if there are none."""
    held = work.held_out
    if held is None:
        return nullcontext()
    cuts = places_of_cuts(held.concepts.n_samples) if keeps_hits else NO_CUTS
    return held_out_test(held, n_threads, block, independent=work.groups is None, cuts=cuts)


@dataclass(frozen=True)
class Plan:
    """What a labelling would do; a search could return `n_formulas` formulas for each unit."""

    n_samples: int
    n_units: int
    n_concepts: int
    n_literals_within_limits: int
    n_formulas: int
    n_samples_held_out: int = 0


def plan(inputs: Inputs, settings: Settings) -> Plan:
    """Make all checks that `label` makes before it searches, and search nothing.

    Only a search can tell whether any formula of several literals meets the fraction limits.
    """
    with inputs.open(settings.seed) as work:
        settings = with_objective(settings, work)
        searches = searches_of(work, settings, n_threads=1)
        nulls = [SharedNulls(one, work.concepts, 1) for one in searches]
        corrections_of(searches, nulls, work)
        n_formulas = size_of_space(work.concepts, settings)
        return Plan(
            n_samples=work.concepts.n_samples,
            n_units=work.n_units,
            n_concepts=len(work.concepts.id),
            n_literals_within_limits=searches[0].n_literals_within_limits,
            n_formulas=n_formulas,
            n_samples_held_out=work.held_out.concepts.n_samples if work.held_out else 0,
        )
