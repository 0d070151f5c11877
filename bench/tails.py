"""How far log10 p is from counting all extents, and what it costs: ``python -m bench.tails``."""

import math
import time

import click
import numpy as np
from scipy import stats

from bench import machine
from bench.counting import LN10, count, doubled_midranks
from bench.tables import table
from invert_core.kernels.tails import GREATER, log_tails
from invert_core.kernels.ties import Ties

N_SUMS = 200
"""Sums of each extent size, evenly over all that have a p from 1e-1 to 1e-31."""


def with_zeros(rng: np.random.Generator, n_samples: int, n_below: int, n_above: int) -> np.ndarray:
    """Return zeros, and untied values on both sides of them."""
    values = np.zeros(n_samples)
    values[:n_below] = -1.0 - rng.random(n_below)
    values[n_below : n_below + n_above] = 1.0 + rng.random(n_above)
    return values


def populations(rng: np.random.Generator) -> dict[str, tuple[np.ndarray, tuple[int, ...]]]:
    """Return values and sizes of extents by name."""
    return {
        "untied, N = 100": (rng.random(100), (3, 10, 50)),
        "untied, 400": (rng.random(400), (3, 10, 40)),
        "50 % zeros, 300": (with_zeros(rng, 300, 0, 150), (3, 10, 150)),
        "90 %, 1,000": (with_zeros(rng, 1000, 0, 100), (3, 50, 500)),
        "98 %, 1,000": (with_zeros(rng, 1000, 0, 20), (3, 50, 500)),
        "99.8 %, 50,000": (with_zeros(rng, 50_000, 0, 100), (3, 1000, 25_000)),
        "99.99 %, 1,000,000": (with_zeros(rng, 1_000_000, 0, 100), (3, 100_000, 500_000)),
        "98 % in the middle, 1,000": (with_zeros(rng, 1000, 10, 10), (3, 50, 500)),
        "90 % in the middle, 1,000": (with_zeros(rng, 1000, 50, 50), (3, 50, 500)),
        "50 % in the middle, 200": (with_zeros(rng, 200, 50, 50), (3, 10, 100)),
        "cut off at both ends, 300": (np.clip(rng.normal(size=300), -1, 1), (3, 10, 150)),
        "zeros and a ceiling, 500": (np.clip(rng.normal(size=500) - 1, 0, 1), (3, 50, 250)),
        "four levels, 200": (rng.integers(0, 4, 200), (3, 20, 100)),
        "nine levels, 120": (rng.integers(0, 9, 120), (3, 20, 60)),
        "counts of mean 2, 300": (rng.poisson(2.0, 300), (3, 20, 80)),
        "geometric, 400": (rng.geometric(0.3, 400), (3, 20, 80)),
    }


def log10_normal(values: np.ndarray, n_positive: int, sums: np.ndarray) -> np.ndarray:
    """Return log10 of the upper tail of the normal approximation, as scipy's asymptotic test."""
    n = values.size
    squares = ((doubled_midranks(values) - (n + 1.0)) ** 2).sum()
    deviation = math.sqrt(n_positive * (n - n_positive) * squares / (n * (n - 1.0)))
    return stats.norm.logsf((sums - n_positive * (n + 1.0) - 1.0) / deviation) / LN10


def measured(values: np.ndarray, sizes: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, float]:
    """Return the errors of the normal tail and of the ladder, and microseconds a row."""
    profile = Ties.of([values])
    normal, ladder, seconds = [], [], 0.0
    for size in sizes:
        exact = count(values, size)
        seen = np.flatnonzero((exact.log10_upper < -1.0) & (exact.log10_upper > -31.0))
        seen = np.unique(seen[np.linspace(0, seen.size - 1, N_SUMS).astype(int)])
        sums, right = exact.sums[seen], exact.log10_upper[seen]
        rows = (np.full(sums.size, size), sums, np.zeros(sums.size, np.int64), profile, GREATER)
        log_tails(*rows)
        start = time.process_time()
        log_p, _ = log_tails(*rows)
        seconds += time.process_time() - start
        ladder.append(log_p / LN10 - right)
        normal.append(log10_normal(values, size, sums) - right)
    return np.concatenate(normal), np.concatenate(ladder), 1e6 * seconds / sum(map(len, ladder))


@click.command(help="Print errors of log10 p against counting all extents, from 1e-1 to 1e-31.")
@click.option("--seed", default=0, show_default=True, help="Seed of the values.")
def main(seed: int) -> None:
    """Print a row per population."""
    rows = []
    for name, (values, sizes) in populations(np.random.default_rng(seed)).items():
        normal, ladder, cost = measured(values, sizes)
        rows.append(
            (
                name,
                ", ".join(f"{size:,}" for size in sizes),
                *(f"{error.min():+.3f} to {error.max():+.3f}" for error in (normal, ladder)),
                f"{cost:.0f} µs",
            )
        )
    print(machine.here(), "", sep="\n")
    print(*table(("values", "extents", "normal", "conditional", "a row"), rows), sep="\n")


if __name__ == "__main__":
    main()
