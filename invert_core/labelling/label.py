"""Labelling: for every unit the formula of concepts that its activation separates best."""

import itertools
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from invert_core.concepts.sets.concept_set import ConceptSet
from invert_core.errors import SettingError
from invert_core.executors.threads import Threads
from invert_core.labelling.inputs import ActivationSource, ConceptSource, Inputs
from invert_core.labelling.label_rows import LabelRows
from invert_core.labelling.workload import Workload
from invert_core.results.columns import Label
from invert_core.results.labels import Labels
from invert_core.search.search import Search
from invert_core.settings import Settings
from invert_core.statistics.corrections import n_formulas

Progress = Callable[[float, int], None]


def label(
    activations: ActivationSource,
    concepts: ConceptSource,
    *,
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    settings: Settings | None = None,
    names: Path | None = None,
    join: str = "strict",
    missing: str = "error",
    jobs: int | None = None,
    progress: Progress | None = None,
    block: int | None = None,
) -> Labels:
    """Find for every unit the formulas of concepts that its activation separates best.

    INVERT: beam search over formulas, scored by AUC (Bykov et al., NeurIPS 2023), or an exhaustive
    search of the short ones.

    Parameters
    ----------
    activations : float array or scipy.sparse matrix [n_samples, n_units], path, or Activations
        An array becomes the layer "activations". A path is an activation file, .npy or .npz.
    concepts : mapping of id to bool array [n_samples], path, or ConceptSet
        A path is a .csv, .npz or concept file. In an array of numbers, -1 and NaN are labels that
        are missing.
    layers : sequence of str, optional
        Only these layers.
    units : sequence of int, optional
        Only these units, zero-based, of every layer.
    settings : invert_core.Settings, optional
        Of the search: length, beam, fractions, direction and so on.
    names : Path, optional
        Where `concepts` is a path: a table of the concepts' names, see `read_concepts`.
    join : {"strict", "inner"}
        Whether sample ids must be the same on both sides, or only the common ones count. Where
        one side has no ids, samples are matched by position.
    missing : {"error", "negative", "exclude"}
        Whether missing labels, on the samples that are compared, are refused, mean that the
        concept is absent, or exclude the sample: a formula is then compared on the samples on which
        all its concepts are defined, see `Settings.min_defined`.
    jobs : int, optional
        Threads; None takes all cores. Results do not depend on it, nor on `block`.
    progress : callable, optional
        Called with the number of units done, of which a fraction where one takes long, and of all
        units.
    block : int, optional
        Units read at once; memory grows with it. None takes what suits the file.

    Returns
    -------
    Labels

    Raises
    ------
    InvertError
        See `invert_core.errors`: unknown layers, samples that do not match, NaN, and so on.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import label
    >>> rng = np.random.default_rng(0)
    >>> animal, wild = rng.random((2, 500)) < 0.3
    >>> activations = rng.normal(size=(500, 2)) + 9 * np.stack([animal & ~wild, wild], axis=1)
    >>> for row in label(activations, {"animal": animal, "wild": wild}):
    ...     if row.rank == 1:
    ...         print(row.unit, row.label, row.auc)
    0 animal & ~wild 1.0
    1 wild 1.0
    """
    settings = settings or Settings()
    inputs = Inputs(activations, concepts, layers, units, names, join, missing)
    with inputs.open() as work:
        rows: list[Label] = []
        for of_unit in label_workload(work, settings, jobs=jobs, progress=progress, block=block):
            rows += of_unit
    return Labels(tuple(rows), work.concepts)


