"""The study of what is left of scores on held-out samples."""

from bench.fading import left


def test_noise_loses_its_score_and_what_is_planted_keeps_it():
    noise = left("phi", n_samples=1_200, n_units=40, shift=0.0)
    planted = left("phi", n_samples=1_200, n_units=10, shift=3.0)
    assert noise.n_units == 40
    assert noise.fades > 0.5
    assert noise.significant < 0.15
    assert planted.n_units == 10
    assert planted.fades == 0.0
    assert planted.significant == 1.0
    assert noise.left[1] < 0.5 < planted.left[0]
