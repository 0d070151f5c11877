"""Level: how often noise is called significant, on four label structures."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, extremes, groups_of, percent
from invert_core import Settings
from invert_core.results.columns import Label

LENGTHS = (1, 2, 3, 4, 5)
STRUCTURES = tuple(labels.STRUCTURES)


class Kind(NamedTuple):
    """How noise is made, given its shape [N, K] and a generator, and what lengths are searched.

    Units whose ties are like no other's are permuted one by one; there are `fewer` times as many.
    """

    make: Callable[[tuple[int, int], np.random.Generator], np.ndarray]
    lengths: Sequence[int] = (3,)
    fewer: int = 12


def _counts(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return rng.poisson(1.0, shape).astype(np.float32)


def _saturated(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return np.clip(rng.standard_normal(shape, np.float32), -0.5, 1.0)


def _rounded(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return np.round(4 * units.noise(shape, 0.9, rng)) / 4


def _levels(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 25, shape).astype(np.float32)


KINDS = {
    "untied": Kind(partial(units.noise, zeros=0.0), LENGTHS, fewer=1),
    "90 % zeros": Kind(partial(units.noise, zeros=0.9), LENGTHS, fewer=1),
    "98 % zeros": Kind(partial(units.noise, zeros=0.98), LENGTHS, fewer=1),
    "99.8 % zeros": Kind(partial(units.noise, zeros=0.998), LENGTHS, fewer=1),
    "90 % zeros, rounded": Kind(_rounded, fewer=1),
    "90 % zeros, both signs": Kind(partial(units.signed_noise, zeros=0.9)),
    "98 % zeros, both signs": Kind(partial(units.signed_noise, zeros=0.98), fewer=8),
    "25 levels": Kind(_levels, fewer=5),
    "counts": Kind(_counts),
    "cut off at both ends": Kind(_saturated),
}


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each structure, kind of unit and length."""
    for name, found in labels.structures_of(STRUCTURES):
        for kind in KINDS:
            yield from _of_kind(name, found, kind, sizes)


def _of_kind(name: str, found: labels.Structure, kind: str, sizes: Sizes) -> Iterator[Row]:
    make, lengths, fewer = KINDS[kind]
    shape = (found.concepts.n_samples, max(1, sizes.units // fewer))
    rows = {length: [] for length in lengths}
    for repeat in range(sizes.repeats):
        rng = np.random.default_rng((1, repeat, *map(ord, name + kind)))
        activations = make(shape, rng=rng)
        for length in lengths:
            settings = Settings(
                objective="auc",
                length=length,
                min_fraction=found.min_fraction,
                permutations=runs.PERMUTATIONS,
                seed=repeat,
            )
            rows[length] += runs.headlines(activations, found.concepts, settings, jobs=sizes.jobs)
    for length, of_length in rows.items():
        yield {
            "structure": name,
            "kind": kind,
            "length": length,
            **runs.calls_in_noise(of_length, sizes.repeats, runs.PERMUTATIONS),
            "untrusted": runs.share([row.status == "untrusted" for row in of_length]),
            "by_space": runs.share([_by_space(row, found, length) for row in of_length]),
        }


def _by_space(row: Label, found: labels.Structure, length: int) -> bool:
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
    repeats=6,
    units=100,
    data=STRUCTURES,
)
