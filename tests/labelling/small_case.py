"""A small input for labelling, in which unit 1 is dead."""

import numpy as np

from invert_core.concepts import ConceptSet


def concept_set(labels, **fields):
    return ConceptSet.from_arrays(labels, [f"c{i}" for i in range(labels.shape[1])], **fields)


def small(seed=0, n_samples=150, n_units=5, n_concepts=6):
    rng = np.random.default_rng(seed)
    labels = rng.random((n_samples, n_concepts)) < 0.3
    activations = np.maximum(rng.normal(size=(n_samples, n_units)), 0).astype(np.float32)
    activations[:, 1] = 2.5
    return activations, labels
