"""Missing labels: excluded, so that each formula has its own samples, or taken for 0."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import rankdata

from bench import structures
from bench.measuring import Way
from invert_core import ConceptSet, Settings, label

N_SAMPLES, N_CONCEPTS, N_UNITS = 20_000, 500, 64
SETTINGS = Settings(length=3, beam=3, objective="auc")
RANKINGS = 1 + 2 * SETTINGS.beam
"""Number of formulas that a search joins to every concept; the first is true on all samples."""


class Missing(NamedTuple):
    """Labels int8 [N, C], in which -1 is missing; `n_units` units are searched with exclusion."""

    title: str
    activations: np.ndarray
    labels: np.ndarray
    concepts: ConceptSet
    n_units: int


@pytest.fixture(
    scope="module", params=[(5, 64), (N_CONCEPTS, 4)], ids=["5 sources", "each its own"]
)
def data(request):
    """Concepts on 0.5 to 30 % of the samples; each source labels 80 % of them."""
    n_sources, n_units = request.param
    rng = np.random.default_rng(0)
    labels = rng.random((N_SAMPLES, N_CONCEPTS)) < np.geomspace(0.005, 0.3, N_CONCEPTS)
    activations = structures.relu(structures.planted(labels, N_UNITS, rng), rng)
    known = (rng.random((N_SAMPLES, n_sources)) < 0.8)[:, np.arange(N_CONCEPTS) % n_sources]
    table = np.where(known, labels, -1).astype(np.int8)
    concepts = ConceptSet.from_arrays(table, [f"c{number}" for number in range(N_CONCEPTS)])
    for missing in ("exclude", "negative"):
        label(activations[:, :1], concepts, missing=missing)  # so that all is compiled
    title = f"missing labels, {n_sources} sources, L=3, B=3: {N_SAMPLES:,} x {N_UNITS}"
    return Missing(f"{title}, {N_CONCEPTS} concepts", activations, table, concepts, n_units)


def literals(found):
    """AUC of the best literal of each unit."""
    return np.array([row.by_length[0].auc for row in found if row.rank == 1])


def test_missing(alternate, data):
    some = data.activations[:, : data.n_units]
    by_scipy = best_literals(data, 1)

    def by_invert(activations, missing):
        return label(activations, data.concepts, settings=SETTINGS, missing=missing)

    def same_literals(found):
        np.testing.assert_allclose(literals(found)[:1], by_scipy, rtol=0, atol=1e-12)

    ways = [
        Way("invert, --missing negative", lambda: by_invert(data.activations, "negative")),
        Way(
            "invert, --missing exclude",
            lambda: by_invert(some, "exclude"),
            same_literals,
            part=data.n_units / N_UNITS,
            remark=f"from {data.n_units} of {N_UNITS} units" if data.n_units < N_UNITS else "",
        ),
        Way(
            "scipy.stats.rankdata for every formula and concept",
            lambda: best_literals(data, 1),
            part=1 / (N_UNITS * RANKINGS),
            remark=f"no search, no p-values; from the literals of 1 of {N_UNITS} units",
            rounds=1,
        ),
    ]
    alternate(data.title, ways, rounds=3, table="missing")


def best_literals(data, n_units):
    """AUC of the best literal of some units, one concept after the other."""
    best = np.zeros(n_units)
    for unit in range(n_units):
        for column in data.labels.T:
            known = column >= 0
            true, n = column[known] == 1, known.sum()
            n1 = true.sum()
            ranks = rankdata(data.activations[known, unit])
            auc = (ranks[true].sum() - n1 * (n1 + 1) / 2) / (n1 * (n - n1))
            for area, share in ((auc, n1 / n), (1 - auc, 1 - n1 / n)):
                if SETTINGS.min_fraction <= share <= SETTINGS.max_fraction:
                    best[unit] = max(best[unit], area)
    return best
