"""Power: how often a planted concept is found, by correction; and curves over its effect."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, groups_of, percent, round_percent
from invert_core import ConceptSet, Settings, label

HOLD_OUT = 0.3
TARGET = -8.0
_LENGTH = 3
_SHARES = (0.004, 0.008)
"""The planted concepts are true on about .6 % of the samples."""
POWER_ON = ("WordNet", "ImageNet-like")
CURVES_ON = ("WordNet",)
MIN_FRACTIONS = (0.001, 0.002, 0.003, 0.004)
_OF_CURVES = 0.003
EFFECTS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0)
"""Shifts inside the planted concept, in standard deviations of the noise."""
WAYS = ("permutation", "space", "hold-out", "rank 1", "rank 1 by space")
"""What decides: the headline, by permutation, by the formula space or on held-out samples; or the
row of rank 1, by permutation or by the formula space."""


def run_power(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each structure, share of zeros and way to decide."""
    for name, found in labels.structures_of(POWER_ON):
        for zeros in (0.0, 0.9):
            drawn = [_with_target(found, zeros, repeat, sizes) for repeat in range(sizes.repeats)]
            p_values = [p for _, of_units in drawn for p in of_units]
            for min_fraction in MIN_FRACTIONS:
                hits = {way: [] for way in WAYS}
                for repeat, (activations, _) in enumerate(drawn):
                    decided(hits, activations, found.concepts, min_fraction, repeat, sizes.jobs)
                for way, of_way in hits.items():
                    yield {
                        "structure": name,
                        "zeros": zeros,
                        "min_fraction": min_fraction,
                        "way": way,
                        "units": len(of_way),
                        "median_log10_p": float(np.median(p_values)),
                        "found": runs.share(of_way),
                    }


def run_curves(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each structure, effect and way to decide."""
    for name, found in labels.structures_of(CURVES_ON):
        for effect in EFFECTS:
            hits = {way: [] for way in WAYS}
            for repeat in range(sizes.repeats):
                activations = _with_effect(found, effect, repeat, sizes)
                decided(hits, activations, found.concepts, _OF_CURVES, repeat, sizes.jobs)
            for way, of_way in hits.items():
                yield {
                    "structure": name,
                    "effect": effect,
                    "way": way,
                    "units": len(of_way),
                    "found": runs.share(of_way),
                }


def decided(
    hits: dict[str, list[bool]],
    activations: np.ndarray,
    concepts: ConceptSet,
    min_fraction: float,
    seed: int,
    jobs: int | None,
) -> None:
    """Add to each of `WAYS` whether it calls the label of each unit significant."""
    by_formula = Settings(
        objective="auc", length=_LENGTH, min_fraction=min_fraction, permutations=0, seed=seed
    )
    permuted = replace(by_formula, permutations=runs.PERMUTATIONS)
    for settings, of_headline, of_first in (
        (permuted, "permutation", "rank 1"),
        (by_formula, "space", "rank 1 by space"),
    ):
        rows = label(activations, concepts, settings=settings, jobs=jobs)
        hits[of_headline] += [runs.is_found(row) for row in rows if row.headline]
        hits[of_first] += [runs.is_found(row) for row in rows if row.rank == 1]
    held_out = runs.headlines(activations, concepts, by_formula, jobs=jobs, holdout=HOLD_OUT)
    hits["hold-out"] += [
        row.p_held_out is not None and row.p_held_out < runs.SIGNIFICANT for row in held_out
    ]


def planted_concepts(
    found: labels.Structure, n_units: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Draw a concept for each unit, true on .4 to .8 % of the samples; return their extents."""
    shares = found.concepts.n_positive / found.concepts.n_samples
    able = np.flatnonzero((shares >= _SHARES[0]) & (shares <= _SHARES[1]))
    chosen = rng.choice(able, n_units, replace=able.size < n_units)
    return [found.concepts.extent(found.concepts.id[concept]) for concept in chosen.tolist()]


def _with_target(
    found: labels.Structure, zeros: float, repeat: int, sizes: Sizes
) -> tuple[np.ndarray, list[float]]:
    """Return units, and the logarithm of the p-value of the concept that each detects: -8."""
    rng = np.random.default_rng((2, repeat, round(100 * zeros)))
    made, p_values = [], []
    for extent in planted_concepts(found, sizes.units, rng):
        drawn = rng.standard_normal(found.concepts.n_samples, np.float32)
        unit = units.planted(drawn, extent, TARGET, zeros)
        made.append(unit)
        p_values.append(units.log10_p(unit, extent))
    return np.stack(made, axis=1), p_values


def _with_effect(found: labels.Structure, effect: float, repeat: int, sizes: Sizes) -> np.ndarray:
    rng = np.random.default_rng((3, repeat))
    extents = np.stack(planted_concepts(found, sizes.units, rng), axis=1)
    return rng.standard_normal(extents.shape, np.float32) + np.float32(effect) * extents


def summary_power(rows: Sequence[Row]) -> Table:
    """Return a line for each structure, share of zeros and smallest fraction."""
    header = ("labels", "zeros", "median p of the planted concept", "min fraction", *WAYS)
    lines = []
    of_lines = groups_of(rows, "structure", "zeros", "min_fraction")
    for (structure, zeros, min_fraction), group in of_lines.items():
        shares = [percent(row["found"]) for row in group]
        p_value = f"{10 ** group[0]['median_log10_p']:.1e}"
        lines.append((structure, round_percent(zeros), p_value, f"{min_fraction}", *shares))
    return header, lines


def summary_curves(rows: Sequence[Row]) -> Table:
    """Return a line for each structure and effect."""
    header = ("labels", "shift", *WAYS)
    lines = [
        (structure, f"{effect:.1f}", *(percent(row["found"]) for row in group))
        for (structure, effect), group in groups_of(rows, "structure", "effect").items()
    ]
    return header, lines


POWER = Study(
    "How often is a planted concept found?",
    run_power,
    summary_power,
    repeats=4,
    units=50,
    data=POWER_ON,
)
CURVES = Study(
    "How large must an effect be to be found?",
    run_curves,
    summary_curves,
    repeats=4,
    units=50,
    data=CURVES_ON,
)
