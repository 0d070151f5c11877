"""AUC and p-values of every unit for every concept, with labels like those of ImageNet-val."""

import numpy as np
import pytest
from scipy import stats

from bench import atoms, products
from bench.conftest import N_UNITS
from bench.measuring import Way
from bench.structures import N_CLASSES
from invert_core import mann_whitney

N_CALLS = 10


@pytest.fixture(scope="module")
def arrays(data_of):
    """Activations, and the concepts that have an AUC: true on some samples and false on others."""
    data = data_of("imagenet_val")
    sizes = data.labels.sum(axis=0)
    return data.activations, data.labels[:, (sizes > 0) & (sizes < len(data.labels))]


def by_invert(activations, labels):
    found = mann_whitney(activations, labels)
    return found.auc, found.p_value


def same_as(expected):
    """Compare with a tolerance, because illico's largest p-values fall short of 1 by some 1e-6."""

    def check(found):
        np.testing.assert_allclose(found[0], expected[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(found[1], expected[1], rtol=1e-5, atol=1e-300)

    return check


def test_all_concepts(alternate, arrays):
    activations, labels = arrays
    expected = by_invert(activations, labels)
    check = same_as(expected)
    merged = atoms.merge(labels)
    ways = [Way("invert", lambda: by_invert(activations, labels), check)]
    for product in (products.Blas, products.Sparse):
        way = product(merged)
        ways.append(
            Way(
                f"{product.__name__.lower()} products, polars ranks",
                lambda way=way: atoms.mann_whitney(activations, merged, way),
                check,
                remark="over merged samples",
            )
        )
    ways.append(by_calls(activations, labels, expected))
    alternate(f"all AUC and p-values, {N_UNITS} units x {labels.shape[1]:,} concepts", ways)


def by_calls(activations, labels, expected):
    """Activations become float64, because SciPy would sum the ranks of float32 in float32."""
    pairs = [(3 * k, 101 * k) for k in range(N_CALLS)]

    def call():
        found = []
        for unit, concept in pairs:
            values, label = activations[:, unit].astype(np.float64), labels[:, concept]
            test = stats.mannwhitneyu(values[label], values[~label], method="asymptotic")
            found.append((test.statistic / (label.sum() * (~label).sum()), test.pvalue))
        return np.array(found).T

    return Way(
        "scipy.stats.mannwhitneyu",
        call,
        same_as([[of[pair] for pair in pairs] for of in expected]),
        part=N_CALLS / expected[0].size,
        remark=f"from {N_CALLS} of {expected[0].size:,} calls",
    )


def test_classes(alternate, arrays):
    activations, labels = arrays[0], np.ascontiguousarray(arrays[1][:, :N_CLASSES])
    check = same_as(by_invert(activations, labels))
    classes, sizes = labels.argmax(axis=1), labels.sum(axis=0)

    def by_polars():
        return atoms.mann_whitney_of_classes(activations, classes, sizes)

    ways = [
        Way("invert", lambda: by_invert(activations, labels), check),
        Way("polars rank and group_by", by_polars, check),
        *by_illico(activations, classes, sizes, check),
    ]
    alternate(f"all AUC and p-values, {N_UNITS} units x {N_CLASSES:,} disjoint classes", ways)


def by_illico(activations, classes, sizes, check):
    """Return illico's ways in the form that it is fastest in: samples in columns, small batches."""
    import anndata
    import illico
    import pandas

    names = np.array([f"{number:04}" for number in range(N_CLASSES)])
    samples = pandas.DataFrame(
        {"class": names[classes]}, index=[f"{number}" for number in range(len(classes))]
    )
    data = anndata.AnnData(X=np.asfortranarray(activations), obs=samples)
    pairs = (sizes * (len(classes) - sizes))[:, None]

    def call(n_threads):
        found = illico.asymptotic_wilcoxon(
            data,
            group_keys="class",
            reference=None,
            is_log1p=False,
            n_threads=n_threads,
            batch_size=16,
        )
        u, p = (found[of].to_numpy().reshape(N_CLASSES, -1) for of in ("statistic", "p_value"))
        return (u / pairs).T, p.T

    for n_threads in (1, 2):
        yield Way(
            f"illico, n_threads={n_threads}",
            lambda n_threads=n_threads: call(n_threads),
            check,
            remark="activations laid out by unit beforehand",
        )
