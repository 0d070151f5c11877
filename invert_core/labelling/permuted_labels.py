"""The check of the paper: what a run would find if the labels said nothing.

Its labels are permuted: each sample keeps its activations and gets the marks of another one.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from invert_core.errors import SettingError
from invert_core.files.unchanged import unchanged
from invert_core.labelling.grouping import GroupSource
from invert_core.labelling.label import Progress, label_workload, search_of
from invert_core.labelling.recorded_inputs import recorded
from invert_core.labelling.workload import Workload
from invert_core.nulls.arrangements import Arrangements, any_order
from invert_core.nulls.grouped import arrangements_of
from invert_core.nulls.shared import SharedNulls
from invert_core.parallel import n_threads
from invert_core.results.label_table import LabelTable
from invert_core.results.run_directory import read_run
from invert_core.settings import SIGNIFICANT, Settings
from invert_core.statistics.intervals import share_interval

MEASURES = ("auc", "p_value", "p_search")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_STREAM = 3
"""Besides the seed: these permutations and those of each search must not be the same."""

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Share:
    """How many labels have a p-value below 0.05.

    Attributes
    ----------
    n_significant, n_labels : int
    low, high : float
        Ends of Wilson's 95 % confidence interval of the share. It takes labels as independent,
        which those of units of one network are not.
    """

    n_significant: int
    n_labels: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of labels with a p-value below 0.05."""
        return self.n_significant / self.n_labels

    @classmethod
    def of(cls, p: np.ndarray) -> "Share":
        """Count p-values below 0.05."""
        n_significant = int((p < SIGNIFICANT).sum())
        return cls(n_significant, p.size, *share_interval(n_significant, p.size))


@dataclass(frozen=True)
class PermutedCheck:
    """What `check_permuted_labels` found.

    A label is a row of rank 1; a unit has one for each direction, and a dead unit none.

    Attributes
    ----------
    n_permutations : int
    real, permuted : mapping of str to float64 array [5]
        Quantiles of `MEASURES` over all labels, at `QUANTILES`.
    shares : mapping of (str, str) to Share
        How many labels are significant, keyed by "real" or "permuted", and by "p_value", which does
        not know of the search, or "p_search".
    """

    n_permutations: int
    real: Mapping[str, np.ndarray]
    permuted: Mapping[str, np.ndarray]
    shares: Mapping[tuple[str, str], Share]


def check_permuted_labels(
    run: str | PathLike[str],
    n_permutations: int,
    *,
    activations: str | PathLike[str] | None = None,
    concepts: str | PathLike[str] | None = None,
    names: str | PathLike[str] | None = None,
    groups: GroupSource | None = None,
    seed: int = 0,
    jobs: int | None = None,
    progress: Progress | None = None,
) -> PermutedCheck:
    """Label all units of a run with permuted labels, several times, with the same settings.

    All labellings share the null distributions of the run, so that they show its own level, which
    is near 5 % if there are many permutations.

    Parameters
    ----------
    run : path
        The run directory.
    n_permutations : int
        How often to permute the labels; at least 1.
    activations, concepts, names : path, optional
        Where these inputs are now, if they have moved. Their content must be the same.
    groups : str or sequence of str, optional
        Groups of samples that exchange their labels as one, as for `label`; None takes those of
        the run.
    seed : int
        Seed of the permutations.
    jobs, progress
        As for `label`.

    Returns
    -------
    PermutedCheck

    Raises
    ------
    SettingError
        `n_permutations` is below 1.
    InvertError
        As for `verify_run`.
    """
    if n_permutations < 1:
        raise SettingError(f"--permute-labels is {n_permutations}.", "Give 1 or more.")
    read = read_run(run)
    moved = {"activations": activations, "concepts": concepts, "names": names}
    of_run = recorded(run, read.info, moved)
    inputs = of_run.inputs if groups is None else replace(of_run.inputs, groups=groups)
    real, permuted = _Found(), _Found()
    real.add(read.labels.tables)
    with unchanged(*of_run.files.values()), inputs.open(of_run.settings.seed) as opened:
        work = replace(opened, held_out=None)
        random = np.random.default_rng((seed, _STREAM))
        for tables in _labelled(work, of_run.settings, n_permutations, random, jobs, progress):
            permuted.add(tables)
    return PermutedCheck(
        n_permutations,
        real.quantiles(),
        permuted.quantiles(),
        {
            (which, measure): Share.of(found.values(measure))
            for which, found in (("real", real), ("permuted", permuted))
            for measure in MEASURES[1:]
        },
    )


def _labelled(
    work: Workload,
    settings: Settings,
    n_permutations: int,
    random: np.random.Generator,
    jobs: int | None,
    progress: Progress | None,
) -> Iterator[Iterator[LabelTable]]:
    """Yield the rows of all units for each permutation of the labels.

    All permutations have the same null distributions, because these come from permutations, too.
    """
    search = search_of(work, settings, n_threads(jobs))
    nulls = SharedNulls(search, work.concepts, n_threads(jobs))
    if work.groups is None:
        arrangements = any_order(work.concepts.n_samples)
    else:
        arrangements = arrangements_of(work.groups, search.atoms)
    n_units = work.n_units * n_permutations
    with _said_once():
        for number in range(n_permutations):

            def note(done: float, _: int, before: int = number * work.n_units) -> None:
                if progress is not None:
                    progress(before + done, n_units)

            again = _permuted(work, arrangements, random)
            tables = label_workload(again, settings, jobs=jobs, progress=note, nulls=nulls)
            with closing(tables):
                yield tables


def _permuted(work: Workload, arrangements: Arrangements, random: np.random.Generator) -> Workload:
    """Give each sample, or each group, the marks of another one."""
    block = arrangements.blocks.of_sample
    _, first = np.unique(block, return_index=True)
    source = first[arrangements.draw(random)][block]
    # Ids would name other samples than before, and those of groups of unequal size repeat.
    return replace(work, concepts=replace(work.concepts, sample_id=None).take(source))


@contextmanager
def _said_once() -> Iterator[None]:
    """Say only once what every labelling says."""
    said: set[str] = set()

    def is_new(record: logging.LogRecord) -> bool:
        text = record.getMessage()
        is_said = text in said
        said.add(text)
        return not is_said

    _log.addFilter(is_new)
    try:
        yield
    finally:
        _log.removeFilter(is_new)


class _Found:
    """The measures of the labels in tables."""

    def __init__(self) -> None:
        self._parts: dict[str, list[np.ndarray]] = {name: [] for name in MEASURES}

    def add(self, tables: Iterable[LabelTable]) -> None:
        """Take the labels of some tables."""
        for table in tables:
            first = (table.array("rank") == 1) & (table.array("status") != "dead")
            for name, parts in self._parts.items():
                parts.append(table.array(name)[first])

    def values(self, name: str) -> np.ndarray:
        """Return one of the measures of all labels."""
        return np.concatenate(self._parts[name])

    def quantiles(self) -> dict[str, np.ndarray]:
        """Return the quantiles of each measure."""
        return {name: np.quantile(self.values(name), QUANTILES) for name in MEASURES}
