"""What is held out is not searched, and what is found is tested on it."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse
import scipy.stats

from invert_core import label
from invert_core.activations import Activations
from invert_core.activations.groups import Groups
from invert_core.errors import (
    DataError,
    ExistingOutputError,
    SettingError,
    StaleFileError,
    UnknownNameError,
)
from invert_core.formula.formula import Formula
from invert_core.labelling import held_out_rows
from invert_core.labelling.held_out_rows import adding_held_out
from invert_core.labelling.holding_out import hold_out
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_units
from invert_core.labelling.label_files import label_files
from invert_core.labelling.workload import Workload
from invert_core.results.columns import Label
from invert_core.results.label_table import LabelTable
from invert_core.results.run_directory import read_run
from invert_core.settings import Settings
from tests.labelling.small_case import concept_set, small
from tests.naive import intervals as naive

OF_HELD_OUT = (*(name for name in Label.ORDER if "held_out" in name), "optimism")
QUICK = Settings(permutations=0)
BOTH = Settings(permutations=0, direction="both", max_fraction=1.0, min_fraction=0.0, seed=3)
Z = float(scipy.stats.norm.isf(0.025))


def named(labels, first=0, **fields):
    ids = [f"s{number}" for number in range(first, first + len(labels))]
    return concept_set(labels, sample_id=ids, **fields)


def with_ids(activations, first=0):
    ids = [f"s{number}" for number in range(first, first + len(activations))]
    return Activations.from_array(activations, sample_id=ids)


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
        parts_of(activations, concept_set(labels), Settings(seed=seed), holdout=0.2)[1].tolist()
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


def workload(labels, groups=None):
    activations = Activations.from_array(np.zeros((len(labels), 1)))
    layers = ((activations.layers["activations"], [0]),)
    return Workload(concept_set(labels), layers, None, groups)


def test_whole_groups_are_held_out():
    number = np.random.default_rng(0).integers(0, 20, 200).astype(np.int32)
    groups = Groups(number, tuple(map(str, range(20))))
    work = workload(np.random.default_rng(1).random((200, 3)) < 0.4, groups)
    split = hold_out(work, 0.3, 0)
    inside = [set(number[part].tolist()) for part in (split.kept, split.held_out.kept)]
    assert [len(part) for part in inside] == [14, 6]
    assert not inside[0] & inside[1]


@pytest.mark.parametrize(
    ("share", "n_samples", "n_groups", "message"),
    [
        (0.3, 3, None, r"^--holdout 0.3 holds out 1 of 3 samples; both parts need at least 2"),
        (0.001, 100, None, r"^--holdout 0.001 holds out 0 of 100 samples"),
        (0.99, 100, None, r"^--holdout 0.99 holds out 99 of 100 samples"),
        (0.3, 100, 1, r"^--holdout 0.3 holds out 0 of 1 group; .*2 groups\. Give .*more groups"),
        (0.3, 100, 4, r"^--holdout 0.3 holds out 1 of 4 groups"),
        (0.7, 100, 4, r"^--holdout 0.7 holds out 3 of 4 groups"),
    ],
)
def test_a_part_that_is_too_small_is_refused(share, n_samples, n_groups, message):
    labels = np.arange(n_samples)[:, None] % 2 == 0
    groups = n_groups and Groups.of([str(row % n_groups) for row in range(n_samples)])
    with pytest.raises(DataError, match=message):
        hold_out(workload(labels, groups), share, 0)


def test_parts_in_which_no_concept_varies_are_refused():
    labels = np.zeros((100, 2), bool)
    labels[:2] = True
    with pytest.raises(DataError, match="No concept is true on some of the 10 held-out samples"):
        hold_out(workload(labels), 0.1, 0)


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan"), "0.3"])
def test_a_share_that_is_none_is_refused(share):
    activations, labels = small()
    with pytest.raises(SettingError, match="--holdout is "):
        label(activations, concept_set(labels), holdout=share)


def test_a_share_and_a_file_are_too_much():
    activations, labels = small()
    with pytest.raises(SettingError, match="Both --holdout and --held-out"):
        label(activations, concept_set(labels), holdout=0.3, held_out=activations)


def test_samples_of_the_search_are_not_held_out():
    activations, labels = small()
    with pytest.raises(DataError, match="5 samples of the held-out file are among the searched"):
        label(with_ids(activations), named(labels), held_out=with_ids(activations[:5]))
    ids = [f"other/s{number}" for number in range(5)]
    again = Activations.from_array(activations[:5], sample_id=ids)
    with pytest.raises(DataError, match="5 samples of the held-out file are among the searched"):
        label(with_ids(activations), named(labels), held_out=again, match="name")


def test_a_held_out_file_is_joined_by_id_only():
    activations, labels = small()
    given = {
        "searched samples have": (activations[:100], named(labels), with_ids(activations, 100)),
        "held-out samples have": (with_ids(activations[:100]), named(labels), activations[100:]),
        "concepts have": (with_ids(activations), concept_set(labels), with_ids(activations, 150)),
    }
    for whose, (searched, concepts, held) in given.items():
        with pytest.raises(DataError, match=f"The {whose} no ids"):
            label(searched, concepts, held_out=held)


@pytest.mark.parametrize("join", ["strict", "inner"])
def test_a_file_whose_samples_have_no_concepts_is_named(join):
    activations, labels = small()
    few, others = with_ids(activations[:5], 500), with_ids(activations)
    for which, searched, held in (("held-out", others, few), ("searched", few, others)):
        with pytest.raises(DataError, match=f"known for 0 samples of the {which} file") as caught:
            label(searched, named(labels), held_out=held, join=join)
        assert "make one file of both" in caught.value.hint


def test_ids_of_held_out_samples_that_differ_by_a_folder_are_matched_on_request():
    activations, labels = small()
    ids = [f"folder/s{number}" for number in range(100, len(labels))]
    held = Activations.from_array(activations[100:], sample_id=ids)
    searched = with_ids(activations[:100])
    with pytest.raises(DataError, match="Match them with: --match name"):
        label(searched, named(labels), held_out=held)
    found = label(searched, named(labels), held_out=held, match="name", settings=QUICK)
    assert any(row.auc_held_out is not None for row in found)


@pytest.mark.parametrize("of", [np.asarray, scipy.sparse.csc_array], ids=["dense", "sparse"])
def test_errors_in_held_out_activations_say_so(of):
    activations, labels = small()
    ids = [f"s{number}" for number in range(len(labels))]
    broken = activations[100:].copy()
    broken[3, 2] = np.nan
    searched = with_ids(activations[:100])
    held = Activations.from_array(of(broken), sample_id=ids[100:])
    with pytest.raises(DataError, match=r"NaN for sample 's103'.*In the held-out activations"):
        label(searched, named(labels), held_out=held, settings=QUICK)
    with pytest.raises(DataError, match=r"1 sample .*In the held-out activations"):
        label(searched, named(labels), held_out=activations[:1])


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ({"block1": 0}, UnknownNameError, "has no layer 'block'.*Did you mean 'block1'"),
        ({"block": slice(0, 3)}, DataError, "'block' has 3 units in the held-out file and 5 in"),
    ],
)
def test_a_held_out_file_has_the_same_units(layers, error, message):
    activations, labels = small(n_samples=200)
    ids = [f"s{number}" for number in range(200)]
    searched = Activations.from_array({"block": activations[:150]}, sample_id=ids[:150])
    held = {name: activations[150:, units] for name, units in layers.items()}
    held = Activations.from_array(held, sample_id=ids[150:])
    with pytest.raises(error, match=message):
        label(searched, named(labels), held_out=held)


@pytest.fixture
def files(tmp_path):
    """Activations of 150 units on 130 samples, of others on 60 more, and concepts of both."""
    random = np.random.default_rng(3)
    values = np.maximum(random.normal(size=(190, 150)).round(1), 0).astype(np.float32)
    ids = np.array([f"s{number}" for number in range(190)])
    np.savez(tmp_path / "searched.npz", fc=values[:130], sample_id=ids[:130])
    np.savez(tmp_path / "held.npz", fc=values[130:], sample_id=ids[130:])
    np.savez(
        tmp_path / "concepts.npz",
        labels=random.random((190, 8)) < 0.3,
        id=np.array([f"c{number}" for number in range(8)]),
        sample_id=ids,
    )
    return tmp_path


def run_of(files, output="run", **options):
    told = {"settings": QUICK, "held_out": files / "held.npz"} | options
    return label_files(files / "searched.npz", files / "concepts.npz", files / output, **told)


def test_a_run_records_what_was_held_out(files):
    run_of(files)
    info = read_run(files / "run").info
    assert info["inputs"]["held_out"]["path"] == str(files / "held.npz")
    assert "holdout" not in info["arguments"]
    told = {"holdout": 0.25, "held_out": None, "join": "inner"}
    run_of(files, "other", **told)
    run = read_run(files / "other")
    assert run.info["arguments"]["holdout"] == 0.25
    assert set(run.info["inputs"]) == {"activations", "concepts"}
    assert {row.n_samples_held_out for row in run.labels} == {32}
    arguments = run.info["arguments"]
    run_of(files, "again", held_out=None, **arguments)
    again, before = ((files / name / "labels.jsonl").read_bytes() for name in ("again", "other"))
    assert again == before


def test_an_interrupted_labelling_goes_on_with_held_out_samples(files):
    whole = run_of(files).rows

    class Stop(Exception):
        pass

    def stop(labels):
        raise Stop

    with pytest.raises(Stop):
        run_of(files, "broken", each=stop)
    done = json.loads((files / "broken.partial" / "unfinished.json").read_text())["n_units"]
    assert 0 < done <= 150
    with pytest.raises(StaleFileError, match=r"inputs\.held_out"):
        run_of(files, "broken", held_out=None, join="inner")
    assert run_of(files, "broken").rows == whole


def test_an_output_that_holds_the_held_out_file_is_refused(files):
    run_of(files)
    (files / "run" / "held.npz").write_bytes((files / "held.npz").read_bytes())
    with pytest.raises(ExistingOutputError, match=r"holds the input '.*held\.npz'"):
        run_of(files, overwrite=True, held_out=files / "run" / "held.npz")


def test_held_out_activations_of_another_model_are_told(caplog):
    activations, labels = small(n_samples=60)
    made = {"model": "a", "pooling": {"activations": "mean", "other": "max"}, "batch_size": 32}
    searched, held = with_ids(activations[:40]), with_ids(activations[40:], 40)

    def told(**changed):
        caplog.clear()
        label(
            replace(searched, extraction=made),
            named(labels),
            held_out=replace(held, extraction=made | changed),
            settings=QUICK,
        )
        return [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]

    assert told(batch_size=1, pooling={"activations": "mean"}) == []
    (warning,) = told(model="b", pooling={"activations": "max"})
    assert "were extracted with another model and other pooling than the searched" in warning


def test_held_out_activations_are_read_a_few_units_at_a_time(monkeypatch):
    activations, labels = small(n_units=400, n_samples=40)
    concepts = concept_set(labels)
    tables = list(label(activations, concepts, settings=QUICK).tables)
    table = LabelTable.of_rows(list(itertools.chain.from_iterable(tables)))
    assert len(table.units()) == 400
    n_waiting, most = 0, 0
    cut, place = held_out_rows._part, held_out_rows.placements

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
    monkeypatch.setattr(held_out_rows, "placements", placed)
    with (
        Inputs(activations, concepts).open() as work,
        adding_held_out(work, 1, independent=True) as with_held_out,
    ):
        found = with_held_out(table)
    assert [row.auc_held_out for row in found if row.status == "ok"] == [
        row.auc for row in table if row.status == "ok"
    ]
    assert most <= 3 * 16
