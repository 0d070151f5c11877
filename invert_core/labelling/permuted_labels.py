"""The check of the paper: what a run would find if the labels said nothing.

Its labels are permuted: each sample keeps its activations and gets the marks of another one.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np

from invert_core.activations.groups import Groups
from invert_core.errors import DataError, SettingError
from invert_core.files.unchanged import unchanged
from invert_core.labelling.grouping import GroupSource, groups_of
from invert_core.labelling.inputs import Inputs, open_source
from invert_core.labelling.label import Progress, label_workload
from invert_core.labelling.recorded_inputs import recorded
from invert_core.labelling.searches import search_of, searches_of
from invert_core.labelling.workload import Workload
from invert_core.nulls.arrangements import Arrangements, any_order
from invert_core.nulls.grouped import arrangements_of
from invert_core.nulls.shared import SharedNulls
from invert_core.parallel import n_threads
from invert_core.results.label_table import LabelTable
from invert_core.results.run_directory import read_run
from invert_core.settings import SIGNIFICANT, Settings, check_seed
from invert_core.statistics.intervals import share_interval

MEASURES = ("auc", "p_value", "p_search")
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_STREAM = 3
"""Besides the seed: these permutations and those of each search must not be the same."""

_TRIES = 100

_log = logging.getLogger("invert")


@dataclass(frozen=True)
class Share:
    """How many labels have a p-value below 0.05.

    Attributes
    ----------
    n_significant, n_labels : int
    low, high : float or None
        Ends of a 95 % confidence interval of the share; None for the real labels, of which there is
        one round only. See `Share.of_rounds`.
    """

    n_significant: int
    n_labels: int
    low: float | None = None
    high: float | None = None

    @property
    def share(self) -> float:
        """The share of labels with a p-value below 0.05."""
        return self.n_significant / self.n_labels

    @classmethod
    def of(cls, p: np.ndarray) -> "Share":
        """Count p-values below 0.05."""
        return cls(int((p < SIGNIFICANT).sum()), p.size)

    @classmethod
    def of_rounds(cls, rounds: Sequence[np.ndarray], n_permutations: int = 0) -> "Share":
        """Count p-values below 0.05 in several rounds of permuted labels.

        The interval is Wilson's, for as many independent labels as would vary as much. It covers
        the share of infinitely many rounds, for this network and these concepts. Units of one round
        share its labels, so what counts is how the share s varies between rounds; where no round
        differs from 0 or 1, each round counts as one label. All rounds share the permuted searches
        of the run, so that s varies by s (1 - s) / (P + 2) from one seed of the run to another; the
        interval covers that, too.

        Parameters
        ----------
        rounds : sequence of float64 array
            The p-values of each round.
        n_permutations : int
            P, the number of permuted searches that the p-values were computed from; 0 if from none.
        """
        all_rounds = cls.of(np.concatenate(rounds))
        share, n_labels = all_rounds.share, all_rounds.n_labels
        n_effective = float(len(rounds))
        if 0.0 < share < 1.0 and len(rounds) > 1:
            between = float(np.var([cls.of(p).share for p in rounds], ddof=1)) / len(rounds)
            # Units of a round are at best independent.
            n_effective = 1.0 / max(between / (share * (1.0 - share)), 1.0 / n_labels)
        if n_permutations:
            n_effective = 1.0 / (1.0 / n_effective + 1.0 / (n_permutations + 2))
        low, high = share_interval(share * n_effective, n_effective)
        return replace(all_rounds, low=low, high=high)


@dataclass(frozen=True)
class PermutedCheck:
    """What `check_permuted_labels` found.

    A label is a headline by the first objective; a unit has one for each direction, and a dead unit
    none.

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

    The p-values are corrected as those of the run, with its own groups or none, so that the share
    of permuted labels that are significant shows the level of the run. It is near 5 % if there are
    many permutations, and if what changes places is what chance lets change places: a run that
    takes samples as independent shows with `groups` what that is worth if they are not.

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
        the run. They decide how labels are permuted and nothing else.
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
        `n_permutations` is below 1, or `seed` is not a whole number from 0 to below 2**63.
    DataError
        All units of the run are dead, or hardly any permutation leaves a concept within the
        fraction limits.
    InvertError
        As for `verify_run`.
    """
    if n_permutations < 1:
        raise SettingError(f"--permute-labels is {n_permutations}.", "Give 1 or more.")
    check_seed(seed)
    read = read_run(run)
    moved = {"activations": activations, "concepts": concepts, "names": names}
    real = _Found(read.labels.tables)
    if not real.values("auc").size:
        raise DataError(
            "All units of the run are dead, so it has no labels to compare with others.",
            "Label units whose activations vary.",
        )
    if not any(table.array("headline").any() for table in read.labels.tables):
        _log.warning(
            "The run %r has no headlines, because an earlier version made it: its rows of rank 1 "
            "are compared with headlines of permuted labels. Label again to compare like with "
            "like.",
            str(run),
        )
    of_run = recorded(run, read.info, moved)
    # Of the first objective, which is what counts; the others would take time for nothing.
    settings = of_run.settings.of_each_objective()[0]
    with unchanged(*of_run.files.values()), of_run.inputs.open(settings.seed) as opened:
        work = replace(opened, held_out=None)
        exchanged = work.groups if groups is None else _groups(of_run.inputs, work, groups)
        random = np.random.default_rng((seed, _STREAM))
        rounds = [
            _Found(tables)
            for tables in _labelled(
                *(work, exchanged, settings, n_permutations, random), jobs=jobs, progress=progress
            )
        ]
    shares = {("real", name): Share.of(real.values(name)) for name in MEASURES[1:]}
    for name, n_shared in (("p_value", 0), ("p_search", settings.permutations)):
        of_rounds = [found.values(name) for found in rounds]
        shares["permuted", name] = Share.of_rounds(of_rounds, n_shared)
    return PermutedCheck(n_permutations, _quantiles([real]), _quantiles(rounds), shares)


def _groups(inputs: Inputs, work: Workload, groups: GroupSource) -> Groups | None:
    """Return other groups of the samples of a workload."""
    with open_source(inputs.activations) as activations:
        return groups_of(groups, activations, work.all_concepts, work.kept, inputs.match)


def _labelled(
    work: Workload,
    groups: Groups | None,
    settings: Settings,
    n_permutations: int,
    random: np.random.Generator,
    *,
    jobs: int | None,
    progress: Progress | None,
) -> Iterator[Iterator[LabelTable]]:
    """Yield the rows of all units for each permutation of the labels."""
    with _said_once():
        searches = searches_of(work, settings, n_threads(jobs))
        if groups is None:
            arrangements = any_order(work.concepts.n_samples)
        else:
            arrangements = arrangements_of(groups, searches[0].atoms)
        # If concepts keep their sizes, all permutations have the same null distributions.
        nulls = None
        if np.ptp(arrangements.blocks.sizes) == 0:
            nulls = [SharedNulls(one, work.concepts, n_threads(jobs)) for one in searches]
        n_units = work.n_units * n_permutations
        plain = replace(settings, evidence=False)
        for number in range(n_permutations):

            def note(done: float, _: int, before: int = number * work.n_units) -> None:
                if progress is not None:
                    progress(before + done, n_units)

            again = _searchable(work, arrangements, settings, random)
            tables = label_workload(again, plain, jobs=jobs, progress=note, nulls=nulls)
            with closing(tables):
                yield tables


def _searchable(
    work: Workload, arrangements: Arrangements, settings: Settings, random: np.random.Generator
) -> Workload:
    """Permute the labels so that something can be found.

    If groups differ in size, so do the extents of permuted concepts, and perhaps none is within the
    fraction limits. Such permutations are drawn again.
    """
    for _ in range(_TRIES):
        again = _permuted(work, arrangements, random)
        if np.ptp(arrangements.blocks.sizes) == 0:
            return again
        try:
            search = search_of(again, settings.of_each_objective()[0], 1)
        except DataError:
            # The same search of the real labels was made, so only the sizes of extents are amiss.
            continue
        if search.n_literals_within_limits:
            return again
    raise DataError(
        f"In {_TRIES} permutations of the groups' labels, none left a concept within the fraction "
        "limits of the run.",
        "Label again with a smaller --min-fraction or a larger --max-fraction.",
    )


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

    def __init__(self, tables: Iterable[LabelTable]) -> None:
        self._parts: dict[str, list[np.ndarray]] = {name: [] for name in MEASURES}
        for table in tables:
            is_label = table.is_label() & table.is_of_first_objective()
            is_label &= table.array("status") != "dead"
            for name, parts in self._parts.items():
                parts.append(table.array(name)[is_label])

    def values(self, name: str) -> np.ndarray:
        """Return one of the measures of all labels."""
        return np.concatenate(self._parts[name])


def _quantiles(rounds: Sequence[_Found]) -> dict[str, np.ndarray]:
    """Return the quantiles of each measure over all labels."""
    return {
        name: np.quantile(np.concatenate([found.values(name) for found in rounds]), QUANTILES)
        for name in MEASURES
    }
