"""Samples in groups: how often noise is called significant, with the groups given or not."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, groups_of, percent
from invert_core import ConceptSet, Settings, open_activations, read_concepts

CORRELATIONS = (0.5, 0.9)
_LENGTH = 3
_MIN_FRACTION = 0.02
WAYS = ("space", "permutation", "groups")
"""Corrected for all formulas; by permuting samples; by permuting groups, which are given."""
_OF_CLIPS = "id:(.*)/.*"


class Case(NamedTuple):
    """Groups of samples, int64 [N], and concepts on them, bool [N, C]."""

    group: np.ndarray
    marks: np.ndarray


def _clips(rng: np.random.Generator) -> Case:
    group = np.repeat(np.arange(62), rng.integers(60, 133, 62))
    return Case(group, (rng.random((62, 20)) < rng.uniform(0.2, 0.5, 20))[group])


def _documents(rng: np.random.Generator) -> Case:
    group = np.repeat(np.arange(300), 20)
    return Case(group, (rng.random((300, 60)) < rng.uniform(0.02, 0.3, 60))[group])


def _crops(rng: np.random.Generator) -> Case:
    """Concepts that vary within groups of one size, in some groups more often than in others."""
    group = np.repeat(np.arange(300), 12)
    often = rng.beta(0.5, 2.0, (300, 40))
    return Case(group, rng.random((group.size, 40)) < often[group])


def _scenes(rng: np.random.Generator) -> Case:
    """Concepts that hold for runs of samples within groups of many sizes."""
    group = np.repeat(np.arange(62), rng.integers(60, 133, 62))
    begins = rng.random((group.size, 20)) < 0.05
    begins[np.flatnonzero(np.diff(group, prepend=-1))] = True
    run = np.cumsum(begins, axis=0)
    marks = np.stack([(rng.random(of[-1] + 1) < 0.3)[of] for of in run.T], axis=1)
    return Case(group, marks)


CASES = {
    "62 clips of 60 to 132 frames, concepts per clip": _clips,
    "300 documents of 20 chunks, concepts per document": _documents,
    "300 photographs of 12 crops, concepts per crop": _crops,
    "62 clips of 60 to 132 frames, concepts for some seconds": _scenes,
}
REAL = "real clips, concepts per clip"


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each case, correlation and way to decide, and rows of real clips."""
    for case in CASES:
        for correlation in CORRELATIONS:
            for way in WAYS:
                found = [
                    row
                    for repeat in range(sizes.repeats)
                    for row in _labelled(case, correlation, way, repeat, sizes)
                ]
                yield _row(case, correlation, way, found, sizes.repeats)
    if labels.CLIPS.is_dir():
        for way in WAYS:
            yield _row(REAL, -1.0, way, _real(way, sizes.jobs), 1)


def _row(case: str, correlation: float, way: str, found: list, repeats: int) -> Row:
    return {
        "case": case,
        "correlation": correlation,
        "way": way,
        **runs.calls_in_noise(found, repeats, _permutations(way)),
    }


def _labelled(case: str, correlation: float, way: str, repeat: int, sizes: Sizes) -> list:
    rng = np.random.default_rng((4, repeat, *map(ord, case)))
    group, marks = CASES[case](rng)
    concepts = ConceptSet.from_arrays(marks, [f"c{number}" for number in range(marks.shape[1])])
    activations = units.grouped_noise(group, sizes.units, correlation, rng)
    given = {"groups": [f"g{number}" for number in group.tolist()]} if way == "groups" else {}
    return runs.headlines(activations, concepts, _settings(way, repeat), jobs=sizes.jobs, **given)


def _settings(way: str, seed: int) -> Settings:
    return Settings(
        objective="auc",
        length=_LENGTH,
        min_fraction=_MIN_FRACTION,
        permutations=_permutations(way),
        seed=seed,
    )


def _permutations(way: str) -> int:
    return 0 if way == "space" else runs.PERMUTATIONS


def _real(way: str, jobs: int | None) -> list:
    given = {"groups": _OF_CLIPS} if way == "groups" else {}
    concepts = read_concepts(labels.CLIPS / "grouped_noise_concepts.csv")
    with open_activations(labels.CLIPS / "grouped_activations.npz") as opened:
        return runs.headlines(opened, concepts, _settings(way, 0), jobs=jobs, **given)


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each case and correlation."""
    header = ("samples", "correlation within", *WAYS, "bound with groups")
    lines = []
    for (case, correlation), group in groups_of(rows, "case", "correlation").items():
        shares = [percent(row["significant"]) for row in group]
        of = "as recorded" if correlation < 0 else f"{correlation:.1f}"
        lines.append((case, of, *shares, percent(group[-1]["bound"])))
    return header, lines


STUDY = Study(
    "How often is noise called significant if samples come in groups?",
    run,
    summary,
    repeats=10,
    units=24,
    data=("clips",),
)
