"""Tails of rank sums given the ties, against counting all extents."""

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from bench.counting import count, doubled_midranks
from invert_core.kernels import tails, unsplit_tails
from invert_core.kernels.tails import log_tails
from invert_core.kernels.ties import Ties, fill_pieces, room_for_pieces
from tests import naive

ALTERNATIVES = {"two-sided": tails.TWO_SIDED, "greater": tails.GREATER, "less": tails.LESS}
ACCURACY = 0.1
"""In log10 p."""


def log10_tails(values, n_positive, rank_sums, alternative="greater"):
    rank_sums = np.asarray(rank_sums, np.int64)
    sizes, units = np.full(rank_sums.size, n_positive), np.zeros(rank_sums.size, np.int64)
    profile = Ties.of([np.asarray(values)])
    log_p, rung = log_tails(sizes, rank_sums, units, profile, ALTERNATIVES[alternative])
    return log_p / math.log(10.0), rung


@st.composite
def small_cases(draw):
    """Values of which many are equal, and an extent."""
    n = draw(st.integers(2, 24))
    most = draw(st.sampled_from((1, 2, 3, 8, 100)))
    values = draw(st.lists(st.integers(-most, most), min_size=n, max_size=n))
    extent = draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=n - 1))
    return values, extent


@pytest.mark.kernels
@given(small_cases(), st.sampled_from(tuple(ALTERNATIVES)))
def test_p_is_that_of_counting_all_extents(case, alternative):
    values, extent = case
    rank_sum = sum(naive.doubled_midranks(values)[i] for i in extent)
    expected = naive.log10_of(naive.conditional_p(values, len(extent), rank_sum, alternative))
    found, rung = log10_tails(values, len(extent), [rank_sum], alternative)
    tolerance = 1e-6 if rung[0] <= tails.EXACT else ACCURACY
    assert found[0] == pytest.approx(expected, rel=0, abs=tolerance)


def profiles():
    """Values of many kinds, by name; each with sizes of extents."""
    rng = np.random.default_rng(15)

    def with_zeros(n_samples, n_negative, n_positive):
        values = np.zeros(n_samples)
        values[:n_negative] = -1.0 - rng.random(n_negative)
        values[n_negative : n_negative + n_positive] = 1.0 + rng.random(n_positive)
        return values

    return {
        "untied": (rng.random(100), (3, 10, 50)),
        "half zeros": (with_zeros(300, 0, 150), (3, 10, 150)),
        "90 % zeros": (with_zeros(1000, 0, 100), (3, 50, 500)),
        "98 % zeros": (with_zeros(1000, 0, 20), (3, 50, 500)),
        "99.8 % zeros": (with_zeros(50_000, 0, 100), (3, 1000, 25_000)),
        "zeros among few": (with_zeros(1000, 10, 10), (3, 50, 500)),
        "zeros in the middle": (with_zeros(200, 50, 50), (5, 10, 100)),
        "cut off at both ends": (np.clip(rng.normal(size=300), -1.0, 1.0), (3, 50)),
        "four levels": (rng.integers(0, 4, 200), (3, 20, 100)),
        "nine levels": (rng.integers(0, 9, 120), (3, 10, 20)),
        "counts": (rng.poisson(2.0, 300), (5, 80)),
    }


SLOW = ("half zeros", "99.8 % zeros", "zeros in the middle", "counts")
"""Profiles whose extents take seconds to count."""


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in profiles()],
)
def test_log10_p_is_right_to_within_a_tenth_at_every_depth(name):
    values, sizes = profiles()[name]
    for size in sizes:
        for sign, alternative in ((1, "greater"), (-1, "less")):
            exact = count(sign * values, size)
            seen = np.flatnonzero((exact.log10_upper < -0.3) & (exact.log10_upper > -30.0))
            seen = (
                np.unique(seen[np.linspace(0, seen.size - 1, 200).astype(int)])
                if seen.size
                else seen
            )
            sums = exact.sums[seen]
            if sign < 0:
                sums = 2 * size * (values.size + 1) - sums
            found, _ = log10_tails(values, size, sums, alternative)
            np.testing.assert_allclose(found, exact.log10_upper[seen], rtol=0, atol=ACCURACY)


