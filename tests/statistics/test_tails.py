import numpy as np
import pytest

from invert_core import label
from invert_core.concepts import ConceptSet
from invert_core.settings import Settings


def noise(share_of_zeros, n_samples, n_units, seed):
    rng = np.random.default_rng(seed)
    zero = rng.random((n_samples, n_units)) < share_of_zeros
    return np.where(zero, 0, rng.random((n_samples, n_units))).astype(np.float32)


def false_alarms(activations, labels, **settings):
    """Significant noise units in all, and of those the ones that the status calls trusted."""
    concepts = ConceptSet.from_arrays(labels, [f"c{i}" for i in range(labels.shape[1])])
    rows = label(activations, concepts, settings=Settings(**settings)).best()
    alarms = [row for row in rows if row.p_search < 0.05]
    return len(alarms), sum(row.status == "ok" for row in alarms), len(rows)


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.5, 0.98])
@pytest.mark.parametrize("settings", [{"length": 1}, {"length": 3}, {"direction": "both"}])
def test_pure_noise_is_rarely_called_significant_and_trusted(share_of_zeros, settings):
    labels = np.random.default_rng(0).random((2000, 60)) < 0.05
    _, trusted, n_rows = false_alarms(noise(share_of_zeros, 2000, 300, 1), labels, **settings)
    # 5 % are allowed; three standard deviations of 300 units above that are 8.8 %.
    assert trusted <= 0.088 * n_rows


def test_a_real_effect_on_rare_activations_stays_trusted():
    activations = noise(0.98, 2000, 1, 3)
    labels = np.random.default_rng(4).random((2000, 20)) < 0.05
    labels[:, 0] = activations[:, 0] > 0
    concepts = ConceptSet.from_arrays(labels, [f"c{i}" for i in range(20)])
    (row,) = label(activations, concepts, settings=Settings(length=1, beam=1)).rows
    assert (row.formula, row.status) == ("c0", "ok")
