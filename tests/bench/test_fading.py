"""The study of what is left of scores on held-out samples."""

import pytest

from bench.fading import left


def test_noise_loses_its_score_and_what_is_planted_keeps_it():
    noise = left(n_samples=1_200, n_units=40, shift=0.0)["phi", "noise"]
    found = left(n_samples=1_200, n_units=10, shift=3.0)
    planted = found["phi", "planted"]
    assert noise.n_labels == 40
    assert noise.n_fade > 20
    assert noise.n_small < 6
    assert (planted.n_labels, planted.n_fade, planted.n_small) == (10, 0, 10)
    assert noise.quartiles[1] < 0.5 < planted.quartiles[0]
    assert found["phi", "another"].n_labels == 0


@pytest.mark.parametrize("objective", ["auc", "phi"])
def test_the_planted_concept_may_fade_where_samples_are_few_and_effects_small(objective):
    planted = left(n_samples=1_200, n_units=90, shift=0.5)[objective, "planted"]
    assert planted.n_labels >= 10
    assert 0.1 < planted.n_fade / planted.n_labels < 0.7
    assert planted.n_fade_small < planted.n_fade
