"""Noise is called significant no more often than the level says; what is real stays significant.

`p_value` and the correction for the space of formulas; permutations are tested in `tests.nulls`.
"""

import numpy as np
import pytest

from invert_core import label, score
from invert_core.settings import Settings


def noise(share_of_zeros, n_samples, n_units, seed):
    rng = np.random.default_rng(seed)
    zero = rng.random((n_samples, n_units)) < share_of_zeros
    return np.where(zero, 0, rng.random((n_samples, n_units))).astype(np.float32)


def random_labels(n_samples, n_concepts, share, seed):
    rng = np.random.default_rng(seed)
    return {f"c{number}": rng.random(n_samples) < share for number in range(n_concepts)}


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.5, 0.98, 0.998])
@pytest.mark.parametrize("n_positive", [3, 10, 1000])
def test_p_of_noise_has_every_level(share_of_zeros, n_positive):
    rows = score(noise(share_of_zeros, 2000, 3000, 5), {"a": np.arange(2000) < n_positive}, "a")
    p = np.array([row.p_value for row in rows])
    for level in (0.001, 0.01, 0.05, 0.2):
        share, deviation = np.mean(p <= level), np.sqrt(level / 3000)
        assert share <= level + 4 * deviation, level
        # Few values of p are possible if values are tied; without ties, every level is used.
        if share_of_zeros == 0.0:
            assert share >= level - 4 * deviation, level


@pytest.mark.parametrize("share_of_zeros", [0.0, 0.5, 0.98])
@pytest.mark.parametrize("settings", [{"length": 1}, {"length": 3}, {"direction": "both"}])
def test_the_best_formula_for_noise_is_rarely_significant_in_the_space(share_of_zeros, settings):
    rows = label(
        noise(share_of_zeros, 2000, 300, 1),
        random_labels(2000, 60, 0.05, 0),
        settings=Settings(objective="auc", permutations=0, **settings),
    ).best()
    n_significant = sum(row.p_search < 0.05 for row in rows)
    # 5 % are allowed; three standard deviations of 300 units above that are 8.8 %.
    assert n_significant <= 0.088 * len(rows)


@pytest.mark.parametrize("permutations", [0, 20])
def test_a_real_effect_on_rare_activations_is_significant(permutations):
    activations = noise(0.98, 2000, 1, 3)
    labels = random_labels(2000, 20, 0.05, 4) | {"real": activations[:, 0] > 0}
    settings = Settings(objective="auc", length=1, beam=1, permutations=permutations)
    (row,) = label(activations, labels, settings=settings)
    assert (row.formula, row.status, row.method) == ("real", "ok", "exact")
    assert row.log10_p_search < -50
