"""How often the 95 % interval of a held-out AUC holds the true one."""

import itertools
from collections.abc import Iterator, Sequence

from bench.coverage import N_POSITIVE, N_SAMPLES, SHIFTS, ZEROS, coverage, true_auc
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, extremes, groups_of
from bench.validity.units import threshold

_SEED = 9


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each share of zeros, number of samples inside and shift."""
    for zeros, n_positive, shift in itertools.product(ZEROS, N_POSITIVE, SHIFTS):
        found = coverage(n_positive, N_SAMPLES, shift, zeros, n_rounds=sizes.units, seed=_SEED)
        yield {
            "zeros": zeros,
            "inside": n_positive,
            "auc": true_auc(shift, threshold(zeros)),
            "units": sizes.units,
            **found._asdict(),
        }


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each number of samples inside, over all effects and shares of zeros."""
    header = ("samples inside", "the interval", "DeLong alone", "Newcombe alone", "mean width")
    lines = []
    for (inside,), group in groups_of(rows, "inside").items():
        widths = [row["width"] for row in group]
        covered = [extremes(group, way) for way in ("union", "delong", "newcombe")]
        lines.append((f"{inside}", *covered, f"{min(widths):.2f} to {max(widths):.2f}"))
    return header, lines


STUDY = Study(
    "How often does the interval of a held-out AUC hold the true one?",
    run,
    summary,
    repeats=1,
    units=2000,
)
