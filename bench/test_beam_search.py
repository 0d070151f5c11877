"""Labelling a whole layer, p-values included, next to beam searches made of products."""

import numpy as np
import pytest

from bench import products
from bench.searches import SEARCHES
from invert_core import label

UNITS_PER_BLOCK = 32
"""Size of a block in the products: large enough for full speed, 100 MB for each core."""


@pytest.fixture(scope="module")
def best_of():
    """Return the AUC of the best formula of every unit of a workload, as `invert` finds it."""
    found = {}

    def get(workload, data):
        if workload not in found:
            labels = label(data.activations, data.concepts, settings=SEARCHES[workload].settings)
            found[workload] = best_auc(labels)
        return found[workload]

    return get


def best_auc(labels):
    return np.array([row.auc for row in labels if row.rank == 1])


def title(workload, data):
    samples, units = data.activations.shape
    return f"{workload}: {samples:,} x {units}, {len(data.concepts.id):,} concepts"


CASES = [
    (workload, way)
    for workload, search in SEARCHES.items()
    for way in ("invert", products.Sparse, products.Blas)
    if (search.structure, way) != ("dense", products.Sparse)  # takes too long
]


@pytest.mark.parametrize(("workload", "way"), CASES)
def test_beam_search(measure, data_of, best_of, workload, way):
    search = SEARCHES[workload]
    data = data_of(search.structure)
    expected = best_of(workload, data)
    name = title(workload, data)
    if way == "invert":
        measure(
            name,
            "invert",
            lambda: label(data.activations, data.concepts, settings=search.settings),
            lambda found: np.testing.assert_array_equal(best_auc(found), expected),
        )
        return
    n_units = data.activations.shape[1]
    some = np.linspace(0, n_units, min(search.units_of_others, n_units), endpoint=False, dtype=int)
    prepared = way(data.labels)

    def check(beams):
        found = [beam[0].auc for beam in beams]
        np.testing.assert_allclose(found, expected[some], rtol=0, atol=1e-12)

    measure(
        name,
        f"{way.__name__.lower()} products",
        lambda: products.beam_search(
            data.activations[:, some],
            prepared,
            search.settings,
            min(UNITS_PER_BLOCK, -(-some.size // 2)),
        ),
        check,
        rounds=2,
        part=some.size / n_units,
        remark="no p-values"
        + (f"; from {some.size} of {n_units} units" if some.size < n_units else ""),
    )
