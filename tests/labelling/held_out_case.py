"""Samples with ids, of which some are held out."""

import numpy as np

from invert_core.activations import Activations
from invert_core.labelling.workload import Workload
from invert_core.settings import Settings
from tests.labelling.small_case import concept_set

BOTH = Settings(
    objective="auc", permutations=0, direction="both", max_fraction=1.0, min_fraction=0.0, seed=3
)


def named(labels, first=0, **fields):
    ids = [f"s{number}" for number in range(first, first + len(labels))]
    return concept_set(labels, sample_id=ids, **fields)


def with_ids(activations, first=0):
    ids = [f"s{number}" for number in range(first, first + len(activations))]
    return Activations.from_array(activations, sample_id=ids)


def workload(labels, groups=None):
    activations = Activations.from_array(np.zeros((len(labels), 1)))
    layers = ((activations.layers["activations"], [0]),)
    return Workload(concept_set(labels), layers, None, groups)
