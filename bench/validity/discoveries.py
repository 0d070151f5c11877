"""False discoveries among many units, some of which detect something, by way of adjusting."""

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.power import planted_concepts
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, percent
from invert_core import Settings
from invert_core.settings import ADJUSTMENTS

PERMUTATIONS = (200, 5000)
_DETECT = 5 / 16
"""Share of the units that detect something: 60 of 192."""
_SHIFTS = (0.6, 1.2)
"""Of a planted concept, in standard deviations of the noise."""
_SHARED = 0.3
"""Share of the variance that the noise of all units has in common."""
ON = "WordNet"


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each number of permutations and way of adjusting."""
    found = labels.structure(ON)
    if found is None:
        return
    n_detect = round(_DETECT * sizes.units)
    for permutations, adjust in itertools.product(PERMUTATIONS, ADJUSTMENTS):
        called = []
        for repeat in range(sizes.repeats):
            activations = _layer(found, n_detect, repeat, sizes)
            settings = Settings(
                objective="auc",
                min_fraction=found.min_fraction,
                permutations=permutations,
                seed=repeat,
                adjust=adjust,
            )
            rows = runs.headlines(activations, found.concepts, settings, jobs=sizes.jobs)
            called.append([row.q_value < runs.SIGNIFICANT for row in rows])
        calls = np.array(called)
        false = calls[:, n_detect:].sum(axis=1)
        yield {
            "permutations": permutations,
            "adjust": adjust,
            "units": calls.size,
            "detect": n_detect * sizes.repeats,
            "false_discovery_rate": float(np.mean(false / np.maximum(1, calls.sum(axis=1)))),
            "any_false": float(np.mean(false > 0)),
            "found": float(calls[:, :n_detect].mean()),
        }


def _layer(found: labels.Structure, n_detect: int, repeat: int, sizes: Sizes) -> np.ndarray:
    """Return units that share some of their noise; the first `n_detect` detect a concept each."""
    rng = np.random.default_rng((6, repeat))
    one_group = np.arange(found.concepts.n_samples)
    shared = rng.standard_normal((one_group.size, 1), np.float32)
    alone = rng.standard_normal((one_group.size, sizes.units), np.float32)
    made = np.float32(_SHARED**0.5) * shared + np.float32((1 - _SHARED) ** 0.5) * alone
    for unit, extent in enumerate(planted_concepts(found, n_detect, rng)):
        made[:, unit] += np.float32(rng.uniform(*_SHIFTS)) * extent
    return units.cut(made, 0.5)


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each row."""
    header = ("P", "adjust", "false discovery rate", "runs with a false discovery", "found")
    lines = [
        (
            f"{row['permutations']:,}",
            row["adjust"],
            percent(row["false_discovery_rate"]),
            percent(row["any_false"]),
            percent(row["found"]),
        )
        for row in rows
    ]
    return header, lines


STUDY = Study(
    "How many of the significant units are false?",
    run,
    summary,
    repeats=20,
    units=192,
    data=(ON,),
)
