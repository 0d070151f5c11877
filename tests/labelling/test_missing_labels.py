"""Missing labels, from the call to the rows."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from invert_core.concepts import ConceptSet
from invert_core.errors import DataError, SettingError
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label, label_units, plan
from invert_core.labelling.label_files import label_files
from invert_core.labelling.scoring import score
from invert_core.results.labels import Labels
from invert_core.results.run_directory import read_run
from invert_core.settings import Settings
from invert_core.statistics.corrections import n_formulas
from invert_core.testing import strategies
from tests import naive
from tests.labelling.reported import best_rows, log10_p_of_space
from tests.labelling.small_case import FEW, p_of


def small(seed=0):
    """Activations of four units, and labels of which some are -1, from three sources."""
    rng = np.random.default_rng(seed)
    labels = (rng.random((150, 6)) < 0.3).astype(np.int8)
    activations = rng.normal(size=(150, 4)).astype(np.float32)
    activations[:, 0] += 2 * labels[:, 0] - 2 * labels[:, 1]
    activations[:, 1] = 2.5
    known = (rng.random((150, 3)) < 0.8)[:, np.arange(6) % 3]
    return activations, np.where(known, labels, -1)


def concept_set(labels, **fields):
    return ConceptSet.from_arrays(labels, [f"c{i}" for i in range(labels.shape[1])], **fields)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(strategies.masked_cases(max_concepts=6))
def test_every_number_of_a_row_is_that_of_the_samples_where_the_formula_is_defined(case):
    options = case.settings
    n_samples, n_concepts = case.labels.shape
    extents, defined = naive.extents(case.labels), naive.extents(case.defined)
    concepts = concept_set(np.where(case.defined, case.labels, -1))
    told = {"settings": Settings(**options, permutations=0), "missing": "exclude"}
    limits = (options["min_fraction"], options["max_fraction"], options["min_defined"])
    if not naive.any_masked_literal_passes(extents, defined, n_samples, *limits):
        with pytest.raises(DataError, match="No concept"):
            label(case.activations, concepts, **told)
        return
    rows = label(case.activations, concepts, **told).rows
    for unit, values in enumerate(case.activations.T):
        expected = naive.masked_beam_search(values.tolist(), extents, defined, n_samples, **options)
        of_unit = [row for row in rows if row.unit == unit]
        if expected.dead:
            assert [(row.status, row.n_samples) for row in of_unit] == [("dead", n_samples)]
            continue
        for row in of_unit:
            corrected = log10_p_of_space(row, n_concepts, options["length"])
            assert row.log10_p_search == pytest.approx(corrected, rel=1e-8, abs=1e-12)
        of_unit = best_rows(of_unit, len(expected.reported))
        by_length = [expected.by_length[length] for length in sorted(expected.by_length)]
        for row, formula in zip(
            (*of_unit, *of_unit[0].by_length), (*expected.reported, *by_length), strict=True
        ):
            kept = sorted(formula.defined)
            known = values[kept].tolist()
            inside = {place for place, sample in enumerate(kept) if sample in formula.extent}
            test = naive.mann_whitney(known, inside)
            assert (row.n_samples, row.n_positive) == (len(kept), len(inside))
            assert (row.auc, row.u) == (test.auc, test.u)
            assert row.concept_fraction == len(inside) / len(kept)
            assert row.z == pytest.approx(test.z, rel=1e-12, abs=0)
            assert (row.p_value, row.log10_p) == p_of(values[kept], inside)
        for row, formula in zip(of_unit, expected.reported, strict=True):
            constant = len({float(values[sample]) for sample in formula.defined}) == 1
            assert (row.status, row.method == "none") == (
                ("constant", True) if constant else ("ok", False)
            )


def dry_run(activations, concepts, *, settings=None, **choice):
    return plan(Inputs(activations, concepts, **choice), settings or Settings())


def test_missing_labels_are_refused_unless_told_otherwise():
    activations, labels = small()
    for call in (label, dry_run, lambda *data: list(label_units(*data))):
        with pytest.raises(DataError, match=r"labels of 6 concepts are missing"):
            call(activations, concept_set(labels))
    with pytest.raises(DataError, match="missing"):
        score(activations, concept_set(labels), "c0")
    with pytest.raises(SettingError, match="treatment of missing labels cannot be"):
        label(activations, concept_set(labels), missing="ignore")


def test_missing_labels_of_samples_that_are_not_compared_do_not_count(tmp_path):
    activations, labels = small()
    ids = np.array([f"s{i}" for i in range(150)])
    whole = np.flatnonzero((labels >= 0).all(axis=1))
    np.savez(tmp_path / "a.npz", activations=activations[whole], sample_id=ids[whole])
    names = np.array([f"c{i}" for i in range(6)])
    np.savez(tmp_path / "c.npz", labels=labels, id=names, sample_id=ids)
    found = label(tmp_path / "a.npz", tmp_path / "c.npz", join="inner", settings=FEW)
    of_whole = label(activations[whole], concept_set(labels[whole]), settings=FEW)
    assert found.rows == of_whole.rows


def test_negative_takes_them_for_zero():
    activations, labels = small()
    expected = label(activations, concept_set(np.maximum(labels, 0)), settings=FEW)
    found = label(activations, concept_set(labels), missing="negative", settings=FEW)
    assert found.rows == expected.rows


def test_a_mapping_may_hold_nan():
    activations, labels = small()
    table = np.where(labels < 0, np.nan, labels)
    told = {"missing": "exclude", "settings": FEW}
    found = label(activations, {f"c{i}": table[:, i] for i in range(6)}, **told)
    assert found.rows == label(activations, concept_set(labels), **told).rows


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, float])
def test_masked_labels_are_missing(dtype):
    activations, labels = small()
    masked = np.ma.masked_array(np.maximum(labels, 0).astype(dtype), mask=labels < 0)
    told = {"missing": "exclude", "settings": FEW}
    expected = label(activations, concept_set(labels), **told).rows
    mapping = {f"c{i}": masked[:, i] for i in range(6)}
    assert label(activations, mapping, **told).rows == expected
    assert label(activations, concept_set(masked), **told).rows == expected
    with pytest.raises(DataError, match="labels of 6 concepts are missing"):
        label(activations, mapping)


def test_results_are_the_same_bytes_for_any_threads_and_blocks_in_both_directions():
    activations, labels = small()
    options = {"missing": "exclude", "settings": replace(FEW, direction="both")}
    made = {
        found.to_jsonl()
        for jobs, block in ((1, 4), (2, 1), (3, 3))
        for found in [label(activations, concept_set(labels), jobs=jobs, block=block, **options)]
    }
    assert len(made) == 1
    units = label_units(activations, concept_set(labels), **options)
    one_by_one = [row for rows in units for row in rows]
    found = label(activations, concept_set(labels), **options)
    assert one_by_one == [replace(row, q_value=None) for row in found]


def test_a_unit_that_is_constant_where_a_formula_is_defined_shows_nothing():
    labels = np.zeros((20, 1), np.int8)
    labels[:5] = 1
    labels[15:] = -1
    values = np.zeros((20, 1), np.float32)
    values[15:] = np.arange(5)[:, None]
    (row,) = label(values, concept_set(labels), missing="exclude").rows
    assert (row.formula, row.auc, row.z, row.p_value, row.p_search) == ("c0", 0.5, 0.0, 1.0, 1.0)
    assert (row.method, row.status, row.n_samples) == ("none", "constant", 15)
    assert Labels((row,)).best() == (row,)


def test_an_exhaustive_search_with_missing_labels_is_refused():
    activations, labels = small()
    options = {"settings": Settings(search="exhaustive", permutations=0), "missing": "exclude"}
    for call in (label, dry_run):
        with pytest.raises(SettingError, match="cannot leave out the samples") as caught:
            call(activations, concept_set(labels), **options)
        assert "--missing negative" in caught.value.hint
        call(activations, concept_set(labels), **options | {"missing": "negative"})


def test_a_plan_counts_the_literals_by_what_is_defined():
    activations, labels = small()
    labels[:100, 0] = -1
    chosen = Settings(min_fraction=0.1, max_fraction=0.5)
    planned = dry_run(activations, concept_set(labels), settings=chosen, missing="exclude")
    concepts = concept_set(labels[:, 1:])
    share = concepts.n_positive / concepts.n_defined
    expected = ((share >= 0.1) & (share <= 0.5)).sum() + (share >= 0.5).sum()
    assert planned.n_literals_within_limits == expected
    assert planned.n_formulas == n_formulas(6, 3)


@pytest.mark.parametrize("formula", ["c0", "~c0 & (c1 | c2)", "c3 | ~c3 & c4"])
def test_score_leaves_out_the_samples_where_the_formula_is_not_defined(formula):
    activations, labels = small()
    ids = [f"s{i}" for i in range(150)]
    concepts = concept_set(labels, sample_id=ids)
    found = score(activations, concepts, formula, missing="exclude", block=2)
    used = [int(name[1]) for name in found.concepts.id if name in formula]
    kept = np.flatnonzero((labels[:, used] >= 0).all(axis=1))
    expected = score(activations[kept], concept_set(np.maximum(labels[kept], 0)), formula)
    assert found.rows == expected.rows
    assert found.rows[0].n_samples == kept.size < 150
    assert found.extent(formula).sum() == found.rows[0].n_positive
    assert found.extent(formula).size == 150


def test_score_joins_before_it_leaves_out_samples(tmp_path):
    activations, labels = small()
    ids = np.array([f"s{i}" for i in range(150)])
    np.savez(tmp_path / "a.npz", activations=activations, sample_id=ids)
    concepts = concept_set(labels[40:], sample_id=ids[40:])
    found = score(tmp_path / "a.npz", concepts, "c0 & c1", join="inner", missing="exclude")
    alone = concept_set(labels[40:])
    expected = score(activations[40:], alone, "c0 & c1", missing="exclude")
    assert found.rows == expected.rows


def test_score_needs_two_samples_and_both_kinds_of_them():
    labels = np.array([[1, -1], [0, -1], [0, 1], [-1, 0]])
    concepts, values = concept_set(labels), np.arange(4.0)[:, None]
    with pytest.raises(DataError, match="is defined on 1 sample, so there is nothing"):
        score(values, concepts, "c0 & c1", missing="exclude")
    with pytest.raises(DataError, match="nowhere on the 3 samples on which it is defined"):
        score(values, concepts, "c0 & ~c0", missing="exclude")
    with pytest.raises(DataError, match="everywhere on the 3 samples"):
        score(values, concepts, "c0 | ~c0", missing="exclude")


def test_a_run_remembers_how_missing_labels_were_treated(tmp_path):
    activations, labels = small()
    np.save(tmp_path / "a.npy", activations)
    np.savez(tmp_path / "c.npz", labels=labels, id=np.array([f"c{i}" for i in range(6)]))
    files = (tmp_path / "a.npy", tmp_path / "c.npz", tmp_path / "run")
    made = label_files(*files, settings=replace(FEW, min_defined=0.4), missing="exclude")
    run = read_run(tmp_path / "run")
    assert run.labels.rows == made.rows
    assert run.info["arguments"]["missing"] == "exclude"
    assert run.info["settings"]["min_defined"] == 0.4
    lines = (tmp_path / "run" / "labels.jsonl").read_text().splitlines()
    shares = {found["n_samples"] for line in lines for found in json.loads(line)["by_length"]}
    assert len(shares) > 1


def test_labels_that_a_formula_does_not_use_may_be_missing_where_it_is_tested():
    activations, labels = small()
    labels[:, 0] = np.maximum(labels[:, 0], 0)
    concepts = concept_set(labels)
    (found, *_) = score(activations, concepts, "c0")
    alone = score(activations, concept_set(labels[:, :1]), "c0").rows[0]
    assert found == alone
    assert found.n_samples == 150
    with pytest.raises(DataError, match=r"labels of 1 concept are missing .* 'c1'"):
        score(activations, concepts, "c0 & c1")
