"""All units ranked for one formula, with p-values corrected over the units."""

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core import Activations, mann_whitney, probe, score
from invert_core.activations import ActivationLayer
from invert_core.concepts import ConceptSet
from invert_core.errors import DataError, SettingError, UnknownNameError
from invert_core.labelling.probing import COLUMNS, DIRECTIONS
from invert_core.testing.strategies import activations, labels, n_samples
from tests import naive


@st.composite
def probes(draw):
    """Activations of a few units, some of them twice or negated, and a label that can be tested."""
    size = draw(n_samples())
    values = draw(activations(size, draw(st.integers(1, 4)))).astype(np.float64)
    values = np.concatenate([values, values[:, : draw(st.integers(0, 2))], -values[:, :1]], axis=1)
    label = draw(labels(size, 1))[:, 0]
    label[0], label[-1] = True, False
    return values, label


@settings(max_examples=60, deadline=None)
@given(probes(), st.sampled_from(DIRECTIONS))
def test_each_unit_is_scored_once_corrected_over_the_live_ones_and_ranked(case, direction):
    values, label = case
    found = probe(values, {"a": label}, "~a", direction=direction)
    scored = score(values, {"a": label}, "~a").rows
    assert sorted(row.unit for row in found) == list(range(values.shape[1]))
    assert [row.rank for row in found] == list(range(1, len(scored) + 1))
    same = [name for name in COLUMNS if name not in ("rank", "p_units", "log10_p_units", "status")]
    for row in found:
        assert [getattr(row, name) for name in same] == [
            getattr(scored[row.unit], name) for name in same
        ]
    alive = [row for row in scored if row.status != "dead"]
    expected = dict.fromkeys(range(len(scored)), 0.0)
    expected |= zip(
        (row.unit for row in alive),
        naive.log10_p_holm([row.log10_p for row in alive]),
        strict=True,
    )
    assert {row.unit: row.log10_p_units for row in found} == pytest.approx(expected, abs=1e-12)
    assert found.n_tested == len(alive)
    # AUC - 1/2 is this by a positive factor, the same for all units.
    above = {
        row.unit: 2 * row.u - row.n_positive * (row.n_samples - row.n_positive) for row in found
    }
    best = {
        "positive": lambda unit: -above[unit],
        "negative": lambda unit: above[unit],
        "both": lambda unit: -abs(above[unit]),
    }
    assert [row.unit for row in found] == sorted(
        above, key=lambda unit: (best[direction](unit), unit)
    )


def test_mirrored_units_tie_although_their_auc_is_rounded():
    label = np.arange(10) < 3
    unit = np.array([5.5, 0, 0.5, 1, 2, 3, 4, 5, 6, 7])
    found = probe(np.stack([unit, -unit, unit], axis=1), {"a": label}, "a")
    assert [row.unit for row in found] == [0, 1, 2]
    assert abs(found.rows[0].auc - 0.5) != abs(found.rows[1].auc - 0.5)


def marked(n_units=40, seed=0):
    """Noise of 500 samples, in which unit 7 is higher where they are marked."""
    rng = np.random.default_rng(seed)
    mark = rng.random(500) < 0.2
    values = rng.normal(size=(500, n_units))
    values[:, 7] += 2 * mark
    return values, mark


def test_the_unit_that_detects_a_concept_is_found_among_many():
    values, mark = marked()
    values[:, 3] = 1
    found = probe(values, {"mark": mark}, "mark")
    assert (found.rows[0].unit, found.rows[0].is_significant) == (7, True)
    assert (found.n_significant, found.n_tested) == (1, 39)
    assert (found.rows[-1].status, found.rows[-1].p_units) == ("dead", 1.0)
    assert repr(found) == "<ProbeResult of 'mark': 1 of 40 units are significant>"


def test_dead_units_make_no_correction_stricter():
    values, mark = marked(8)
    alone = probe(values, {"mark": mark}, "mark").rows[0]
    beside = probe(np.hstack([values, np.ones((500, 900))]), {"mark": mark}, "mark").rows[0]
    assert beside == alone


