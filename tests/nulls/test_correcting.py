"""p_search: sharp where permutations can tell, and still finite beyond."""

import numpy as np
import pytest

from invert_core import Settings, label
from invert_core.statistics.corrections import log10_p_search, n_formulas


def noise(n_samples, n_units, zeros, seed):
    rng = np.random.default_rng(seed)
    values = rng.random((n_samples, n_units), np.float32) + np.float32(0.01)
    for unit in values.T:
        unit[rng.permutation(n_samples)[: round(zeros * n_samples)]] = 0
    return values


def labels(n_samples=300, n_concepts=12, share=0.1, seed=0):
    rng = np.random.default_rng(seed)
    return {f"c{number}": rng.random(n_samples) < share for number in range(n_concepts)}


@pytest.mark.parametrize("zeros", [0.0, 0.6, 0.98])
@pytest.mark.parametrize("length", [1, 3])
@pytest.mark.parametrize("direction", ["positive", "both"])
def test_noise_is_significant_as_often_as_the_level_allows(zeros, length, direction):
    settings = Settings(objective="auc", length=length, min_fraction=0.01, direction=direction)
    rows = label(noise(300, 300, zeros, 1), labels(), settings=settings)
    by_rank = {rank: [row.p_search for row in rows if row.rank == rank] for rank in (1, 2)}
    for rank, found in by_rank.items():
        if len(found) < 100:
            continue
        n_of_unit = 1 if direction == "positive" else 2
        share = sum(p < 0.05 for p in found) / len(found)
        # Both directions share a level of 5 %; 3.7 % is 3 standard deviations of 300 units.
        assert share <= 0.05 / n_of_unit + 0.038, rank
        assert np.mean(np.array(found) < 0.5) > 0.15, rank


def rows_of(planted, **settings):
    values = noise(300, 1, 0.0, 2)
    marks = labels()
    values[marks["c3"], 0] += planted
    (row,) = (
        row
        for row in label(
            values, marks, settings=Settings(objective="auc", min_fraction=0.01, **settings)
        )
        if row.rank == 1
    )
    return row


def test_without_permutations_p_is_corrected_for_the_space():
    row = rows_of(0.3, permutations=0)
    space = log10_p_search(np.array([row.p_value]), np.array([row.log10_p]), n_formulas(12, 3))
    assert (row.correction, row.log10_p_search) == ("space", space[0])


def test_far_out_p_is_a_hundred_times_that_of_the_space():
    row, of_space = rows_of(2.0), rows_of(2.0, permutations=0)
    assert (row.correction, row.formula) == ("space", "c3")
    assert row.log10_p_search == pytest.approx(of_space.log10_p_search + 2, abs=1e-9)


def test_in_the_middle_p_is_the_share_of_permuted_searches():
    row = rows_of(0.2, length=1)
    assert row.correction == "permutation"
    count = row.p_search * 0.99 * 201 - 1
    assert count == pytest.approx(round(count), abs=1e-6)
    assert 0 < row.p_search < rows_of(0.2, permutations=0).p_search


def test_the_smallest_p_that_permutations_can_give_is_the_floor():
    row = rows_of(0.25, length=1, permutations=50)
    assert row.correction == "permutation"
    assert row.p_search == pytest.approx(1 / 51 / 0.99)


def test_p_is_at_most_one_and_never_zero():
    for row in label(
        noise(60, 30, 0.9, 4), labels(60), settings=Settings(objective="auc", permutations=20)
    ):
        assert 0 < row.p_search <= 1


@pytest.mark.parametrize(("n_above", "n_below"), [(10, 30), (2, 38), (38, 2), (100, 900)])
@pytest.mark.parametrize("direction", ["positive", "negative"])
def test_noise_on_both_sides_of_many_zeros_is_held_to_the_level(n_above, n_below, direction):
    rng = np.random.default_rng(6)
    n_samples, n_units = 2_000, 30
    values = np.zeros((n_samples, n_units), np.float32)
    signs = np.repeat([1.0, -1.0], [n_above, n_below])
    for unit in values.T:
        places = rng.permutation(n_samples)[: n_above + n_below]
        unit[places] = signs * (0.1 + rng.random(places.size))
    classes = {f"c{number}": np.arange(n_samples) // 20 == number for number in range(100)}
    settings = Settings(objective="auc", length=1, direction=direction, permutations=60)
    found = [row.p_search for row in label(values, classes, settings=settings) if row.rank == 1]
    # Before, all of them were.
    assert sum(p < 0.05 for p in found) <= 5