@pytest.mark.parametrize("alternative", ["greater", "less"])
@pytest.mark.parametrize("name", ["untied", "seven levels", "five levels", "sparse"])
def test_a_tail_that_holds_the_mean_is_what_the_other_lacks_to_one(name, alternative):
    rng = np.random.default_rng(3)
    values = {
        "untied": rng.normal(size=60),
        "seven levels": np.repeat(np.arange(7), [10, 5, 2, 1, 3, 7, 5]),
        "five levels": rng.integers(0, 5, 120),
        "sparse": np.where(rng.random(200) < 0.9, 0, rng.normal(size=200)),
    }[name]
    for n_positive in (1, 3, 16, len(values) // 2):
        counted = count(values, n_positive)
        upper = 10.0**counted.log10_upper
        expected = upper if alternative == "greater" else 1.0 - np.append(upper[1:], 0.0)
        found, _ = log10_tails(values, n_positive, counted.sums, alternative)
        assert found[0 if alternative == "greater" else -1] == 0.0
        likely = expected > 0.2
        np.testing.assert_allclose(10.0 ** found[likely], expected[likely], rtol=0.08)


def test_counting_with_floats_equals_counting_with_integers():
    values = np.random.default_rng(3).integers(0, 6, 20)
    exact = count(values, 7)
    counts = naive.rank_sum_counts(values.tolist(), 7)
    assert exact.sums.tolist() == sorted(counts)
    expected = [
        naive.log10_of(naive.conditional_p(values.tolist(), 7, s, "greater"))
        for s in sorted(counts)
    ]
    np.testing.assert_allclose(exact.log10_upper, expected, rtol=0, atol=1e-12)


@pytest.mark.kernels
@given(st.integers(1, 400), st.integers(1, 400), st.data())
def test_two_tie_groups_are_hypergeometric(n_low, n_high, data):
    n = n_low + n_high
    size = data.draw(st.integers(1, n - 1))
    least, most = max(0, size - n_low), min(size, n_high)
    from_high = data.draw(st.integers(least, most))
    values = np.repeat([0.0, 1.0], [n_low, n_high])
    ranks = doubled_midranks(values)
    rank_sum = from_high * ranks[-1] + (size - from_high) * ranks[0]
    found, rung = log10_tails(values, size, [rank_sum])
    expected = scipy.stats.hypergeom.logsf(from_high - 1, n, n_high, size) / math.log(10.0)
    assert rung[0] == tails.EXACT
    assert found[0] == pytest.approx(expected, rel=1e-7, abs=1e-9)


@st.composite
def profiles_of_units(draw):
    """Sizes of tie groups and runs, up to 2**27 samples in all, as a profile."""
    n_groups = draw(st.integers(1, 6))
    part = st.one_of(st.integers(1, 40), st.integers(1, 2**24))
    sizes = np.array(draw(st.lists(part, min_size=n_groups, max_size=n_groups)))
    runs = np.array(draw(st.lists(st.just(0) | part, min_size=n_groups, max_size=n_groups)))
    ends = np.cumsum(sizes + runs)
    n_samples = int(ends[-1])
    large = sizes > max(1, n_samples // 512)
    below = (ends - sizes)[large]
    first, n = np.array([0, large.sum()]), np.array([n_samples])
    return Ties(below.astype(np.int64), sizes[large].astype(np.int64), first, n)


@given(profiles_of_units(), st.data())
def test_p_is_finite_falls_with_s_and_is_the_same_from_both_sides(ties, data):
    n = int(ties.n_samples[0])
    if n < 2:
        return
    size = data.draw(st.integers(1, n - 1) | st.integers(1, min(n - 1, 5)))
    values = room_for_pieces(ties)
    getattr(fill_pieces, "py_func", fill_pieces)(values, ties, 0, False)
    low = unsplit_tails.smallest_sum(size, values, 0, values.n[0])
    high = unsplit_tails.largest_sum(size, values, 0, values.n[0])[0]
    shares = data.draw(st.lists(st.integers(-1, 17), min_size=8, max_size=8))
    excess = np.unique([low + (int(high) - int(low)) * share // 16 for share in shares])
    sums = excess + size * (n + 1)
    sizes, units = np.full(sums.size, size), np.zeros(sums.size, np.int64)
    greater, rung = log_tails(sizes, sums, units, ties, tails.GREATER)
    assert np.isfinite(greater).all()
    assert (greater <= 0.0).all()
    assert np.isin(rung, (tails.NONE, tails.EXACT, tails.SADDLEPOINT, tails.SPLIT)).all()
    # Where another rung takes over, p may jump by what each is wrong by.
    assert (np.diff(greater) <= ACCURACY * math.log(10.0)).all()
    two_sided, _ = log_tails(sizes, sums, units, ties, tails.TWO_SIDED)
    assert ((two_sided <= 0.0) & np.isfinite(two_sided)).all()
    # The reversed ranks, and the samples outside the extent.
    reversed_ties = Ties((n - ties.below - ties.size)[::-1], ties.size[::-1], *ties[2:])
    mirrored = 2 * size * (n + 1) - sums
    less, _ = log_tails(sizes, mirrored, units, reversed_ties, tails.LESS)
    np.testing.assert_array_equal(less, greater)
    others, _ = log_tails(n - sizes, n * (n + 1) - sums, units, ties, tails.LESS)
    np.testing.assert_allclose(others, greater, rtol=1e-6, atol=1e-6)


@pytest.mark.kernels
def test_no_row_depends_on_the_other_rows():
    rng = np.random.default_rng(8)
    units = [np.maximum(rng.normal(size=n), 1.0) for n in (50, 700, 5000)]
    ties = Ties.of(units)
    unit = rng.integers(0, 3, 60)
    size = rng.integers(1, 50, 60)
    sums = [
        doubled_midranks(units[k])[rng.choice(units[k].size, n, False)].sum()
        for k, n in zip(unit, size, strict=True)
    ]
    together = log_tails(size, np.array(sums), unit, ties, tails.TWO_SIDED)
    for row in range(60):
        alone = log_tails(
            size[row : row + 1],
            np.array(sums[row : row + 1]),
            np.zeros(1, int),
            ties.take(unit[row : row + 1]),
            tails.TWO_SIDED,
        )
        assert [found[0] for found in alone] == [found[row] for found in together]


@pytest.mark.parametrize("n_samples", [1, 2, 3])
def test_a_constant_unit_has_p_1_and_no_rung(n_samples):
    for size in range(1, n_samples):
        found, rung = log10_tails(np.zeros(n_samples), size, [size * (n_samples + 1)], "two-sided")
        assert (found[0], rung[0]) == (0.0, tails.NONE)


@pytest.mark.kernels
def test_a_sum_that_no_extent_has_counts_as_the_last_one():
    values = [0.0, 0.0, 1.0, 2.0]
    found, _ = log10_tails(values, 2, [15, 99, -99])
    np.testing.assert_allclose(found, [math.log10(1 / 6), math.log10(1 / 6), 0.0], rtol=1e-14)
