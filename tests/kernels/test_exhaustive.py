from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from invert_core.kernels import bits, bounds, exhaustive, kinds, pairs, triples
from invert_core.kernels.exhaustive import ABSENT, UNIT, Problem
from invert_core.search.certificate import BUCKET, prepare
from invert_core.testing import strategies
from tests import naive

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]

N_CONCEPTS = 5


@st.composite
def problems(draw):
    """A problem over atoms of several samples, and the atoms of each of its concepts."""
    n_atoms = draw(st.sampled_from((2, 5, 20, 63, 64, 65)))
    labels = draw(strategies.labels(n_atoms, N_CONCEPTS))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    sizes = rng.integers(1, draw(st.sampled_from((2, 6, 5000))), n_atoms)
    of_sample = np.repeat(np.arange(n_atoms), sizes)
    signal = labels.astype(float) @ rng.normal(size=N_CONCEPTS)
    noise = draw(st.sampled_from((0.0, 0.1, 1.0)))
    values = signal[of_sample] + noise * rng.normal(size=of_sample.size).round(1)
    _, rank, count = np.unique(values, return_inverse=True, return_counts=True)
    doubled = (2 * np.cumsum(count) - count + 1)[rank]
    ranks = np.zeros(n_atoms, np.int64)
    np.add.at(ranks, of_sample, doubled)
    tables = prepare(bits.pack_columns(labels), sizes, of_sample.size)
    first, concept = tables.first, tables.concept
    sums = np.zeros_like(tables.counts)
    pairs.add_pairs(first, concept, ranks, 0, n_atoms, sums)
    pairs.mirror(sums)
    low = draw(st.sampled_from((1, max(1, of_sample.size // 10))))
    problem = Problem(
        tables.bits,
        first,
        concept,
        tables.literal,
        tables.n_literals,
        sizes,
        ranks,
        tables.counts,
        sums,
        of_sample.size,
        low,
        max(low, draw(st.sampled_from((of_sample.size // 2, of_sample.size - 1)))),
        False,
    )
    return problem, [{int(a) for a in np.flatnonzero(column)} for column in labels.T]


def members(problem):
    inside = bits.unpack(problem.bits, problem.sizes.size)
    return [{int(a) for a in np.flatnonzero(column)} for column in inside.T]


def weight(weights, atoms):
    return sum(int(weights[a]) for a in atoms)


@given(problems())
def test_pair_tables_hold_the_sums_over_every_intersection(case):
    problem, _ = case
    inside = members(problem)
    for (a, one), (b, two) in product(enumerate(inside), repeat=2):
        assert problem.counts[a, b] == weight(problem.sizes, one & two)
        assert problem.sums[a, b] == weight(problem.ranks, one & two)


@given(problems())
def test_one_pass_sums_every_concept_within_two_others(case):
    problem, _ = case
    inside = members(problem)
    for a, b in product(range(len(inside)), repeat=2):
        sums, counts = np.full((2, len(inside)), -1)
        triples.add_common(problem, a, b, sums, counts)
        both = inside[a] & inside[b]
        assert sums.tolist() == [weight(problem.ranks, both & c) for c in inside]
        assert counts.tolist() == [weight(problem.sizes, both & c) for c in inside]


@given(problems())
def test_preparing_keeps_one_of_equal_or_complementary_concepts_and_no_larger_than_half(case):
    problem, concepts = case
    everything = set(range(problem.sizes.size))
    inside = members(problem)
    sizes = [weight(problem.sizes, atoms) for atoms in inside]
    assert sizes == sorted(sizes)
    assert all(0 < 2 * size <= problem.n_samples for size in sizes)
    for literals, atoms in zip(problem.literal.tolist(), inside, strict=True):
        for literal, true_on in zip(literals, (atoms, everything - atoms), strict=True):
            original = concepts[literal // 2]
            assert true_on == (everything - original if literal % 2 else original)
    different = {frozenset((frozenset(c), frozenset(everything - c))) for c in concepts}
    different.discard(frozenset((frozenset(), frozenset(everything))))
    assert len(different) == len(inside)
    first = {min(i for i, c in enumerate(concepts) if c in pair) for pair in different}
    assert first == {literal // 2 for literal in problem.literal[:, 0].tolist()}


@given(st.integers(1, 3), st.data())
def test_a_key_is_the_normal_form_and_keys_are_ordered_like_formulas(length, data):
    literal = st.integers(0, 8)
    formula = st.tuples(*[literal] * length), st.tuples(*[st.sampled_from("&|")] * (length - 1))
    keys = []
    for _ in range(2):
        literals, connectives = data.draw(formula[0]), data.draw(formula[1])
        x, y, z = (*literals, 0, 0)[:3]
        before_y, before_z = (*("&|".index(c) for c in connectives), 0, 0)[:2]
        key = exhaustive.key_of(x, y, z, before_y, before_z, length, 9)
        found = exhaustive.formula_of(int(key), length, 9)
        assert found == (naive.normal_form(literals, connectives), connectives)
        keys.append((key, found))
    assert (keys[0][0] < keys[1][0]) == (keys[0][1] < keys[1][1])


def distinct_problem():
    """A problem without equal concepts, whose literals are not in the order of its concepts."""
    labels = np.array(list(product((False, True), repeat=N_CONCEPTS)))[:-5]
    sizes = np.arange(1, len(labels) + 1)
    tables = prepare(bits.pack_columns(labels), sizes, int(sizes.sum()))
    ranks = sizes * (sizes.sum() + 1)
    zeros = np.zeros_like(tables.counts)
    return labels, Problem(
        tables.bits,
        tables.first,
        tables.concept,
        tables.literal,
        tables.n_literals,
        sizes,
        ranks,
        tables.counts,
        zeros,
        int(sizes.sum()),
        1,
        int(sizes.sum()) - 1,
        False,
    )


def examined(problem):
    """Every (kind, a, b, k) that the search looks at when nothing is excluded."""
    size = len(problem.counts)
    for a in range(size):
        for b in range(a + 1, size):
            for kind in range(kinds.N_KINDS):
                for k in range(*triples.range_of(kind, a, b, size)):
                    if k not in (a, b):
                        yield kind, a, b, k


def test_every_formula_of_three_concepts_is_examined_once():
    _, problem = distinct_problem()
    keys = [int(triples.key_of_kind(*at, problem)) for at in examined(problem)]
    found = [exhaustive.formula_of(key, 3, problem.n_literals) for key in keys]
    expected = {
        (naive.normal_form(literals, connectives), connectives)
        for literals in product(range(2 * N_CONCEPTS), repeat=3)
        if len({literal // 2 for literal in literals}) == 3
        for connectives in product("&|", repeat=2)
    }
    assert len(found) == len(set(found))
    assert set(found) == expected


def extent_of_kind(inside, everything, kind, a, b, k):
    cells = [
        (inside[a] if cell < 2 else everything - inside[a])
        & (inside[b] if cell % 2 == 0 else everything - inside[b])
        for cell in range(4)
    ]
    without = set().union(*(cells[c] for c in range(4) if kinds.WITHOUT[kind] >> c & 1))
    free = cells[kinds.CELL[kind]] & inside[k]
    return frozenset(without - free if kinds.FALLS[kind] else without | free)


def test_a_kind_says_where_its_formula_is_true():
    labels, problem = distinct_problem()
    concepts = naive.extents(labels)
    inside = members(problem)
    everything = set(range(len(labels)))
    for at in examined(problem):
        key = int(triples.key_of_kind(*at, problem))
        formula = exhaustive.formula_of(key, 3, problem.n_literals)
        expected = naive.extent_of(*formula, concepts, len(labels))
        assert extent_of_kind(inside, everything, *at) == expected


def extents_of_up_to_two(problem):
    everything = frozenset(range(problem.sizes.size))
    literals = [x for c in members(problem) for x in (frozenset(c), everything - c)]
    pairs_of = list(product(literals, repeat=2))
    return {frozenset(), everything, *(x & y for x, y in pairs_of), *(x | y for x, y in pairs_of)}


@given(st.integers(1, 50), st.integers(0, 200), st.floats(1.01, 9))
def test_every_size_lies_in_one_bucket(n_low, more, ratio):
    ranges = bounds.buckets(n_low, n_low + more, ratio)
    assert [n for low, high in ranges for n in range(low, high + 1)] == [
        *range(n_low, n_low + more + 1)
    ]


@given(st.integers(2, 90), st.data(), st.integers(0, UNIT), st.integers(0, UNIT))
def test_no_size_needs_less_than_the_needed_sum(n_samples, data, threshold, other):
    low = data.draw(st.integers(1, n_samples - 1))
    high = data.draw(st.integers(low, n_samples - 1))
    slope = bounds.slope_of(other, low, high, n_samples)
    t = Fraction(threshold, UNIT)
    needed = [2 * t * n * (n_samples - n) + n * (n + 1) - slope * n for n in range(low, high + 1)]
    found = bounds.needed_for(threshold, slope, low, high, n_samples)
    assert found <= min(needed)
    if threshold >= UNIT // 2:
        assert found >= min(needed) - 2


@given(st.integers(2, 12), st.data())
def test_a_cap_is_the_most_of_any_concept_in_the_range_of_a_kind(size, data):
    values = data.draw(st.lists(st.integers(0, 99), min_size=size, max_size=size))
    maxima = bounds.caps_of(np.array(values))
    a = data.draw(st.integers(0, size - 2))
    caps = np.full(size - a - 1, -1)
    for kind in kinds.EXAMINED:
        bounds._fill_caps(kind, maxima, a, a + 1, caps)
        for b in range(a + 1, size):
            first, behind = triples.range_of(kind, a, b, size)
            assert caps[b - a - 1] == max(values[first:behind], default=0)


def area_of(problem, atoms):
    size = weight(problem.sizes, atoms)
    doubled_u = weight(problem.ranks, atoms) - size * (size + 1)
    return Fraction(doubled_u, 2 * size * (problem.n_samples - size))


@settings(max_examples=60)
@given(
    problems(), st.sampled_from((1.0, 1.0, 0.99, 0.9, 0.5, 0.0)), st.integers(1, 4), st.booleans()
)
def test_no_formula_reaches_more_than_the_bound_of_its_pair(case, quantile, n_levels, one_size):
    problem, _ = case
    inside = members(problem)
    everything = set(range(problem.sizes.size))
    shorter = extents_of_up_to_two(problem)
    areas = {}
    for kind, a, b, k in examined(problem):
        extent = extent_of_kind(inside, everything, kind, a, b, k)
        within = problem.n_low <= weight(problem.sizes, extent) <= problem.n_high
        if within and extent not in shorter:
            areas[kind, a, b, k] = area_of(problem, extent)
    assume(areas)

    n = problem.n_samples
    chosen = sorted(areas, key=areas.get)[int(quantile * (len(areas) - 1))]
    lowest = int(areas[chosen] * UNIT)
    sizes = {at: weight(problem.sizes, extent_of_kind(inside, everything, *at)) for at in areas}
    n_low, n_high = problem.n_low, problem.n_high
    if one_size:
        n_low = n_high = sizes[chosen]
    thresholds = [lowest + (UNIT - lowest) * k // n_levels for k in range(n_levels)]
    marked = bounds.Pairs(
        problem.counts,
        problem.sums,
        np.zeros_like(problem.counts),
        np.zeros(problem.counts.shape, np.uint8),
    )
    for low, high in bounds.buckets(n_low, n_high, BUCKET):
        slope = bounds.slope_of(lowest, low, high, n)
        needed = np.array([bounds.needed_for(t, slope, low, high, n) for t in thresholds])
        above = np.maximum(problem.ranks - slope * problem.sizes, 0)
        positive = np.zeros_like(problem.counts)
        pairs.add_pairs(problem.first, problem.concept, above, 0, above.size, positive)
        bounds.mark_pairs(
            marked,
            positive,
            above.sum(),
            n,
            0,
            len(positive),
            bounds.SizeRange(low, high, slope, needed),
        )
    for (kind, a, b, k), area in areas.items():
        if not n_low <= sizes[kind, a, b, k] <= n_high:
            continue
        reached = sum(area * UNIT >= t for t in thresholds)
        assert marked.levels[a, b] >= reached
        assert reached == 0 or marked.kinds[a, b] >> kind & 1


def test_the_best_formula_is_the_one_with_the_smallest_key_among_equals():
    _, problem = distinct_problem()
    best = exhaustive.nothing_yet()
    everything = problem.ranks.sum()
    assert best.key[2] == ABSENT
    for key in (70, 30, 50):
        exhaustive.consider(best, 2, key, 1, everything // 2, problem)
    assert best.key[2] == 30
    exhaustive.consider(best, 2, 90, 1, everything // 2 + 1, problem)
    assert best.key[2] == 90
    exhaustive.consider(best, 2, 10, problem.n_samples, everything, problem)
    assert best.key[2] == 90
