"""Placements: counted for dense, sparse and half-defined formulas, as one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.activations.sparse import SparseUnits
from invert_core.kernels.bits import pack_columns
from invert_core.kernels.highest import Top
from invert_core.kernels.placements import placements
from invert_core.kernels.sample_scores import Unit, top_scores
from invert_core.kernels.ties import Ties
from invert_core.testing import strategies
from tests.naive.evidence import Ranked

pytestmark = [
    pytest.mark.kernels,
    pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning"),
]


def stored_sparsely(units):
    """The units with the values that are not 0, and every third of those that are."""
    kept = (units != 0) | (np.arange(units.shape[1]) % 3 == 0)
    _, indices = np.nonzero(kept)
    indptr = np.append(0, np.cumsum(kept.sum(axis=1)))
    return SparseUnits(units.shape[1], indptr, indices.astype(np.int32), units[kept])


def by_pairs(values, extent, domain):
    """n1, n and 2U, and the spreads of the doubled placements, counted pair by pair."""
    inside, outside = values[extent & domain], values[~extent & domain]
    doubled = 2 * (inside[:, None] > outside) + (inside[:, None] == outside)
    counts = [len(inside), len(inside) + len(outside), int(doubled.sum())]
    if not doubled.size:
        return counts, [0.0, 0.0]
    spreads = [((of - of.mean()) ** 2).sum() for of in (doubled.sum(axis=1), doubled.sum(axis=0))]
    return counts, spreads


def by_groups(values, extent, domain, group):
    """Numbers of groups, effective numbers, and how groups deviate, from every pair."""
    inside, outside = np.flatnonzero(extent & domain), np.flatnonzero(~extent & domain)
    n_with = [np.unique(group[of]).size for of in (inside, outside, np.flatnonzero(domain))]
    doubled = 2 * (values[inside][:, None] > values[outside]) + (
        values[inside][:, None] == values[outside]
    )
    if not doubled.size:
        return [0, 0, 0], [0.0] * 5
    deviations = np.zeros((2, group.max() + 1))
    for row, (of, sums) in enumerate(((inside, doubled.sum(1)), (outside, doubled.sum(0)))):
        np.add.at(deviations[row], group[of], sums - sums.mean())
    effective = [
        1
        / sum(
            (np.count_nonzero(group[of] == one) / of.size) ** 2 for one in set(group[of].tolist())
        )
        for of in (inside, outside)
    ]
    return n_with, effective + [(each**2).sum() for each in (*deviations, deviations.sum(0))]


@st.composite
def cases(draw):
    n_samples = draw(strategies.n_samples())
    units = np.ascontiguousarray(draw(strategies.activations(n_samples, 3)).T)
    extents = draw(strategies.labels(n_samples, 5))
    domains = draw(strategies.labels(n_samples, 5)) if draw(st.booleans()) else None
    unit = np.sort(draw(st.lists(st.integers(0, 2), min_size=5, max_size=5)))
    return units, unit, extents, domains


@given(cases(), st.booleans())
def test_placements_are_those_of_every_pair(case, is_sparse):
    units, unit, extents, domains = case
    everywhere = np.ones_like(extents) if domains is None else domains
    found = placements(
        stored_sparsely(units) if is_sparse else units,
        unit,
        pack_columns(extents & everywhere),
        None if domains is None else pack_columns(domains),
        units.shape[1],
    )
    for number, of_unit in enumerate(unit):
        expected = by_pairs(units[of_unit], extents[:, number], everywhere[:, number])
        assert [int(one[number]) for one in found[:3]] == expected[0]
        spreads = [one[number] for one in found[3:5]]
        np.testing.assert_allclose(spreads, expected[1], rtol=1e-11, atol=1e-8)
        profile = found.ties.take(np.array([number]))
        expected_profile = Ties.of([units[of_unit][everywhere[:, number]]])
        for one, other in zip(profile, expected_profile, strict=True):
            np.testing.assert_array_equal(one, other)


@given(cases(), st.booleans(), st.data())
def test_the_samples_at_the_top_are_those_that_a_search_takes(case, is_sparse, data):
    units, unit, extents, domains = case
    n_samples = units.shape[1]
    everywhere = np.ones_like(extents) if domains is None else domains
    is_lowest = np.array(data.draw(st.lists(st.booleans(), min_size=5, max_size=5)))
    targets = np.array(data.draw(st.lists(st.integers(0, n_samples), min_size=5, max_size=5)))
    cuts = np.arange(1, n_samples + 1)
    found = placements(
        stored_sparsely(units) if is_sparse else units,
        unit,
        pack_columns(extents & everywhere),
        None if domains is None else pack_columns(domains),
        n_samples,
        top=Top(is_lowest, targets / max(1, n_samples), cuts),
    )
    for number, of_unit in enumerate(unit):
        values = units[of_unit][everywhere[:, number]]
        inside = extents[everywhere[:, number], number]
        ranked = Ranked(values, inside, np.ones_like(inside), -1 if is_lowest[number] else 1)
        expected_hits = [float(ranked.hits(cut)) for cut in cuts.tolist()]
        np.testing.assert_array_equal(found.hits[number], np.array(expected_hits, np.float32))
        if not 0 < inside.sum() < inside.size:
            continue
        values = -values if is_lowest[number] else values
        target = max(1, round(targets[number] / n_samples * values.size))
        at, scores, of_others, _ = top_scores(target)(Unit(values, values.size))
        is_highest = np.full(values.size, bool(of_others))
        is_highest[at] = scores
        expected = is_highest.sum(), (is_highest & inside).sum()
        assert (found.n_highest[number], found.n_hits[number]) == expected


@given(cases(), st.booleans(), st.data())
def test_groups_deviate_as_the_placements_of_their_samples_do(case, is_sparse, data):
    units, unit, extents, domains = case
    n_samples = units.shape[1]
    number = st.integers(0, max(0, n_samples - 1))
    group = np.array(data.draw(st.lists(number, min_size=n_samples, max_size=n_samples)), np.int32)
    everywhere = np.ones_like(extents) if domains is None else domains
    given_domains = None if domains is None else pack_columns(domains)
    shared = (unit, pack_columns(extents & everywhere), given_domains, n_samples)
    found = placements(stored_sparsely(units) if is_sparse else units, *shared, group)
    assert found.between is not None
    for number, of_unit in enumerate(unit):
        counts, spreads = by_groups(
            units[of_unit], extents[:, number], everywhere[:, number], group
        )
        assert [int(one[number]) for one in found.between[:3]] == counts
        of_formula = [one[number] for one in found.between[3:]]
        np.testing.assert_allclose(of_formula, spreads, rtol=1e-11, atol=1e-7)
    alone = placements(units, *shared)
    for one, other in zip(found[:5], alone[:5], strict=True):
        np.testing.assert_array_equal(one, other)
