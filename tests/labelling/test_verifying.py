"""A run is verified: its inputs give what it says."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from invert_core import check_held_out, check_permuted_labels, verify_run
from invert_core.errors import FileFormatError, MissingFileError, StaleFileError
from invert_core.labelling.label_files import label_files
from invert_core.results.run_directory import read_run
from invert_core.settings import Settings
from tests.labelling.checked_run import label_seen, of_unseen
from tests.results.changed_files import seal, seal_run


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


def test_changed_evidence_is_noticed(run):
    (run / "evidence.h5").write_bytes((run / "evidence.h5").read_bytes()[:-1] + b"?")
    with pytest.raises(FileFormatError, match=r"evidence\.h5' is damaged or was changed"):
        verify_run(run)


def test_a_run_without_its_evidence_is_not_whole(run):
    (run / "evidence.h5").unlink()
    with pytest.raises(FileFormatError, match=r"lacks its file 'evidence\.h5'"):
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
    seal(run / "run.json", info | {"settings": info["settings"] | {"flavour": "phi"}})
    with pytest.raises(FileFormatError, match="settings that this program does not know"):
        verify_run(run)


NONSENSE = [
    *({"length": 0}, {"seed": -1}, {"beam": "wide"}, {"direction": "up"}, {"search": ["beam"]}),
    *({"objective": ["phy"]}, {"objective": 5}, {"quantile": 1.0}),
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


def test_the_first_version_of_runs_is_told_apart(tmp_path, caplog):
    golden = Path(__file__).parents[1] / "golden" / "run_v1"
    run = shutil.copytree(golden, tmp_path / "run")
    with pytest.raises(MissingFileError, match="no longer at"):
        verify_run(run)


@pytest.mark.parametrize("missing", [False, True])
def test_a_run_of_a_version_that_knew_no_objectives_was_searched_by_auc(files, missing):
    concepts = files / "seen_concepts.npz"
    if missing:
        with np.load(concepts) as stored:
            arrays = dict(stored) | {"labels": stored["labels"].astype(np.int8)}
        arrays["labels"][::9, 1] = -1
        np.savez(concepts, **arrays)
    chosen = {"missing": "exclude"} if missing else {}
    run = label_seen(files, **chosen)
    info = json.loads((run / "run.json").read_text())
    for name in ("objective", "quantile", "evidence"):
        del info["settings"][name]
    (run / "run.json").write_text(json.dumps(info))
    seal_run(run)
    assert "objective" not in read_run(run).info["settings"]
    differences = {one.column for one in verify_run(run).differences}
    assert differences == set()
    assert check_permuted_labels(run, 2).n_permutations == 2