def test_the_units_of_all_layers_are_corrected_for_together():
    values, mark = marked(8)
    layers = Activations.from_array({"low": values[:, :4], "high": values[:, 4:]})
    together = probe(values, {"mark": mark}, "mark")
    found = probe(layers, {"mark": mark}, "mark")
    assert [row.p_units for row in found] == [row.p_units for row in together]
    assert found.rows[0].address == "high:3"
    one = probe(layers, {"mark": mark}, "mark", layers=["high"], units=[3]).rows[0]
    assert one.p_units == pytest.approx(one.p_value, rel=1e-12)


def test_noise_in_units_that_depend_on_each_other_is_rarely_called_significant():
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(200):
        shared = rng.normal(size=(60, 1))
        values = shared + rng.choice([0.1, 3.0]) * rng.normal(size=(60, 10))
        found = probe(values, {"a": rng.permutation(60) < 15}, "a")
        alarms += found.n_significant > 0
    # 5 % are allowed; three standard deviations of 200 probes above that are 9.6 %.
    assert alarms <= 19


def rare(n_units):
    """Units of 2,000 samples that are almost always 0, and a label of ten samples."""
    rng = np.random.default_rng(2)
    zero = rng.random((2000, n_units)) < 0.98
    values = np.where(zero, 0, rng.random((2000, n_units)))
    return values, np.arange(2000) < 10


def test_rare_activations_of_noise_are_rarely_called_significant():
    values, label = rare(1000)
    found = probe(values, {"a": label}, "a")
    # The normal tail calls some of them significant, as no tail of few samples is so thin.
    normal = mann_whitney(values, label).log10_p
    assert (normal + 3 < np.log10(0.05)).sum() > 5
    assert found.n_significant == 0


def test_a_real_effect_on_rare_activations_is_significant_among_many():
    values, label = rare(1000)
    values[:10, 0] = [1] * 9 + [0]
    values[:10, 1] = [1] * 3 + [0] * 7
    found = {row.unit: row for row in probe(values, {"a": label}, "a")}
    # Nine of ten inside are beyond doubt. Three of ten would be if no other unit were tested.
    assert (found[0].is_significant, found[1].is_significant) == (True, False)
    (alone,) = probe(values, {"a": label}, "a", units=[1])
    assert alone.is_significant


def test_sparse_activations_give_the_same_rows():
    values, label = rare(30)
    dense = probe(values, {"a": label}, "a")
    assert probe(scipy.sparse.csc_array(values), {"a": label}, "a").rows == dense.rows


def test_units_that_have_names_keep_them():
    values, mark = marked(8)
    layer = ActivationLayer("flat", values, unit=tuple(f"{unit}@0,0" for unit in range(8)))
    first = probe(Activations({"flat": layer}), {"mark": mark}, "mark").rows[0]
    assert (first.address, first.unit_name) == ("flat:7", "7@0,0")


def test_missing_labels_are_refused_taken_for_zero_or_left_out():
    values, mark = marked(8)
    table = mark.astype(np.float64)
    table[::3] = np.nan
    concepts = ConceptSet.from_arrays(table[:, None], ["mark"])
    with pytest.raises(DataError, match="--missing"):
        probe(values, concepts, "mark")
    known = ~np.isnan(table)
    left = probe(values[known], {"mark": mark[known]}, "mark")
    assert probe(values, concepts, "mark", missing="exclude").rows == left.rows
    as_zero = probe(values, {"mark": mark & known}, "mark")
    assert probe(values, concepts, "mark", missing="negative").rows == as_zero.rows


def test_a_unit_that_is_constant_where_the_formula_is_defined_is_not_counted():
    values, mark = marked(8)
    table = mark.astype(np.float64)
    table[::3] = np.nan
    values[np.flatnonzero(~np.isnan(table)), 0] = 1
    concepts = ConceptSet.from_arrays(table[:, None], ["mark"])
    found = probe(values, concepts, "mark", missing="exclude")
    (constant,) = (row for row in found if row.unit == 0)
    assert (found.n_tested, constant.is_tested, constant.p_units) == (7, False, 1.0)
    assert (constant.status, constant.method) == ("dead", "none")


def test_wrong_requests_are_refused():
    values, mark = marked(8)
    with pytest.raises(SettingError, match=r"direction cannot be 'up'.*positive, negative, both"):
        probe(values, {"mark": mark}, "mark", direction="up")
    with pytest.raises(UnknownNameError, match="Did you mean 'mark'"):
        probe(values, {"mark": mark}, "mrk")
