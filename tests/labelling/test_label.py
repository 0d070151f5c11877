import itertools
import json
import threading
import time
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from invert_core.activations import Activations
from invert_core.concepts import read_concepts
from invert_core.errors import DataError, SettingError, UnknownNameError
from invert_core.formula.formula import Formula
from invert_core.kernels import beam_search, ranks
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label, label_units, plan
from invert_core.labelling.workload import Workload
from invert_core.results.labels import COLUMNS, Labels
from invert_core.search import exhaustive_search
from invert_core.search.beam_search import BeamSearch
from invert_core.settings import Settings
from invert_core.statistics.corrections import n_formulas
from invert_core.testing import strategies
from tests import naive
from tests.labelling.reported import best_rows, log10_p_of_space
from tests.labelling.small_case import FEW, QUICK, concept_set, p_of, small
from tests.wordnet import WORDNET, needs_wordnet


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.search_cases(max_concepts=8))
def test_every_number_of_a_row_equals_the_oracle(case):
    options = case.settings
    concepts = naive.extents(case.labels)
    n_samples, n_concepts = case.labels.shape
    given = (case.activations, concept_set(case.labels))
    limits = (options["min_fraction"], options["max_fraction"])
    if not naive.any_literal_passes(concepts, n_samples, *limits):
        with pytest.raises(DataError, match="No concept and no negation"):
            label(*given, settings=Settings(objective="auc", **options))
        return
    found = label(*given, settings=Settings(objective="auc", **options, permutations=0))
    for unit, values in enumerate(case.activations.T):
        expected = naive.beam_search(values.tolist(), concepts, n_samples, **options)
        rows = [row for row in found.rows if row.unit == unit]
        if expected.dead:
            assert [(row.status, row.formula, row.auc) for row in rows] == [("dead", "", 0.5)]
            continue
        assert all(
            row.log10_p_search
            == pytest.approx(
                log10_p_of_space(row, n_concepts, options["length"]), rel=1e-8, abs=1e-12
            )
            for row in rows
        )
        rows = best_rows(rows, len(expected.reported))
        for rank, (row, formula) in enumerate(zip(rows, expected.reported, strict=True), start=1):
            test = naive.mann_whitney(values.tolist(), formula.extent)
            assert (row.rank, row.length) == (rank, len(formula.literals))
            assert (row.n_positive, row.auc, row.u) == (formula.n1, formula.auc, test.u)
            assert row.concept_fraction == formula.n1 / n_samples
            assert row.z == pytest.approx(test.z, rel=1e-12, abs=0)
            assert (row.p_value, row.log10_p) == p_of(values, formula.extent)
            assert (row.correction, row.status) == ("space", "ok")
            assert row.n_scored == expected.n_scored
            assert set(np.flatnonzero(found.extent(row)).tolist()) == formula.extent


def test_the_formula_of_a_row_parses_back_to_its_extent():
    activations, labels = small()
    found = label(
        activations,
        concept_set(labels),
        settings=Settings(objective="auc", length=4, permutations=0),
    )
    concepts = found.concepts
    for row in found:
        if row.status != "dead":
            parsed = Formula.parse(row.formula)
            assert str(parsed) == row.formula
            assert parsed.length == row.length
            assert parsed.evaluate(concepts).sum() == row.n_positive


def test_both_directions_correct_for_twice_as_many_formulas():
    activations, labels = small()
    one, both = (
        label(
            activations,
            concept_set(labels),
            settings=Settings(objective="auc", direction=direction, permutations=0),
        )
        for direction in ("positive", "both")
    )
    up = [row for row in both if row.direction == "positive"]
    assert [row.formula for row in up] == [row.formula for row in one if row.status != "dead"]
    for row, alone in zip(up, (row for row in one if row.status != "dead"), strict=True):
        doubled = 2 * n_formulas(labels.shape[1], 3)
        expected = naive.log10_p_search(alone.log10_p, doubled)
        assert row.log10_p_search == pytest.approx(expected, rel=1e-9, abs=1e-12)
    (dead,) = (row for row in both if row.status == "dead")
    assert (dead.direction, dead.rank, dead.label) == ("both", 1, "")


