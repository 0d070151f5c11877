"""Level: how often noise is called significant, on four label structures."""

from collections.abc import Iterator, Sequence

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.bounds import bound
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, extremes, groups_of, percent
from invert_core import Settings

PERMUTATIONS = 200
LENGTHS = (1, 2, 3, 4, 5)
STRUCTURES = tuple(labels.STRUCTURES)


def _zeros(share: float):
    return lambda shape, rng: units.noise(shape, share, rng)


def _counts(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return rng.poisson(1.0, shape).astype(np.float32)


def _saturated(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.standard_normal(shape, np.float32), -0.5, 1.0)


def _rounded(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return np.round(4 * units.noise(shape, 0.9, rng)) / 4


def _levels(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 25, shape).astype(np.float32)


KINDS = {
    "untied": (_zeros(0.0), LENGTHS, 1),
    "90 % zeros": (_zeros(0.9), LENGTHS, 1),
    "98 % zeros": (_zeros(0.98), LENGTHS, 1),
    "99.8 % zeros": (_zeros(0.998), LENGTHS, 1),
    "90 % zeros, rounded": (_rounded, (3,), 1),
    "25 levels": (_levels, (3,), 10),
    "counts": (_counts, (3,), 10),
    "cut off at both ends": (_saturated, (3,), 10),
}
"""How the units are made, given their shape and a generator; the lengths to search; and by how much
to divide their number: units whose ties are like no other's are permuted one by one."""


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each structure, kind of unit and length."""
    for name in STRUCTURES:
        found = labels.structure(name)
        if found is None:
            continue
        for kind in KINDS:
            yield from _of_kind(name, found, kind, sizes)


def _of_kind(name: str, found: labels.Structure, kind: str, sizes: Sizes) -> Iterator[Row]:
    make, lengths, divisor = KINDS[kind]
    n_units = max(1, sizes.units // divisor)
    rows = {length: [] for length in lengths}
    for repeat in range(sizes.repeats):
        rng = np.random.default_rng((1, repeat, *map(ord, name + kind)))
        activations = make((found.concepts.n_samples, n_units), rng)
        for length in lengths:
            settings = Settings(
                length=length,
                min_fraction=found.min_fraction,
                permutations=PERMUTATIONS,
                seed=repeat,
            )
            rows[length] += runs.best(activations, found.concepts, settings, jobs=sizes.jobs)
    for length, of_length in rows.items():
        yield {
            "structure": name,
            "kind": kind,
            "length": length,
            "units": len(of_length),
            "significant": runs.share([runs.is_found(row) for row in of_length]),
            "bound": bound(n_units, sizes.repeats, PERMUTATIONS),
            "untrusted": runs.share([row.status == "untrusted" for row in of_length]),
            "below_half": runs.share([row.p_search < 0.5 for row in of_length]),
            "by_space": runs.share([_by_space(row, found, length) for row in of_length]),
        }


def _by_space(row, found, length: int) -> bool:
    """Return whether the space correction of the same p-value is significant."""
    return runs.p_by_space(row, len(found.concepts.id), length) < runs.SIGNIFICANT


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each structure and kind of unit."""
    header = ("labels", "units", "significant", "bound", "by the space", "p search below .5")
    lines = []
    for (structure, kind), group in groups_of(rows, "structure", "kind").items():
        lines.append(
            (
                structure,
                kind,
                extremes(group, "significant"),
                percent(group[0]["bound"]),
                extremes(group, "by_space"),
                extremes(group, "below_half"),
            )
        )
    return header, lines


STUDY = Study(
    "How often is noise called significant?",
    run,
    summary,
    repeats=12,
    units=50,
    data=STRUCTURES,
)
