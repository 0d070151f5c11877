"""AUC and p-values of every unit for every concept, with labels like those of ImageNet-val."""

import numpy as np
import pytest
from scipy import stats

from bench import products
from bench.conftest import N_UNITS
from bench.structures import N_CLASSES
from invert_core import mann_whitney

N_CALLS = 10


@pytest.fixture(scope="module")
def arrays(data_of):
    """Activations, and the concepts that have an AUC: true on some samples and false on others."""
    data = data_of("imagenet_val")
    sizes = data.labels.sum(axis=0)
    return data.activations, data.labels[:, (sizes > 0) & (sizes < len(data.labels))]


@pytest.fixture(scope="module")
def expected(arrays):
    found = mann_whitney(*arrays)
    return found.auc, found.p_value


@pytest.fixture(scope="module")
def workload(arrays):
    return f"all AUC and p-values, {N_UNITS} units x {arrays[1].shape[1]:,} concepts"


def same_as(expected):
    """Compare with a tolerance, because illico's largest p-values fall short of 1 by some 1e-6."""

    def check(found):
        np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=1e-300)

    return check


def test_invert(measure, workload, arrays, expected):
    def by_invert():
        found = mann_whitney(*arrays)
        return found.auc, found.p_value

    measure(workload, "invert", by_invert, same_as(expected))


@pytest.mark.parametrize("way", [products.Sparse, products.Blas])
def test_products(measure, workload, arrays, expected, way):
    activations, labels = arrays
    prepared = way(labels)
    measure(
        workload,
        f"{way.__name__.lower()} product",
        lambda: products.mann_whitney(activations, prepared),
        same_as(expected),
        rounds=2,
    )


@pytest.mark.parametrize("n_threads", [1, 2])
def test_illico(measure, workload, arrays, expected, n_threads):
    illico = pytest.importorskip("illico", reason="not installed: pip install '.[bench]'")
    import anndata
    import pandas

    activations, labels = arrays
    names = [f"{number:04}" for number in range(N_CLASSES)]
    of_sample = np.array(names)[labels[:, :N_CLASSES].argmax(axis=1)]
    samples = pandas.DataFrame({"class": of_sample}, index=[f"{k}" for k in range(len(of_sample))])
    data = anndata.AnnData(X=activations, obs=samples)
    n_positive = labels[:, :N_CLASSES].sum(axis=0)[:, None]

    def by_illico():
        found = illico.asymptotic_wilcoxon(
            data, group_keys="class", reference=None, is_log1p=False, n_threads=n_threads
        )
        u = found["statistic"].to_numpy().reshape(N_CLASSES, -1)
        p = found["p_value"].to_numpy().reshape(N_CLASSES, -1)
        return (u / (n_positive * (len(labels) - n_positive))).T, p.T

    measure(
        workload,
        f"illico, n_threads={n_threads}",
        by_illico,
        same_as([of[:, :N_CLASSES] for of in expected]),
        remark=f"only the {N_CLASSES:,} disjoint classes",
    )


def test_calls(measure, workload, arrays, expected):
    """Activations become float64, because SciPy would sum the ranks of float32 in float32."""
    activations, labels = arrays
    pairs = [(3 * k, 101 * k) for k in range(N_CALLS)]

    def by_calls():
        found = []
        for unit, concept in pairs:
            values, label = activations[:, unit].astype(np.float64), labels[:, concept]
            test = stats.mannwhitneyu(values[label], values[~label], method="asymptotic")
            found.append((test.statistic / (label.sum() * (~label).sum()), test.pvalue))
        return np.array(found).T

    measure(
        workload,
        "scipy.stats.mannwhitneyu",
        by_calls,
        same_as([[of[pair] for pair in pairs] for of in expected]),
        rounds=1,
        part=N_CALLS / expected[0].size,
        remark=f"from {N_CALLS} of {expected[0].size:,} calls",
    )