def label_units(
    activations: ActivationSource,
    concepts: ConceptSource,
    *,
    layers: Sequence[str] | None = None,
    units: Sequence[int] | None = None,
    settings: Settings | None = None,
    names: Path | None = None,
    join: str = "strict",
    missing: str = "error",
    jobs: int | None = None,
    block: int | None = None,
) -> Generator[list[Label]]:
    """Do what `label` does, and give the rows of each unit as soon as they are known.

    Parameters
    ----------
    activations, concepts, layers, units, settings, names, join, missing, jobs, block
        As for `label`.

    Returns
    -------
    generator of lists of Label
        One list per unit. Whoever stops early closes it, for example with `contextlib.closing`.

    Examples
    --------
    >>> import numpy as np
    >>> from invert_core import label_units
    >>> animal = np.arange(100) < 30
    >>> for rows in label_units(animal[:, None] + 0.0, {"animal": animal}):
    ...     print(rows[0].address, rows[0].label)
    activations:0 animal
    """
    settings = settings or Settings()
    inputs = Inputs(activations, concepts, layers, units, names, join, missing)
    with inputs.open() as work:
        yield from label_workload(work, settings, jobs=jobs, block=block)


def label_workload(
    work: Workload,
    settings: Settings,
    *,
    jobs: int | None = None,
    progress: Progress | None = None,
    block: int | None = None,
    n_done: int = 0,
) -> Generator[list[Label]]:
    """Label one unit after the other: the rows of each as soon as they are known.

    Parameters
    ----------
    work : Workload
        Of `Inputs.open`, which must stay open.
    settings, jobs, progress, block
        As for `label`.
    n_done : int
        Units at the beginning that are left out.

    Returns
    -------
    generator of lists of Label
        To be closed by who stops early.
    """
    search = _class_of(settings, work.concepts)(work.concepts, settings)
    rows = LabelRows(work, size_of_space(work.concepts, settings))
    n_units = work.n_units
    left = work.after(n_done)
    if progress is not None:
        progress(n_done, n_units)

    def tick(begun: float) -> None:
        if progress is not None and begun > 0:
            progress(n_done + begun, n_units)

    with (
        closing(left.blocks(block)) as blocks,
        closing(Threads(jobs).pieces(search, blocks, tick)) as pieces,
    ):
        addresses = left.addresses()
        for piece in pieces:
            of_piece = list(itertools.islice(addresses, len(piece)))
            yield from rows.of_piece(piece, of_piece)
            n_done += len(of_piece)
            if progress is not None:
                progress(n_done, n_units)


def size_of_space(concepts: ConceptSet, settings: Settings) -> int:
    """How many formulas the search of a unit could return."""
    return n_formulas(len(concepts.id), settings.length, len(settings.directions))


def _class_of(settings: Settings, concepts: ConceptSet) -> type[Search]:
    """The class of a search; the kernels of the others are not imported."""
    if concepts.defined is not None:
        if settings.search == "exhaustive":
            raise SettingError(
                "An exhaustive search cannot leave out the samples whose labels are missing.",
                "Give --missing negative if they mean 0, or leave out --search exhaustive.",
            )
        from invert_core.search.masked_search import MaskedSearch

        return MaskedSearch
    if settings.search == "exhaustive":
        from invert_core.search.exhaustive_search import ExhaustiveSearch

        return ExhaustiveSearch
    from invert_core.search.beam_search import BeamSearch

    return BeamSearch


@dataclass(frozen=True)
class Plan:
    """What a labelling would do; `n_formulas` is what p_search corrects for."""

    n_samples: int
    n_units: int
    n_concepts: int
    n_literals_within_limits: int
    n_formulas: int


def plan(inputs: Inputs, settings: Settings) -> Plan:
    """Check what a labelling would check before it searches, and search nothing.

    Whether any formula of several literals meets the fraction limits only a search can tell.

    Raises
    ------
    InvertError
        As `label`.
    """
    with inputs.open() as work:
        search = _class_of(settings, work.concepts)(work.concepts, settings)
        return Plan(
            n_samples=work.concepts.n_samples,
            n_units=work.n_units,
            n_concepts=len(work.concepts.id),
            n_literals_within_limits=search.n_literals_within_limits,
            n_formulas=size_of_space(work.concepts, settings),
        )