def test_results_are_the_same_bytes_for_any_threads_and_blocks():
    activations, labels = small(n_units=30)
    made = {
        (found.to_csv(), found.to_jsonl())
        for jobs, block in ((1, 64), (2, 64), (2, 7), (3, 1))
        for found in [label(activations, concept_set(labels), jobs=jobs, block=block, settings=FEW)]
    }
    assert len(made) == 1


def test_nothing_more_compiles_when_samples_are_left_out():
    activations, labels = small(n_samples=100)
    ids = tuple(f"s{i}" for i in range(100))
    source = Activations.from_array(activations, sample_id=ids)
    fewer = concept_set(labels[20:], sample_id=ids[20:])
    kernels = (beam_search.search_all, ranks.rank_units)
    label(source, concept_set(labels, sample_id=ids), settings=FEW)
    compiled = [set(kernel.signatures) for kernel in kernels]
    assert all(compiled)
    label(source, fewer, join="inner", settings=FEW)
    assert [set(kernel.signatures) for kernel in kernels] == compiled


def test_progress_counts_every_unit():
    activations, labels = small()
    seen = []
    label(
        *(activations, concept_set(labels)),
        progress=lambda *args: seen.append(args),
        block=2,
        settings=QUICK,
    )
    assert all(one < two for one, two in itertools.pairwise(seen))
    assert seen[-1] == (5, 5)
    assert len(seen) >= 3


def test_an_interrupt_reaches_the_caller_and_ends_the_threads():
    activations, labels = small()

    def interrupt(_done, _total):
        raise KeyboardInterrupt

    before = threading.active_count()
    try:
        label(activations, concept_set(labels), progress=interrupt, settings=FEW)
    except KeyboardInterrupt:
        # Not after the exception is gone: while its traceback lives, so does what it holds.
        assert threading.active_count() == before
    else:
        pytest.fail("the interrupt was lost")


def test_min_gain_keeps_the_shorter_formula():
    activations, labels = small(3, n_samples=400)
    free, frugal = (
        label(
            activations,
            concept_set(labels),
            settings=Settings(objective="auc", min_gain=min_gain, permutations=0),
        )
        for min_gain in (0, 0.4)
    )
    assert any(row.length > 1 for row in free if row.rank == 1)
    assert {row.length for row in frugal if row.status != "dead"} == {1}
    first = [row for row in free if row.rank == 1]
    assert [row.by_length for row in frugal if row.rank == 1] == [row.by_length for row in first]


def test_a_plan_says_what_would_be_searched():
    activations, labels = small()
    labels[:, 0] = False
    planned = plan(
        Inputs(activations, concept_set(labels), units=[0, 2]), Settings(objective="auc", length=2)
    )
    assert (planned.n_samples, planned.n_units, planned.n_concepts) == (150, 2, 6)
    assert planned.n_formulas == n_formulas(6, 2)
    fractions = labels.mean(axis=0)
    within = [f for f in (*fractions, *(1 - fractions)) if 0.002 <= f <= 0.5]
    assert planned.n_literals_within_limits == len(within)


def test_rows_survive_the_way_through_jsonl():
    activations, labels = small()
    names = tuple(f"naïve \x1b name {i}" for i in range(6))
    concepts = concept_set(labels, name=names)
    found = label(activations, concepts, settings=FEW)
    assert Labels.from_jsonl(found.to_jsonl().splitlines()).rows == found.rows
    first = json.loads(found.to_jsonl().splitlines()[0])
    assert list(first) == [*COLUMNS, "by_length"]
    assert found.to_csv().splitlines()[0] == ",".join(COLUMNS)


