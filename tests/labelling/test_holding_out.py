"""What is held out is not searched, and what is found is tested on it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from invert_core import label
from invert_core.activations import Activations
from invert_core.activations.groups import Groups
from invert_core.formula.formula import Formula
from invert_core.labelling import held_out_formulas, held_out_rows
from invert_core.labelling.held_out_rows import held_out_test, with_held_out
from invert_core.labelling.holding_out import hold_out
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_units
from invert_core.results.columns import Label
from invert_core.results.label_table import LabelTable
from invert_core.settings import Settings
from tests.labelling.held_out_case import BOTH, named, with_ids, workload
from tests.labelling.small_case import QUICK, concept_set, small
from tests.naive import intervals as naive

OF_HELD_OUT = (*(name for name in Label.ORDER if "held_out" in name), "optimism")
Z = float(scipy.stats.norm.isf(0.025))


def parts_of(activations, concepts, settings, **options):
    """Positions of the searched and of the held-out samples."""
    with Inputs(activations, concepts, **options).open(settings.seed) as work:
        return work.kept, work.held_out.kept


def check_row(row, values, concepts, held):
    """Compute the columns of a row from the arrays, and compare."""
    formula = Formula.parse(row.formula)
    known = held[formula.defined_on(concepts)[held]]
    extent, values = formula.evaluate(concepts)[known], values[known]
    assert (row.n_positive_held_out, row.n_samples_held_out) == (extent.sum(), known.size)
    if extent.all() or not extent.any():
        assert row.auc_held_out is row.p_held_out is row.auc_held_out_low is row.optimism is None
        return
    inside, outside = values[extent].tolist(), values[~extent].tolist()
    sign = -1 if row.direction == "negative" else 1
    wins = sum((x > y) + (x == y) / 2 for x in inside for y in outside)
    auc = wins / (len(inside) * len(outside))
    assert row.auc_held_out == auc
    assert row.optimism == pytest.approx(sign * (row.auc - auc), abs=1e-15)
    ends = [naive.newcombe_interval(auc, len(inside), len(outside), Z)]
    ends.append(naive.logit_interval(auc, naive.delong_variance(inside, outside), Z) or ends[0])
    assert row.auc_held_out_low == pytest.approx(min(low for low, _ in ends), abs=1e-9)
    assert row.auc_held_out_high == pytest.approx(max(high for _, high in ends), abs=1e-9)
    ranks = scipy.stats.rankdata(values)
    sums = np.array([sum(drawn) for drawn in itertools.combinations(ranks, len(inside))])
    exact = np.mean(sign * sums >= sign * ranks[extent].sum() - 1e-9)
    assert row.log10_p_held_out == pytest.approx(np.log10(exact), abs=0.2)
    assert row.p_held_out == pytest.approx(10**row.log10_p_held_out)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("kind", ["dense", "sparse", "missing labels"])
def test_every_column_is_that_of_the_held_out_samples_where_the_formula_is_defined(kind, seed):
    activations, labels = small(seed, n_samples=36, n_concepts=3)
    concepts = concept_set(labels)
    if kind == "missing labels":
        known = np.random.default_rng(seed).random(labels.shape) < 0.8
        concepts = concept_set(np.where(known, labels, -1))
    told = {"missing": "exclude", "holdout": 0.36}
    given = scipy.sparse.csc_array(activations) if kind == "sparse" else activations
    rows = label(given, concepts, settings=BOTH, **told).rows
    _, held = parts_of(given, concepts, BOTH, **told)
    assert held.size == 13
    for row in rows:
        if row.status != "dead":
            check_row(row, activations[:, row.unit], concepts, held)
    assert sum(row.auc_held_out is not None for row in rows) > 10


def test_the_search_sees_the_searched_samples_only():
    activations, labels = small(n_samples=200)
    concepts = named(labels)
    searched, held = parts_of(with_ids(activations), concepts, BOTH, holdout=0.3)
    assert (searched.size, held.size) == (140, 60)
    assert sorted([*searched, *held]) == list(range(200))
    found = label(with_ids(activations), concepts, holdout=0.3, settings=BOTH)
    alone = label(activations[searched], concept_set(labels[searched]), settings=BOTH)
    for one, other in zip(found, alone, strict=True):
        columns = set(Label.ORDER) - set(OF_HELD_OUT)
        assert {name: one.row()[name] for name in columns} == {
            name: other.row()[name] for name in columns
        }
    assert found.concepts.n_samples == 200  # so that extents are in the order of the activations


def test_a_dead_unit_has_no_held_out_values():
    activations, labels = small()
    (row,) = label(activations, concept_set(labels), holdout=0.3, units=[1], settings=QUICK)
    assert row.status == "dead"
    assert {getattr(row, name) for name in OF_HELD_OUT} == {None}


def test_a_file_of_held_out_samples_gives_what_holding_them_out_gives():
    activations, labels = small(n_samples=200)
    ids = np.array([f"s{number}" for number in range(200)])
    concepts = named(labels)
    searched, held = parts_of(with_ids(activations), concepts, BOTH, holdout=0.3)
    expected = label(with_ids(activations), concepts, holdout=0.3, settings=BOTH)
    order = np.random.default_rng(0).permutation(held)
    found = label(
        Activations.from_array(activations[searched], sample_id=ids[searched]),
        concepts,
        held_out=Activations.from_array(activations[order], sample_id=ids[order]),
        settings=BOTH,
    )
    assert found.rows == expected.rows
    assert found.concepts.sample_id == tuple(ids[searched])


def test_the_split_depends_on_the_seed_alone():
    activations, labels = small(n_samples=50)
    parts = [
        parts_of(
            activations, concept_set(labels), Settings(objective="auc", seed=seed), holdout=0.2
        )[1].tolist()
        for seed in (0, 0, 1)
    ]
    assert parts[0] == parts[1] != parts[2]
    # The same on every machine: these never change.
    assert parts[0] == [0, 4, 6, 14, 23, 24, 27, 35, 39, 46]


@pytest.mark.parametrize("block", [1, 3, 64])
def test_block_size_and_threads_change_nothing(block):
    activations, labels = small(n_units=70)
    plain = label(activations, concept_set(labels), holdout=0.3, settings=QUICK).rows
    concepts = concept_set(labels)
    told = {"holdout": 0.3, "settings": QUICK, "block": block}
    assert label(activations, concepts, jobs=3, **told).rows == plain
    units = label_units(activations, concepts, **told)
    # Only all units of a layer have q-values.
    without_q = [replace(row, q_value=None) for row in plain]
    assert list(itertools.chain.from_iterable(units)) == without_q


def test_whole_groups_are_held_out():
    number = np.random.default_rng(0).integers(0, 20, 200).astype(np.int32)
    groups = Groups(number, tuple(map(str, range(20))))
    work = workload(np.random.default_rng(1).random((200, 3)) < 0.4, groups)
    split = hold_out(work, 0.3, 0)
    inside = [set(number[part].tolist()) for part in (split.kept, split.held_out.kept)]
    assert [len(part) for part in inside] == [14, 6]
    assert not inside[0] & inside[1]


def test_held_out_activations_are_read_a_few_units_at_a_time(monkeypatch):
    activations, labels = small(n_units=400, n_samples=40)
    concepts = concept_set(labels)
    tables = list(label(activations, concepts, settings=QUICK).tables)
    table = LabelTable.of_rows(list(itertools.chain.from_iterable(tables)))
    assert len(table.units()) == 400
    n_waiting, most = 0, 0
    cut, place = held_out_rows._part, held_out_formulas.placements

    def noted(units, start, stop):
        nonlocal n_waiting, most
        if start == 0:
            n_waiting += stop
            most = max(most, n_waiting)
        return cut(units, start, stop)

    def placed(units, *arguments):
        nonlocal n_waiting
        found = place(units, *arguments)
        n_waiting -= len(units)
        return found

    monkeypatch.setattr(held_out_rows, "_part", noted)
    monkeypatch.setattr(held_out_formulas, "placements", placed)
    with (
        Inputs(activations, concepts).open() as work,
        held_out_test(work, 1, independent=True) as test,
    ):
        found = with_held_out(table, test, QUICK.quantile)
    assert [row.auc_held_out for row in found if row.status == "ok"] == [
        row.auc for row in table if row.status == "ok"
    ]
    assert most <= 3 * 16
