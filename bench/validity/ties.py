"""P-values of units that are mostly zero: exact, by the normal tail, and given the ties."""

from collections.abc import Iterator, Sequence

import numpy as np

from bench.counting import count, doubled_midranks
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, groups_of, round_percent
from invert_core import mann_whitney

N_SAMPLES = 1_000
N_POSITIVE = 50
ZEROS = (0.9, 0.98)
_DEEPEST = -30.0


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each share of zeros and extent; there are `units` extents of each."""
    for zeros in ZEROS:
        n_other = round(N_SAMPLES * (1 - zeros))
        values = np.concatenate([np.zeros(N_SAMPLES - n_other), np.arange(1, n_other + 1)])
        ranks = doubled_midranks(values)
        exact = count(values, N_POSITIVE)
        rng = np.random.default_rng((8, n_other))
        for extent in _extents(n_other, sizes.units, rng):
            place = np.searchsorted(exact.sums, ranks[extent].sum())
            truth = float(exact.log10_upper[place])
            if truth < _DEEPEST:
                continue
            found = {
                method: float(
                    mann_whitney(values, extent, alternative="greater", method=method).log10_p
                )
                for method in ("normal", "conditional")
            }
            yield {"zeros": zeros, "exact": truth, **found}


def _extents(n_other: int, number: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Yield extents that hold more and more of the samples that are not zero."""
    for share in np.linspace(0.0, 1.0, number):
        n_inside = min(round(share * n_other), N_POSITIVE)
        extent = np.zeros(N_SAMPLES, np.bool_)
        weights = np.arange(1, n_other + 1) ** rng.uniform(0, 2)
        inside = rng.choice(n_other, n_inside, replace=False, p=weights / weights.sum())
        extent[N_SAMPLES - n_other + inside] = True
        extent[: N_POSITIVE - n_inside] = True
        yield extent


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each share of zeros and depth: the largest error of each method."""
    header = ("zeros", "exact p", "normal tail off by", "given the ties off by")
    lines = []
    for (zeros,), group in groups_of(rows, "zeros").items():
        for high, low in ((0, -3), (-3, -10), (-10, -30)):
            cell = [row for row in group if low <= row["exact"] < high]
            worst = [
                max(abs(row[method] - row["exact"]) for row in cell)
                for method in ("normal", "conditional")
            ]
            lines.append(
                (
                    round_percent(zeros),
                    f"1e{low} to 1e{high}" if high else f"1e{low} to 1",
                    f"up to {worst[0]:.1f} decades",
                    f"up to {worst[1]:.2f} decades",
                )
            )
    return header, lines


STUDY = Study(
    "What is a p-value of a unit that is mostly zero?", run, summary, repeats=1, units=200
)