def test_an_address_splits_at_the_last_colon():
    activations, labels = small()
    given = Activations.from_array({"a:1": activations})
    found = label(given, concept_set(labels), settings=QUICK)
    assert {row.unit for row in found.at("a:1:3")} == {3}
    with pytest.raises(UnknownNameError, match="a:1:9"):
        found.at("a:1:9")


def test_the_most_convincing_labels_are_significant_first_then_by_auc():
    activations, labels = small(n_samples=600)
    activations[:, 0] += 9 * labels[:, 0]
    activations[:, 4] += labels[:, 1]
    best = label(activations, concept_set(labels)).best()
    assert [row.unit for row in best[:2]] == [0, 4]
    assert all(row.headline and row.status != "dead" for row in best)
    assert len(best) == 4


@needs_wordnet
def test_units_of_a_real_encoder_equal_the_oracle():
    concepts = read_concepts(WORDNET / "samples.csv", WORDNET / "concepts.csv")
    activations = np.load(WORDNET / "sentence_embedding.npy")[:, [7, 319]]
    options = {"length": 2, "beam": 2, "min_fraction": 0.002, "max_fraction": 0.5}
    found = label(
        activations, concepts, settings=Settings(objective="auc", **options, permutations=0)
    )
    extents = naive.extents(concepts.dense())
    for unit, values in enumerate(activations.T):
        expected = naive.beam_search(
            values.tolist(), extents, 20_000, **options, direction="positive"
        )
        rows = best_rows([row for row in found if row.unit == unit], len(expected.reported))
        assert [row.auc for row in rows] == [formula.auc for formula in expected.reported]
        assert [set(np.flatnonzero(found.extent(row))) for row in rows] == [
            set(formula.extent) for formula in expected.reported
        ]


def test_two_layers_of_different_types_are_labelled_in_their_order():
    activations, labels = small()
    layers = {"b": activations, "a": activations.astype(np.float32).round(1)}
    told = {"settings": FEW}
    both = label(Activations.from_array(layers), concept_set(labels), jobs=2, block=2, **told)
    apart = [
        row
        for name, values in layers.items()
        for row in label(Activations.from_array({name: values}), concept_set(labels), **told)
    ]
    assert list(both) == apart


def test_results_come_one_unit_after_the_other():
    activations, labels = small()
    rows = list(label_units(activations, concept_set(labels), settings=FEW))
    assert [of_unit[0].unit for of_unit in rows] == [0, 1, 2, 3, 4]
    found = label(activations, concept_set(labels), settings=FEW)
    assert list(itertools.chain(*rows)) == [replace(row, q_value=None) for row in found]


def test_too_many_concepts_for_tables_of_pairs_are_refused(monkeypatch):
    activations, labels = small()
    monkeypatch.setattr(exhaustive_search, "MOST_BYTES", 100)
    with pytest.raises(SettingError, match="6 concepts would take"):
        label(activations, concept_set(labels), settings=Settings(search="exhaustive"))


def test_a_block_is_let_go_once_its_last_unit_is_handed_over(monkeypatch):
    activations, labels = small()
    activations = np.tile(activations, (1, 12))
    read, explain = Workload.blocks, BeamSearch.explain
    seen: list[weakref.ref] = []
    alive: list[int] = []

    def watched(work, block, **options):
        for values in read(work, block, **options):
            copied = values.copy()
            del values
            seen.append(weakref.ref(copied))
            yield copied
            del copied

    def slowly(search, units, watch, scored):
        time.sleep(0.01)
        alive.append(sum(reference() is not None for reference in seen))
        return explain(search, units, watch, scored)

    monkeypatch.setattr(Workload, "blocks", watched)
    monkeypatch.setattr(BeamSearch, "explain", slowly)
    given = (activations, concept_set(labels))
    assert len(list(label_units(*given, jobs=2, block=4, settings=QUICK))) == 60
    # Two pieces for each thread, the one that makes room for the last, and the one behind it.
    assert max(alive) <= 6
