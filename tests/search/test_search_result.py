"""The result of a search: plain arrays, from which the formulas to report are chosen."""

import pickle
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts import ConceptSet
from invert_core.kernels.ties import Ties
from invert_core.search import search_result
from invert_core.search.beam_search import BeamSearch
from invert_core.search.findings import Findings
from invert_core.search.masked_search import MaskedSearch
from invert_core.search.search_result import SearchResult
from invert_core.search.unit_result import Found, UnitResult, unit_results
from invert_core.settings import Settings
from invert_core.statistics.conditional import log10_p_given_ties
from invert_core.statistics.tails import RankSpread
from tests.naive.report import report

N = 12
LENGTH = 3


@st.composite
def formulas(draw):
    """Distinct formulas, of which many have equal AUC."""
    literal = st.integers(0, 3)
    found = {}
    for _ in range(draw(st.integers(0, 8))):
        length = draw(st.integers(1, LENGTH))
        literals = tuple(draw(literal) for _ in range(length))
        connectives = tuple(draw(st.sampled_from("&|")) for _ in range(length - 1))
        n_positive = draw(st.sampled_from([4, 6]))
        pairs = n_positive * (N - n_positive)
        doubled_u = draw(st.sampled_from([0, pairs // 2, pairs, 2 * pairs]))
        found[literals, connectives] = Found(
            literals, connectives, n_positive, doubled_u, doubled_u / (2 * pairs)
        )
    return list(found.values())


def order(sign):
    return lambda one: (-sign * one.auc, one.length, one.literals, one.connectives)


@st.composite
def searches(draw):
    """What searches of some units found: for each unit and direction a beam and by_length."""
    settings = Settings(
        objective="auc",
        length=LENGTH,
        beam=draw(st.integers(1, 4)),
        min_gain=draw(st.sampled_from([0.0, 0.25, 0.5])),
        direction=draw(st.sampled_from(["positive", "negative", "both"])),
    )
    signs = [1.0 if way == "positive" else -1.0 for way in settings.directions]
    units = []
    for _ in range(draw(st.integers(1, 3))):
        of_unit = []
        for sign in signs:
            pool = draw(formulas())
            in_beam = draw(st.lists(st.sampled_from(pool), unique=True)) if pool else []
            best = {one.length: one for one in pool if draw(st.booleans())}
            beam = sorted(in_beam, key=order(sign))[: settings.beam]
            of_unit.append((sign, beam, [best[length] for length in sorted(best)]))
        units.append(of_unit)
    return settings, units


@given(searches())
def test_the_formulas_to_report_equal_the_oracle(case):
    settings, units = case
    nothing, counts = np.zeros(0, np.int64), np.zeros(len(units) + 1, np.int64)
    ties = Ties(nothing, nothing, counts, np.full(len(units), N))
    spread = RankSpread(N, np.ones(len(units)))
    result = SearchResult.empty(settings.beam, 9, settings, spread, ties)
    for unit, of_unit in enumerate(units):
        for way, (_, beam, by_length) in enumerate(of_unit):
            places = [*enumerate(beam), *((settings.beam + f.length - 1, f) for f in by_length)]
            for place, one in places:
                rank_sum = one.doubled_u + one.n_positive * (one.n_positive + 1)
                at = unit, way, place
                result.put(at, one.literals, one.connectives, one.n_positive, rank_sum)
    for of_unit, found in zip(units, unit_results(result, settings), strict=True):
        if not any(beam or by_length for _, beam, by_length in of_unit):
            assert found == (UnitResult(settings.direction, (), (), (), 0),)
            continue
        for (sign, beam, by_length), one in zip(of_unit, found, strict=True):
            expected = report(beam, by_length, sign, settings.min_gain)[: settings.beam]
            assert list(one.reported) == expected
            assert (list(one.beam), list(one.by_length)) == (beam, by_length)


def searched(kind):
    rng = np.random.default_rng(5)
    labels = (rng.random((90, 5)) < 0.3).astype(np.int8)
    units = np.maximum(rng.normal(size=(7, 90)), 0).astype(np.float32)
    units[2] = 1.0
    settings = Settings(objective="auc", direction="both")
    if kind == "masked":
        labels[rng.random(labels.shape) < 0.1] = -1
    concepts = ConceptSet.from_arrays(labels, [f"c{i}" for i in range(5)])
    return (MaskedSearch if kind == "masked" else BeamSearch)(concepts, settings), units


@pytest.mark.parametrize("kind", ["beam", "masked"])
def test_parts_from_other_processes_join_to_the_result_of_the_whole(kind):
    search, units = searched(kind)
    parts = [search.explain(units[start : start + 3]) for start in (0, 3, 6)]
    joined = SearchResult.joined([pickle.loads(pickle.dumps(part)) for part in parts])
    whole = search.explain(units)
    assert len(joined) == len(whole) == 7
    for one in fields(SearchResult):
        if one.name not in ("spread", "ties"):
            np.testing.assert_array_equal(getattr(joined, one.name), getattr(whole, one.name))
    for name in ("n_samples", "d"):
        values = getattr(joined.spread, name), getattr(whole.spread, name)
        np.testing.assert_array_equal(*values)
    for array, expected in zip(joined.ties, whole.ties, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert unit_results(joined, search.settings) == unit_results(whole, search.settings)


@pytest.mark.parametrize("kind", ["beam", "masked"])
def test_a_result_holds_numbers_alone(kind):
    search, units = searched(kind)
    found = search.explain(units)
    names = [one.name for one in fields(found) if one.name not in ("spread", "ties")]
    arrays = [*(getattr(found, name) for name in names), found.spread.d, *found.ties]
    kinds = {np.asarray(array).dtype.kind for array in arrays}
    assert kinds == {"i", "f"}


@pytest.mark.parametrize("kind", ["beam", "masked"])
def test_a_formula_of_the_beam_that_is_the_best_of_its_length_is_tested_once(kind, monkeypatch):
    tested = []

    def test_and_note(n_positive, rank_sum, unit, ties):
        tested.append(n_positive.size)
        return log10_p_given_ties(n_positive, rank_sum, unit, ties)

    search, units = searched(kind)
    monkeypatch.setattr(search_result, "log10_p_given_ties", test_and_note)
    found = search.explain(units)
    n_distinct = Findings.of(found, search.settings).unit.size
    assert 0 < sum(tested) <= n_distinct < np.count_nonzero(found.length)
    used = found.length > 0
    assert (found.log10_p[used] < 0).all()
    of_unit = np.nonzero(used)[0]
    if kind == "beam":
        expected = log10_p_given_ties(
            found.n_positive[used], found.rank_sum[used], of_unit, found.ties
        )
        np.testing.assert_array_equal(found.log10_p[used], expected[0])
        np.testing.assert_array_equal(found.rung[used], expected[1])
