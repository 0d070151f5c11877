"""How often the intervals of an AUC hold the true one: ``python -m bench.coverage``.

A concept on few of the samples shifts a unit, whose values are normal, or, after a ReLU, mostly
zeros. All numbers follow from the seed.
"""

import itertools
from typing import NamedTuple

import click
import numpy as np
from scipy.integrate import quad
from scipy.stats import norm

from bench.tables import table
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.placements import placements
from invert_core.statistics.intervals import auc_interval, logit_interval, newcombe_interval

N_POSITIVE = (3, 4, 5, 10, 20, 50)
SHIFTS = (0.0, 1.0, 2.0, 3.0)
ZEROS = (0.0, 0.9)
N_SAMPLES = 400


class Coverage(NamedTuple):
    """Shares of rounds in which each interval holds the true AUC, and the mean width of the union.

    An interval that does not exist holds nothing.
    """

    union: float
    delong: float
    newcombe: float
    width: float


def coverage(
    n_positive: int, n_samples: int, shift: float, zeros: float, *, n_rounds: int, seed: int
) -> Coverage:
    """Draw units of which a share `zeros` is 0 outside the extent, and count."""
    random = np.random.default_rng(seed)
    extent = np.arange(n_samples) < n_positive
    cut = float(norm.ppf(zeros))
    values = random.normal(size=(n_rounds, n_samples)) + shift * extent
    if zeros:
        values = np.maximum(values - cut, 0.0)
    extents = np.tile(pack_columns(extent[:, None]), (n_rounds, 1))
    found = placements(values, np.arange(n_rounds), extents, None, n_samples)
    truth = true_auc(shift, cut)
    shares = []
    for of in (auc_interval, logit_interval, newcombe_interval):
        low, high = of(found)
        shares.append(float(((low <= truth) & (truth <= high)).mean()))
    low, high = auc_interval(found)
    return Coverage(*shares, width=float((high - low).mean()))


def true_auc(shift: float, cut: float) -> float:
    """Return the AUC of a normal value that is shifted against one that is not, both cut below."""
    above, _ = quad(lambda x: norm.pdf(x - shift) * norm.cdf(x), cut, np.inf)
    return above + norm.cdf(cut - shift) * norm.cdf(cut) / 2


@click.command(help="Print how often the 95 % intervals of an AUC hold the true one.")
@click.option("--rounds", default=5000, show_default=True, help="Rounds of each row.")
@click.option("--seed", default=1, show_default=True)
def main(rounds: int, seed: int) -> None:
    """Print a row for each number of samples inside the extent, share of zeros, and shift."""
    rows = []
    for zeros, n_positive, shift in itertools.product(ZEROS, N_POSITIVE, SHIFTS):
        found = coverage(n_positive, N_SAMPLES, shift, zeros, n_rounds=rounds, seed=seed)
        auc = true_auc(shift, float(norm.ppf(zeros)))
        shares = [f"{100 * share:.1f} %" for share in found[:3]]
        rows.append((f"{zeros:.0%}", str(n_positive), f"{auc:.3f}", *shares, f"{found.width:.3f}"))
    titles = ("zeros", "inside", "true AUC", "union", "logit DeLong", "Newcombe", "mean width")
    print("\n".join(table(titles, rows)))


if __name__ == "__main__":
    main()
