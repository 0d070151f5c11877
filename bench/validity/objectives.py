"""Level of the searches by other objectives: how often noise is called significant."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, groups_of, percent, round_percent
from invert_core import Settings

SHARED, ALONE = ("correlation", "phi"), ("mad",)
"""Objectives whose units share permuted searches, and those whose units are permuted one by one."""
OBJECTIVES = (*SHARED, *ALONE)
ZEROS = (0.0, 0.9, 0.98)
STRUCTURES = tuple(labels.STRUCTURES)
_FEWER = 10
"""How many times fewer units are permuted one by one, which takes long."""


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each structure, share of zeros and objective."""
    for name, found in labels.structures_of(STRUCTURES):
        for zeros in ZEROS:
            yield from _of_kind(name, found, zeros, sizes)


def _of_kind(name: str, found: labels.Structure, zeros: float, sizes: Sizes) -> Iterator[Row]:
    rows = {objective: [] for objective in OBJECTIVES}
    for repeat in range(sizes.repeats):
        rng = np.random.default_rng((11, repeat, round(100 * zeros), *map(ord, name)))
        activations = units.noise((found.concepts.n_samples, sizes.units), zeros, rng)
        settings = Settings(
            min_fraction=found.min_fraction, permutations=runs.PERMUTATIONS, seed=repeat
        )
        for objectives, n_units in ((SHARED, sizes.units), (ALONE, fewer(sizes.units))):
            chosen = replace(settings, objective=objectives)
            for row in runs.headlines(
                activations[:, :n_units], found.concepts, chosen, jobs=sizes.jobs
            ):
                rows[row.objective].append(row)
    for objective, of_objective in rows.items():
        yield {
            "structure": name,
            "zeros": zeros,
            "objective": objective,
            **runs.calls_in_noise(of_objective, sizes.repeats, runs.PERMUTATIONS),
        }


def fewer(n_units: int) -> int:
    """Return how many of the units of a run are permuted one by one.

    >>> fewer(100), fewer(4)
    (10, 1)
    """
    return max(1, n_units // _FEWER)


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each structure and share of zeros."""
    header = ("labels", "zeros", *SHARED, "bound", *ALONE, "bound")
    lines = []
    for (structure, zeros), group in groups_of(rows, "structure", "zeros").items():
        of = {row["objective"]: row for row in group}
        cells = [percent(of[name]["significant"]) for name in SHARED]
        cells.append(percent(of[SHARED[0]]["bound"]))
        cells += [percent(of[name]["significant"]) for name in ALONE]
        cells.append(percent(of[ALONE[0]]["bound"]))
        lines.append((structure, round_percent(zeros), *cells))
    return header, lines


STUDY = Study(
    "Is noise called significant by other objectives?",
    run,
    summary,
    repeats=6,
    units=100,
    data=STRUCTURES,
)
