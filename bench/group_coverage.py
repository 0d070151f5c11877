"""How often groups of samples tell the truth of an AUC: ``python -m bench.group_coverage``.

Groups have 2 to 20 samples, or 2 to 256 if they are uneven. The values of samples are normal, and
those of a group have a part in common: a share `alike` of their variance. A concept, which shifts
the values, holds in some of the groups: on all of their samples, or on about half. All numbers
follow from the seed.
"""

import itertools
from typing import NamedTuple

import click
import numpy as np
from scipy.stats import norm

from bench.tables import table
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.placements import placements
from invert_core.settings import SIGNIFICANT
from invert_core.statistics.grouped_auc import log10_p_between_groups
from invert_core.statistics.intervals import auc_interval, logit_interval, newcombe_interval

SIZES, POWERS = (2, 20), (1, 8)
ALIKE = (0.0, 0.5, 0.9)
SHIFTS = (0.0, 1.0, 2.0)
_AT_ONCE = 25
"""Rounds that share the sizes of groups and the concept."""


class Design(NamedTuple):
    """Groups, how many of them the concept holds in, whether it varies within these, and sizes."""

    n_groups: int
    n_positive: int
    varies: bool = False
    uneven: bool = False


DESIGNS = (
    *(Design(6, n) for n in (2, 3)),
    *(Design(12, n) for n in (2, 3, 5, 10)),
    *(Design(40, n) for n in (2, 3, 5, 10, 20)),
    *(Design(12, n, varies=True) for n in (2, 3, 5, 10, 12)),
    *(Design(40, n, varies=True) for n in (2, 5, 20, 40)),
    *(Design(12, n, uneven=True) for n in (2, 5)),
    *(Design(40, n, uneven=True) for n in (3, 10)),
    *(Design(12, 5, varies=True, uneven=True), Design(40, 20, varies=True, uneven=True)),
)


class GroupCoverage(NamedTuple):
    """Shares of rounds in which each interval holds the true AUC, and other shares.

    `of_samples` is the interval that takes samples as independent, `width` the mean width of the
    union, and `below_5` and `below_1` are the shares of one-sided p-values up to 5 % and 1 %.
    """

    union: float
    logit: float
    newcombe: float
    of_samples: float
    width: float
    below_5: float
    below_1: float


def group_coverage(
    design: Design, alike: float, shift: float, *, n_rounds: int, seed: int
) -> GroupCoverage:
    """Draw units and count; a share `alike` of their variance is in common within groups."""
    random = np.random.default_rng(seed)
    rounds = [_rounds(design, alike, shift, random) for _ in range(-(-n_rounds // _AT_ONCE))]
    return GroupCoverage(*np.mean(rounds, axis=0).tolist())


def _rounds(
    design: Design, alike: float, shift: float, random: np.random.Generator
) -> tuple[float, ...]:
    if design.uneven:
        sizes = (2 ** random.uniform(*POWERS, design.n_groups)).astype(np.int64)
    else:
        sizes = random.integers(*SIZES, design.n_groups, endpoint=True)
    group = np.repeat(np.arange(design.n_groups, dtype=np.int32), sizes)
    is_inside = random.permutation(design.n_groups) < design.n_positive
    extent = is_inside[group]
    if design.varies:
        extent &= random.random(group.size) < 0.5
        # At least one sample of each kind.
        starts = np.cumsum(sizes) - sizes
        extent[starts], extent[starts + 1] = is_inside, False
    common = random.normal(size=(_AT_ONCE, design.n_groups))[:, group]
    own = random.normal(size=(_AT_ONCE, group.size))
    values = np.sqrt(alike) * common + np.sqrt(1 - alike) * own + shift * extent
    extents = np.tile(pack_columns(extent[:, None]), (_AT_ONCE, 1))
    shared = values, np.arange(_AT_ONCE), extents, None, group.size
    found = placements(*shared, group)
    truth = true_auc(extent, group, alike, shift)
    low, high = auc_interval(found)
    intervals = (
        (low, high),
        logit_interval(found),
        newcombe_interval(found),
        auc_interval(placements(*shared)),
    )
    held = [float(((one <= truth) & (truth <= other)).mean()) for one, other in intervals]
    p = 10 ** log10_p_between_groups(found, np.zeros(_AT_ONCE, np.bool_))
    below = [float((p <= level).mean()) for level in (SIGNIFICANT, SIGNIFICANT / 5)]
    return (*held, float((high - low).mean()), *below)


def true_auc(extent: np.ndarray, group: np.ndarray, alike: float, shift: float) -> float:
    """Return the mean AUC: pairs of one group differ by what is not in common alone."""
    inside, outside = (
        np.bincount(group[of], minlength=group.max() + 1) for of in (extent, ~extent)
    )
    within = (inside * outside).sum() / (inside.sum() * outside.sum())
    of_one, of_two = norm.cdf(shift / np.sqrt([2 * (1 - alike), 2]))
    return float(within * of_one + (1 - within) * of_two)


@click.command(help="Print how often 95 % intervals of an AUC between groups hold the true one.")
@click.option("--rounds", default=1000, show_default=True, help="Rounds of each row.")
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, seed: int) -> None:
    """Print a row for each design, share of the variance in common, and shift."""
    rows = []
    for design, alike, shift in itertools.product(DESIGNS, ALIKE, SHIFTS):
        found = group_coverage(design, alike, shift, n_rounds=rounds, seed=seed)
        shares = [f"{100 * share:.1f} %" for share in found[:4]]
        levels = [f"{100 * share:.1f} %" for share in (found.below_5, found.below_1)]
        where = "varies" if design.varies else "constant"
        sizes = "2 to 256" if design.uneven else "2 to 20"
        of_groups = f"{design.n_positive} of {design.n_groups}"
        cells = (sizes, where, of_groups, f"{alike}", f"{shift}", *shares, f"{found.width:.2f}")
        rows.append((*cells, *levels))
    titles = ("sizes", "within groups", "groups inside", "alike", "shift", "interval", "logit")
    titles += ("Newcombe", "of samples", "mean width", "p <= 5 %", "p <= 1 %")
    print("\n".join(table(titles, rows)))


if __name__ == "__main__":
    main()
