"""A small input for labelling, in which unit 1 is dead, and the p-value of a formula."""

from collections.abc import Set as AbstractSet

import numpy as np
import pytest

from invert_core import mann_whitney
from invert_core.concepts import ConceptSet
from invert_core.settings import Settings
from tests import naive

# Of a small labelling, null distributions take nearly all the time.
QUICK = Settings(objective="auc", permutations=0)
FEW = Settings(objective="auc", permutations=20)


def concept_set(labels, **fields):
    return ConceptSet.from_arrays(labels, [f"c{i}" for i in range(labels.shape[1])], **fields)


def small(seed=0, n_samples=150, n_units=5, n_concepts=6):
    rng = np.random.default_rng(seed)
    labels = rng.random((n_samples, n_concepts)) < 0.3
    activations = np.maximum(rng.normal(size=(n_samples, n_units)), 0).astype(np.float32)
    activations[:, 1] = 2.5
    return activations, labels


def p_of(values: np.ndarray, extent: AbstractSet[int]) -> tuple[float, float]:
    """p and log10 p given the ties of a unit [N], which all tests of an extent must have.

    All extents of the size are counted if that takes no longer than a moment.
    """
    found = mann_whitney(
        values, np.isin(np.arange(values.size), list(extent)), method="conditional"
    )
    if values.size <= 24:
        ranks = naive.doubled_midranks(values.tolist())
        total = sum(ranks[sample] for sample in extent)
        counted = naive.conditional_p(values.tolist(), len(extent), total)
        assert float(found.log10_p) == pytest.approx(naive.log10_of(counted), rel=0, abs=0.1)
    return float(found.p_value), float(found.log10_p)
