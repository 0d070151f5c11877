import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core import label
from invert_core.concepts import ConceptSet
from invert_core.settings import Settings
from invert_core.statistics.tails import RankSpread
from tests import naive


@given(st.integers(5, 60), st.integers(0, 2**32))
def test_the_skewness_is_that_of_u_over_all_extents_of_a_size(n_samples, seed):
    rng = np.random.default_rng(seed)
    values = np.where(rng.random(n_samples) < 0.7, 0.0, rng.random(n_samples))
    ranks = np.array(naive.doubled_midranks(values.tolist()))
    third = float(((ranks - (n_samples + 1)) ** 3).sum())
    spread = RankSpread.of_units(n_samples, [naive.tie_sum(values.tolist())], np.array([third]))
    if spread.is_dead.all():
        return
    # An extent of two samples: its moments by writing down all pairs.
    first, second = np.triu_indices(n_samples, k=1)
    u = (ranks[first] + ranks[second] - 6) / 2
    moments = [((u - u.mean()) ** k).mean() for k in (2, 3)]
    assert spread.sigma(np.array([2]))[0] == pytest.approx(np.sqrt(moments[0]), rel=1e-9, abs=0)
    expected = moments[1] / moments[0] ** 1.5
    assert spread.skewness(np.array([2]))[0] == pytest.approx(expected, rel=1e-6, abs=1e-6)


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


def test_the_normal_tail_fails_on_rare_activations_and_the_status_says_so():
    labels = np.repeat(np.arange(200), 10)[:, None] == np.arange(200)
    alarms, trusted, n_rows = false_alarms(noise(0.98, 2000, 300, 2), labels)
    assert alarms > 0.25 * n_rows
    assert trusted == 0


def test_a_real_effect_on_rare_activations_stays_trusted():
    activations = noise(0.98, 2000, 1, 3)
    labels = np.random.default_rng(4).random((2000, 20)) < 0.05
    labels[:, 0] = activations[:, 0] > 0
    concepts = ConceptSet.from_arrays(labels, [f"c{i}" for i in range(20)])
    (row,) = label(activations, concepts, settings=Settings(length=1, beam=1)).rows
    assert (row.formula, row.status) == ("c0", "ok")
