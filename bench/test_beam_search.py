"""Labelling a whole layer, p-values included, next to beam searches made of products."""

import numpy as np
import pytest

from bench import atoms, products
from bench.measuring import Way
from bench.searches import SEARCHES
from invert_core import label

_FORMULAS_PER_BLOCK = {products.Blas: 96, products.Sparse: 48}
"""Number of formulas in one product: enough for full speed, little enough for the caches."""
_SLOW = {"dense": (products.Blas,), "zipf": (products.Sparse,)}
"""The products that finish in reasonable time, of structures on which the others do not."""


def best_auc(labels):
    return np.array([row.auc for row in labels if row.rank == 1])


@pytest.mark.parametrize("workload", SEARCHES)
def test_beam_search(alternate, data_of, workload):
    search = SEARCHES[workload]
    data = data_of(search.structure)
    activations = data.activations[:, : search.n_units]
    samples, units = activations.shape
    expected = best_auc(label(activations, data.concepts, settings=search.settings))

    def by_invert():
        return label(activations, data.concepts, settings=search.settings)

    ways = [
        Way(
            "invert",
            by_invert,
            lambda found: np.testing.assert_array_equal(best_auc(found), expected),
        )
    ]
    merged = (atoms.merge if search.merged else atoms.single)(data.labels)
    for product in _SLOW.get(search.structure, (products.Blas, products.Sparse)):
        ways.append(by_products(product(merged), search, activations, expected))
    name = f"{workload}: {samples:,} x {units}, {len(data.concepts.id):,} concepts"
    alternate(name, ways, rounds=5)


def by_products(way, search, activations, expected):
    n_units = activations.shape[1]
    some = np.linspace(0, n_units, search.units_of_others, endpoint=False, dtype=int)
    chosen = np.ascontiguousarray(activations[:, some])
    block = max(1, _FORMULAS_PER_BLOCK[type(way)] // search.settings.beam)

    def check(beams):
        found = [beam[0].auc for beam in beams]
        np.testing.assert_allclose(found, expected[some], rtol=0, atol=1e-12)

    remarks = ["over merged samples"] * search.merged + ["no p-values"]
    if some.size < n_units:
        remarks.append(f"from {some.size} of {n_units} units")
    return Way(
        f"{type(way).__name__.lower()} products, polars ranks",
        lambda: products.beam_search(chosen, way, search.settings, block),
        check,
        part=some.size / n_units,
        remark="; ".join(remarks),
        rounds=None if search.merged else 2,
    )
