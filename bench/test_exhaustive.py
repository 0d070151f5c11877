"""The exhaustive search, next to sparse products and never below the beam search."""

import numpy as np
import pytest

from bench import atoms, products
from bench.conftest import N_UNITS
from bench.measuring import Way
from invert_core import Settings, label

LIMITS = {"min_fraction": 0.0005, "max_fraction": 0.5}
UNITS_OF_PRODUCTS = 16
LENGTH_3 = "ImageNet-val, exhaustive, L=3"


@pytest.fixture(scope="module")
def data(data_of):
    return data_of("imagenet_val")


def best_auc(data, units=slice(None), **settings):
    found = label(
        data.activations[:, units],
        data.concepts,
        settings=Settings(**LIMITS, objective="auc", evidence=False, **settings),
    )
    first = [row for row in found if row.rank == 1]
    assert all(row.gap in (None, 0.0) for row in first)
    return np.array([row.auc for row in first])


def test_length_2(alternate, data):
    by_beam = best_auc(data, length=2, beam=3)
    units = np.linspace(0, N_UNITS, UNITS_OF_PRODUCTS, endpoint=False, dtype=int)
    expected = best_auc(data, units, length=2, search="exhaustive")
    way = products.Sparse(atoms.merge(data.labels))

    def no_worse(found):
        assert np.all(found >= by_beam)

    def by_products():
        return products.best_pairs(data.activations[:, units], way, Settings(**LIMITS))

    ways = [
        Way("invert", lambda: best_auc(data, length=2, search="exhaustive"), no_worse),
        Way(
            "sparse products, polars ranks",
            by_products,
            lambda found: np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12),
            part=UNITS_OF_PRODUCTS / N_UNITS,
            remark=f"over merged samples; no p-values; from {UNITS_OF_PRODUCTS} of {N_UNITS} units",
        ),
    ]
    name = f"ImageNet-val, exhaustive, L=2: 50,000 x {N_UNITS}, {len(data.concepts.id):,} concepts"
    alternate(name, ways, rounds=2)


@pytest.mark.parametrize("unit", [0, 1], ids=["that detects something", "that detects nothing"])
def test_length_3(measure, data, unit, request):
    by_beam = best_auc(data, slice(unit, unit + 1), length=3, beam=3)
    measure(
        f"{LENGTH_3}: a unit {request.node.callspec.id}",
        "invert",
        lambda: best_auc(data, slice(unit, unit + 1), length=3, search="exhaustive"),
        lambda found: np.testing.assert_array_less(by_beam - 1e-15, found),
    )
