"""The headline: of the best formulas of each length, the one that stands out most."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core import Settings, label
from invert_core.activations import Activations
from invert_core.concepts import ConceptSet
from invert_core.results.labels import Labels
from invert_core.search.beam_search import BeamSearch
from invert_core.search.findings import Findings
from invert_core.search.headlines import headlines
from tests.naive.corrections import log10_p_search, n_formulas

N_SAMPLES, N_CONCEPTS = 60, 4


def findings(seed, direction="positive", length=3):
    rng = np.random.default_rng(seed)
    marks = rng.random((N_SAMPLES, N_CONCEPTS)) < 0.3
    units = rng.normal(size=(4, N_SAMPLES)) + marks[:, 0] * rng.normal(size=(4, 1))
    units[2] = 1.0
    settings = Settings(objective="auc", length=length, min_fraction=0.02, direction=direction)
    concepts = ConceptSet.from_arrays(marks, list("abcd"))
    return Findings.of(BeamSearch(concepts, settings).explain(units), settings)


def naive_headline(rows, found, unseen, n_directions):
    """Choose one of the rows of a search, which are the best of each length."""
    chosen, least, best_unseen = None, np.inf, -np.inf
    for row in sorted(rows, key=lambda row: found.length[row]):
        space = n_formulas(N_CONCEPTS, int(found.length[row]), n_directions == 2)
        p = log10_p_search(found.log10_p[row], space)
        gains = unseen is None or unseen[row] > best_unseen
        if (chosen is None or gains) and p < least - 1e-9:
            chosen, least = row, p
        if unseen is not None and not np.isnan(unseen[row]):
            best_unseen = max(best_unseen, unseen[row])
    return chosen


@given(
    st.integers(0, 2**32),
    st.sampled_from(["positive", "negative", "both"]),
    st.sampled_from([None, 0.0, 0.5]),
)
def test_the_headline_is_the_least_p_of_its_own_space_that_unseen_samples_do_not_contradict(
    seed, direction, share_missing
):
    found = findings(seed, direction)
    rng = np.random.default_rng(seed)
    unseen = None
    if share_missing is not None:
        unseen = rng.choice([0.4, 0.5, 0.6, 0.7], found.unit.size)
        unseen[rng.random(unseen.size) < share_missing] = np.nan
    chosen = np.flatnonzero(headlines(found, unseen)).tolist()
    expected = []
    for unit, way in sorted(set(zip(found.unit.tolist(), found.way.tolist(), strict=True))):
        rows = np.flatnonzero((found.unit == unit) & (found.way == way) & found.is_best_of_length)
        n_directions = 2 if direction == "both" else 1
        expected.append(naive_headline(rows.tolist(), found, unseen, n_directions))
    assert chosen == sorted(expected)


def test_where_nothing_was_found_there_is_no_headline():
    assert headlines(findings(0).take(np.zeros(0, np.int64))).tolist() == []


def over_specialised():
    """A concept on many samples, and a part of it, on few, which the AUC prefers."""
    rng = np.random.default_rng(0)
    n = 4_000
    marks = rng.random((n, 12)) < 0.1
    values = rng.normal(size=n) + marks[:, 3]
    return values[:, None].astype(np.float32), ConceptSet.from_arrays(
        marks, [f"c{number}" for number in range(12)]
    )


def test_a_headline_that_is_not_among_the_best_rows_comes_after_them():
    values, concepts = over_specialised()
    found = label(values, concepts, settings=Settings(objective="auc", permutations=20))
    rows = list(found)
    assert [row.rank for row in rows] == [1, 2, 3, 4]
    assert [row.headline for row in rows] == [0, 0, 0, 1]
    assert rows[-1].formula == "c3"
    assert rows[-1].auc < rows[2].auc
    assert rows[0].n_positive < 40
    assert found.best() == (rows[-1],)
    assert [row.q_value is None for row in rows] == [True, True, True, False]
    assert rows[-1].by_length == ()
    assert rows[-1].formula in [each.formula for each in rows[0].by_length]


def test_rows_that_are_the_best_do_not_come_twice():
    marks = np.arange(50) < 20
    rows = list(
        label(
            marks[:, None] + 0.0, {"a": marks}, settings=Settings(objective="auc", permutations=0)
        )
    )
    assert [row.formula for row in rows if row.headline] == ["a"]
    assert len({row.formula for row in rows}) == len(rows)


def test_a_longer_formula_that_fades_on_unseen_samples_is_not_the_headline():
    rng = np.random.default_rng(1)
    marks = rng.random((1000, 2)) < 0.4
    is_seen = np.arange(1000) < 600
    # Only among the samples to search, "b" lowers the activation.
    values = rng.normal(size=1000) + 2.0 * marks[:, 0]
    values += np.where(marks[:, 1], np.where(is_seen, -2.0, 1.0), 0.0)
    ids = [f"s{number}" for number in range(1000)]
    concepts = ConceptSet.from_arrays(marks, ["a", "b"], sample_id=ids)
    searched, unseen = (
        Activations.from_array(values[part, None], sample_id=np.array(ids)[part])
        for part in (is_seen, ~is_seen)
    )
    without, with_unseen = (
        next(
            row
            for row in label(searched, concepts, join="inner", held_out=held_out)
            if row.headline
        )
        for held_out in (None, unseen)
    )
    assert without.formula == "a & ~b"
    assert with_unseen.formula == "a"


def test_in_rows_without_headlines_rank_1_is_the_label(tmp_path):
    values, concepts = over_specialised()
    found = label(values, concepts, settings=Settings(objective="auc", permutations=0))
    lines = [
        line.replace('"headline": 1, ', "").replace('"headline": 0, ', "")
        for line in found.to_jsonl().splitlines()
    ]
    assert all("headline" not in line for line in lines)
    old = Labels.from_jsonl(lines)
    assert [row.headline for row in old] == [0, 0, 0, 0]
    assert [row.rank for row in old.best()] == [1]


@pytest.mark.parametrize("zeros", [0.0, 0.9])
@pytest.mark.parametrize("direction", ["positive", "both"])
def test_headlines_of_noise_are_significant_as_often_as_the_level_allows(zeros, direction):
    rng = np.random.default_rng(3)
    values = rng.random((300, 300), np.float32) + np.float32(0.01)
    values[rng.random(values.shape) < zeros] = 0.0
    marks = {f"c{number}": rng.random(300) < 0.1 for number in range(12)}
    settings = Settings(objective="auc", length=3, min_fraction=0.01, direction=direction)
    found = [row.p_search for row in label(values, marks, settings=settings) if row.headline]
    # Both directions share a level of 5 %; 3.7 % is 3 standard deviations of 300 units.
    assert np.mean(np.array(found) < 0.05) <= 0.05 / (len(found) // 300) + 0.038
    assert np.mean(np.array(found) < 0.5) > 0.15
