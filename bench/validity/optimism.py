"""How much better the AUC is on the samples of the search than on others, for noise."""

from collections.abc import Iterator, Sequence

import numpy as np

from bench.validity import labels, runs, units
from bench.validity.bounds import bound
from bench.validity.record import Row
from bench.validity.study import Sizes, Study, Table, percent, round_percent
from invert_core import Settings
from invert_core.demo import SETTINGS

HOLD_OUT = 0.3
ZEROS = (0.0, 0.9, 0.98, 0.998)
_OF_DIGITS = SETTINGS.min_fraction
STRUCTURES = ("WordNet", "digits", "ImageNet-like")


def run(sizes: Sizes) -> Iterator[Row]:
    """Yield a row for each structure and share of zeros."""
    for name, found in labels.structures_of(STRUCTURES):
        min_fraction = _OF_DIGITS if name == "digits" else found.min_fraction
        for zeros in ZEROS:
            rows = []
            for repeat in range(sizes.repeats):
                rng = np.random.default_rng((7, repeat, round(1000 * zeros)))
                activations = units.noise((found.concepts.n_samples, sizes.units), zeros, rng)
                settings = Settings(
                    objective="auc", min_fraction=min_fraction, permutations=0, seed=repeat
                )
                rows += runs.headlines(
                    activations, found.concepts, settings, jobs=sizes.jobs, holdout=HOLD_OUT
                )
            tested = [row for row in rows if row.auc_held_out is not None]
            yield {
                "structure": name,
                "zeros": zeros,
                "units": len(rows),
                "untested": 1 - len(tested) / len(rows),
                "auc": float(np.mean([row.auc for row in tested])),
                "auc_held_out": float(np.mean([row.auc_held_out for row in tested])),
                "optimism": float(np.mean([row.optimism for row in tested])),
                "significant": runs.share([row.p_held_out < runs.SIGNIFICANT for row in tested]),
                "bound": bound(len(tested), 1, 0),
                "inside": runs.share(
                    [row.auc_held_out_low <= 0.5 <= row.auc_held_out_high for row in tested]
                ),
            }


def summary(rows: Sequence[Row]) -> Table:
    """Return a line for each row."""
    header = (
        "labels", "zeros", "AUC", "held-out AUC", "optimism", "p held out < .05", "bound",
        "interval holds 0.5",
    )  # fmt: skip
    lines = [
        (
            row["structure"],
            round_percent(row["zeros"]),
            f"{row['auc']:.3f}",
            f"{row['auc_held_out']:.3f}",
            f"{row['optimism']:.3f}",
            percent(row["significant"]),
            percent(row["bound"]),
            percent(row["inside"]),
        )
        for row in rows
    ]
    return header, lines


STUDY = Study(
    "How much does the search flatter the AUC of noise?",
    run,
    summary,
    repeats=10,
    units=100,
    data=STRUCTURES,
)
