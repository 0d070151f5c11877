"""Checks of runs: verified from their inputs, tested on held-out samples, with permuted labels."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from invert_core import check_held_out, check_permuted_labels, label, score, verify_run
from invert_core.activations import Activations
from invert_core.concepts import ConceptSet
from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingFileError,
    StaleFileError,
    UnknownNameError,
)
from invert_core.labelling.label_files import label_files
from invert_core.results.run_directory import read_run
from invert_core.settings import Settings
from tests.results.changed_files import seal, seal_run

QUICK = Settings(permutations=0, direction="both", beam=2)
N_SEARCHED = 130


def marks(values, random):
    """Six concepts, the first of which the first unit detects."""
    labels = random.random((len(values), 6)) < 0.3
    values[:, 0] += 2 * labels[:, 0]
    return labels


@pytest.fixture
def files(tmp_path):
    """Activations of 40 units on 130 samples and on 70 others, and the concepts of each."""
    random = np.random.default_rng(3)
    values = np.maximum(random.normal(size=(200, 40)).round(1), 0).astype(np.float32)
    values[:, 7] = 1
    labels = marks(values, random)
    ids = np.array([f"s{number}" for number in range(200)])
    id = np.array([f"c{number}" for number in range(6)])
    for name, part in (("seen", slice(N_SEARCHED)), ("unseen", slice(N_SEARCHED, None))):
        np.savez(tmp_path / f"{name}.npz", fc=values[part], sample_id=ids[part])
        np.savez(tmp_path / f"{name}_concepts.npz", labels=labels[part], id=id, sample_id=ids[part])
    return tmp_path


@pytest.fixture
def run(files):
    label_files(files / "seen.npz", files / "seen_concepts.npz", files / "run", settings=QUICK)
    return files / "run"


def of_unseen(files):
    return files / "unseen.npz", files / "unseen_concepts.npz"


def test_a_run_is_what_its_inputs_give(run, files):
    found = verify_run(run)
    assert (found.n_units, found.n_rows) == (40, len(read_run(run).labels))
    assert found.differences == ()
    assert found.inputs == {
        "activations": files / "seen.npz",
        "concepts": files / "seen_concepts.npz",
    }


def test_what_a_run_was_made_with_is_made_again(files):
    table = "\n".join(["sample_id,clip", *(f"s{number},{number // 4}" for number in range(130))])
    (files / "clips.csv").write_text(table + "\n")
    label_files(
        *(files / "seen.npz", files / "seen_concepts.npz", files / "run"),
        settings=Settings(permutations=20, seed=4),
        groups=f"{files / 'clips.csv'}:clip",
        holdout=0.25,
        units=[0, 5, 7],
        exclude=["c5"],
    )
    assert verify_run(files / "run", jobs=1).differences == ()
    assert check_permuted_labels(files / "run", 2).permuted["auc"].shape == (5,)


def test_every_changed_number_is_found(run):
    rows = [json.loads(line) for line in (run / "labels.jsonl").read_text().splitlines()]
    changed = next(row for row in rows if row["unit"] == 5 and row["rank"] == 1)
    changed["auc"] += 1e-15
    changed["n_scored"] += 1
    changed["by_length"][0]["z"] += 0.001
    del rows[-1]
    (run / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    seal_run(run)
    found = {one.column: one for one in verify_run(run).differences}
    assert set(found) == {"auc", "n_scored", "by_length.z", "row"}
    assert (found["auc"].unit, found["auc"].rank, found["auc"].n_rows) == ("fc:5", 1, 1)
    assert found["n_scored"].recorded == found["n_scored"].computed + 1
    assert found["row"].recorded is None


def test_rows_of_units_that_are_left_out_or_repeat_are_found(run, files):
    rows = (run / "labels.jsonl").read_text().splitlines(keepends=True)
    without = [row for row in rows if json.loads(row)["unit"] != 5]
    (run / "labels.jsonl").write_text("".join(without))
    seal_run(run)
    (found,) = verify_run(run).differences
    assert (found.column, found.unit, found.recorded) == ("row", "fc:5", None)
    assert found.n_rows == len(rows) - len(without)
    (run / "labels.jsonl").write_text("".join([*rows, rows[0]]))
    seal_run(run)
    (found,) = verify_run(run).differences
    assert (found.column, found.unit, found.computed) == ("row", "fc:0", None)
    with pytest.raises(FileFormatError, match="not in order at unit fc:0"):
        check_held_out(run, *of_unseen(files))


def test_a_changed_table_is_noticed(run):
    (run / "labels.csv").write_text((run / "labels.csv").read_text().replace("fc,5,1", "fc,5,2"))
    with pytest.raises(FileFormatError, match=r"labels\.csv' is damaged or was changed"):
        verify_run(run)


def test_inputs_that_have_moved_are_asked_for(run, files):
    moved = (files / "seen.npz").rename(files / "elsewhere.npz")
    with pytest.raises(MissingFileError, match=r"activations of the run are no longer at '.*seen"):
        verify_run(run)
    assert verify_run(run, activations=moved).differences == ()
    assert check_permuted_labels(run, 1, activations=moved).n_permutations == 1


def test_inputs_that_have_changed_are_refused(run, files):
    shutil.copy(files / "unseen_concepts.npz", files / "seen_concepts.npz")
    with pytest.raises(StaleFileError, match="does not hold the concepts that the run was made"):
        verify_run(run)
    with pytest.raises(StaleFileError, match="does not hold the activations"):
        check_permuted_labels(run, 1, activations=files / "unseen.npz")


@pytest.mark.parametrize(
    "changed",
    [
        {"inputs": None},
        {"inputs": {"activations": {}, "concepts": {}}},
        {"settings": []},
        {"arguments": None},
    ],
)
def test_a_run_that_does_not_say_what_it_was_made_from_is_refused(run, changed):
    info = json.loads((run / "run.json").read_text())
    seal(run / "run.json", info | changed)
    with pytest.raises(FileFormatError, match="does not say what the run was made from"):
        verify_run(run)


def test_settings_that_are_not_known_are_refused(run):
    info = json.loads((run / "run.json").read_text())
    seal(run / "run.json", info | {"settings": info["settings"] | {"objective": "phi"}})
    with pytest.raises(FileFormatError, match="settings that this program does not know"):
        verify_run(run)


NONSENSE = [
    *({"length": 0}, {"seed": -1}, {"beam": "wide"}, {"direction": "up"}, {"search": ["beam"]}),
    *({"min_gain": None}, {"time_limit": "1"}, {"search": "exhaustive", "time_limit": "1"}),
]


@pytest.mark.parametrize("changed", NONSENSE, ids=str)
def test_a_run_with_impossible_settings_is_damaged(run, files, changed):
    info = json.loads((run / "run.json").read_text())
    seal(run / "run.json", info | {"settings": info["settings"] | changed})
    for check in (verify_run, lambda path: check_permuted_labels(path, 1)):
        with pytest.raises(FileFormatError, match=r"run\.json of '.*run' says what no run can"):
            check(run)


@pytest.mark.parametrize(
    "changed",
    [{"holdout": 2.0}, {"join": "outer"}, {"match": ["stem"]}, {"missing": 7}, {"missing": "x"}],
    ids=str,
)
def test_a_run_with_impossible_arguments_is_damaged(run, changed):
    info = json.loads((run / "run.json").read_text())
    seal(run / "run.json", info | {"arguments": info["arguments"] | changed})
    with pytest.raises(FileFormatError, match=r"run\.json of '.*run' says what no run can"):
        verify_run(run)


def test_other_versions_are_told(run, caplog):
    info = json.loads((run / "run.json").read_text())
    seal(run / "run.json", info | {"versions": info["versions"] | {"numpy": "1.0"}})
    verify_run(run)
    (told,) = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert told.startswith("The run was made with numpy 1.0 (now ")


def test_every_row_is_tested_as_if_its_formula_were_scored(run, files):
    found = check_held_out(run, *of_unseen(files))
    assert len(found.labels) == len(read_run(run).labels)
    for before, row in zip(read_run(run).labels, found.labels, strict=True):
        assert (row.formula, row.auc, row.p_search) == (before.formula, before.auc, before.p_search)
    for row in found.labels.rows[:12]:
        if row.n_positive_held_out in (0, 70):
            assert row.auc_held_out is None
            continue
        (alone,) = score(*of_unseen(files), row.formula, units=[row.unit])
        assert row.auc_held_out == alone.auc
        assert row.n_positive_held_out == alone.n_positive


def test_the_summary_counts_the_first_rows_of_living_units(run, files):
    found = check_held_out(run, *of_unseen(files))
    first = [row for row in found.labels if row.rank == 1 and row.formula]
    assert found.n_labels == len(first) == 78  # two directions of 39 living units
    tested = [row for row in first if row.auc_held_out is not None]
    signs = [-1 if row.direction == "negative" else 1 for row in tested]
    assert found.n_tested == len(tested)
    wrong = [sign * (row.auc_held_out - 0.5) < 0 for sign, row in zip(signs, tested, strict=True)]
    assert found.n_wrong_side == sum(wrong) > 0
    assert found.n_hold == sum(row.p_held_out < 0.05 for row in tested) > 0
    optimism = [
        sign * (row.auc - row.auc_held_out) for sign, row in zip(signs, tested, strict=True)
    ]
    assert found.median_optimism == pytest.approx(np.median(optimism))


def test_layers_may_come_in_another_order(files):
    with np.load(files / "seen.npz") as seen, np.load(files / "unseen.npz") as unseen:
        two = {
            name: {"a": each["fc"][:, :3], "b": each["fc"][:, 3:9]}
            for name, each in (("seen", seen), ("unseen", unseen))
        }
        ids = {"seen": seen["sample_id"], "unseen": unseen["sample_id"]}
    np.savez(files / "seen.npz", **two["seen"], sample_id=ids["seen"])
    run = label_files(
        *(files / "seen.npz", files / "seen_concepts.npz", files / "run"), settings=QUICK
    )
    again = [
        check_held_out(files / "run", *of_unseen_layers(files, two["unseen"], ids["unseen"], order))
        for order in ("ab", "ba")
    ]
    assert again[0].labels.rows == again[1].labels.rows
    assert len(again[0].labels) == len(run)


def of_unseen_layers(files, layers, ids, order):
    path = files / f"{order}.npz"
    np.savez(path, **{name: layers[name] for name in order}, sample_id=ids)
    return path, files / "unseen_concepts.npz"


def test_the_activations_that_were_searched_are_no_test(run, files):
    with pytest.raises(DataError, match="holds the activations that the search of the run saw"):
        check_held_out(run, files / "seen.npz", files / "seen_concepts.npz")


def test_samples_with_the_ids_of_searched_ones_are_told(run, files, caplog):
    with np.load(files / "unseen.npz") as unseen, np.load(files / "unseen_concepts.npz") as of:
        again = {name: of[name] for name in ("labels", "id")}
        ids = np.array([f"s{number}" for number in range(70)])
        np.savez(files / "unseen.npz", fc=unseen["fc"], sample_id=ids)
        np.savez(files / "unseen_concepts.npz", **again, sample_id=ids)
    check_held_out(run, *of_unseen(files))
    assert "70 of 70 held-out samples have the ids of samples that the run was made" in caplog.text
    (files / "seen.npz").unlink()
    check_held_out(run, *of_unseen(files))
    assert "Nothing shows that the search did not see these samples" in caplog.text


def test_rows_whose_concepts_are_absent_are_told_and_left_empty(run, files, caplog):
    with np.load(files / "unseen_concepts.npz") as of:
        kept = {"labels": of["labels"][:, :5], "id": of["id"][:5], "sample_id": of["sample_id"]}
    np.savez(files / "unseen_concepts.npz", **kept)
    found = check_held_out(run, *of_unseen(files))
    assert "have no labels of 1 concept of the run ('c5'), so " in caplog.text
    lacking = [row for row in found.labels if "c5" in row.formula]
    assert {row.auc_held_out for row in lacking} == {None}
    assert {row.n_samples_held_out for row in lacking} == {0}
    assert any(row.auc_held_out is not None for row in found.labels)
    np.savez(files / "unseen_concepts.npz", **kept | {"id": np.array(list("uvwxy"))})
    with pytest.raises(DataError, match=r"no labels of 6 concepts of the run.*so no formula can"):
        check_held_out(run, *of_unseen(files))


def test_other_units_are_refused(run, files):
    with np.load(files / "unseen.npz") as unseen:
        values, ids = unseen["fc"], unseen["sample_id"]
    np.savez(files / "unseen.npz", fc=values[:, :30], sample_id=ids)
    with pytest.raises(DataError, match=r"has 30 units in the held-out file.*no unit 39"):
        check_held_out(run, *of_unseen(files))
    np.savez(files / "unseen.npz", fc2=values, sample_id=ids)
    with pytest.raises(UnknownNameError, match=r"no layer 'fc'.*Did you mean 'fc2'"):
        check_held_out(run, *of_unseen(files))


@pytest.fixture
def clips(tmp_path):
    """Frames of 13 clips, on which a run is to be made, and of 7 others."""
    random = np.random.default_rng(3)
    values = random.normal(size=(200, 6)).astype(np.float32)
    labels = marks(values, random)
    ids = np.array([f"clip{number // 10}/{number % 10}" for number in range(200)])
    id = np.array([f"c{number}" for number in range(6)])
    for name, part in (("seen", slice(N_SEARCHED)), ("unseen", slice(N_SEARCHED, None))):
        np.savez(tmp_path / f"{name}.npz", fc=values[part], sample_id=ids[part])
        np.savez(tmp_path / f"{name}_concepts.npz", labels=labels[part], id=id, sample_id=ids[part])
    return tmp_path


def run_of(files, **told):
    concepts = files / "seen_concepts.npz"
    label_files(files / "seen.npz", concepts, files / "run", settings=QUICK, **told)
    return files / "run"


def said(caplog):
    return [(one.levelname, one.getMessage()) for one in caplog.records]


def test_samples_that_look_grouped_bring_advice_that_can_be_followed(clips, caplog):
    run = run_of(clips, groups=None)
    caplog.clear()
    found = check_held_out(run, *of_unseen(clips))
    (told,) = [text for level, text in said(caplog) if level == "WARNING"]
    assert "give --groups 'id:(.*)/.*', or --groups none" in told
    assert found.n_hold is not None
    of_samples = {row.p_held_out for row in found.labels} - {None}
    for groups, n_warnings in (("id:(.*)/.*", 0), ("none", 0)):
        caplog.clear()
        found = check_held_out(run, *of_unseen(clips), groups=groups)
        assert [level for level, _ in said(caplog)].count("WARNING") == n_warnings
        in_groups, told = groups != "none", {row.p_held_out for row in found.labels} - {None}
        assert found.n_hold is not None
        assert bool(told & of_samples) != in_groups


def test_labels_hold_in_held_out_groups_as_they_do_when_labelled_with_them(clips):
    run = run_of(clips, groups="id:(.*)/.*")
    found = check_held_out(run, *of_unseen(clips))
    tested = [row for row in found.labels.best() if row.p_held_out is not None]
    assert len(tested) > 5
    assert found.n_hold == sum(row.p_held_out < 0.05 for row in tested)
    arrays = [np.load(clips / f"{name}.npz") for name in ("seen", "unseen")]
    searched, held = (
        Activations.from_array(each["fc"], sample_id=each["sample_id"].tolist()) for each in arrays
    )
    labels = [np.load(clips / f"{name}_concepts.npz") for name in ("seen", "unseen")]
    concepts = ConceptSet.from_arrays(
        np.concatenate([each["labels"] for each in labels]),
        labels[0]["id"].tolist(),
        sample_id=[*searched.sample_id, *held.sample_id],
    )
    at_once = label(*(searched, concepts), held_out=held, groups="id:(.*)/.*", settings=QUICK).rows
    for row, other in zip(found.labels, at_once, strict=True):
        for name in ("auc_held_out", "auc_held_out_low", "auc_held_out_high", "p_held_out"):
            assert getattr(row, name) == getattr(other, name)


def test_groups_that_are_told_count_even_if_the_searched_activations_are_gone(clips, caplog):
    run = run_of(clips, groups="id:(.*)/.*")
    whole = check_held_out(run, *of_unseen(clips))
    (clips / "seen.npz").unlink()
    caplog.clear()
    found = check_held_out(run, *of_unseen(clips))
    assert "Nothing shows that these samples are of other groups" in caplog.text
    assert list(found.labels) == list(whole.labels)


def test_held_out_samples_of_searched_groups_are_refused(clips):
    run = run_of(clips, groups="id:(.*)/.*")
    with np.load(clips / "unseen.npz") as held, np.load(clips / "unseen_concepts.npz") as of:
        ids = np.array(["clip0/99", *held["sample_id"][1:]])
        of_concepts = {name: of[name] for name in ("labels", "id")}
        np.savez(clips / "unseen.npz", fc=held["fc"], sample_id=ids)
    np.savez(clips / "unseen_concepts.npz", **of_concepts, sample_id=ids)
    with pytest.raises(DataError, match=r"1 group has searched and held-out samples \('clip0'\)"):
        check_held_out(run, *of_unseen(clips))
    check_held_out(run, *of_unseen(clips), groups="none")


def test_the_table_of_a_run_says_nothing_of_other_samples(clips, caplog):
    def table(name, ids):
        rows = "".join(f"{id},{id.partition('/')[0]}\n" for id in ids)
        (clips / name).write_text(f"sample_id,clip\n{rows}")
        return f"{clips / name}:clip"

    ids = [f"clip{number // 10}/{number % 10}" for number in range(200)]
    run = run_of(clips, groups=table("seen.csv", ids[:N_SEARCHED]))
    found = check_held_out(run, *of_unseen(clips))
    assert found.n_hold is None
    assert found.n_tested > 0
    assert {row.p_held_out for row in found.labels} == {None}
    assert {row.auc_held_out_high for row in found.labels} == {None}
    assert (
        "stay empty, because nothing shows which held-out samples are of one group" in caplog.text
    )
    assert "Nothing shows that these samples are of other groups" in caplog.text
    assert "give --groups TABLE:COLUMN with rows for both" in caplog.text
    caplog.clear()
    found = check_held_out(run, *of_unseen(clips), groups=table("all.csv", ids))
    assert found.n_hold is not None
    assert "stay empty, because nothing" not in caplog.text
    assert "Nothing shows" not in caplog.text
    with pytest.raises(DataError, match=r"seen.csv' has no row for 70 held-out samples"):
        check_held_out(run, *of_unseen(clips), groups=f"{clips / 'seen.csv'}:clip")


def test_the_first_version_of_runs_is_told_apart(tmp_path, caplog):
    golden = Path(__file__).parents[1] / "golden" / "run_v1"
    run = shutil.copytree(golden, tmp_path / "run")
    with pytest.raises(MissingFileError, match="no longer at"):
        verify_run(run)
