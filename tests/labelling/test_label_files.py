"""Files are labelled into a run directory that says how to repeat it."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from invert_core import label
from invert_core.errors import ExistingOutputError, MissingFileError, StaleFileError
from invert_core.labelling.label_files import label_files
from invert_core.results.run_directory import read_run
from invert_core.settings import Settings

FILES = ("labels.csv", "labels.jsonl")
FEW = Settings(length=2, permutations=10)
QUICK = Settings(length=1, permutations=0)


@pytest.fixture
def inputs(tmp_path):
    """150 units, more than two blocks, on 130 samples with twelve concepts; some values tie."""
    random = np.random.default_rng(3)
    np.save(tmp_path / "fc.npy", np.maximum(random.normal(size=(130, 150)).round(1), 0))
    np.savez(
        tmp_path / "concepts.npz",
        labels=random.random((130, 12)) < 0.3,
        id=np.array([f"concept {number}" for number in range(12)]),
    )
    return tmp_path / "fc.npy", tmp_path / "concepts.npz"


@pytest.fixture
def run(tmp_path):
    golden = Path(__file__).parents[1] / "golden" / "run_v1"
    return shutil.copytree(golden, tmp_path / "run")


def test_results_are_equal_to_the_byte_for_any_number_of_threads(tmp_path, inputs):
    for jobs in (1, 2):
        label_files(*inputs, tmp_path / f"run{jobs}", jobs=jobs, settings=FEW)
    for name in FILES:
        one = (tmp_path / "run1" / name).read_bytes()
        assert one.count(b"\n") > 150
        assert one == (tmp_path / "run2" / name).read_bytes()


def test_results_are_equal_to_the_byte_for_any_block_size(inputs):
    settings = Settings(length=2, direction="both", permutations=5)
    results = [label(*inputs, settings=settings, block=block, jobs=2) for block in (1, 7, 64, 999)]
    assert len({result.to_csv() for result in results}) == 1
    assert len({result.to_jsonl() for result in results}) == 1


def test_a_run_says_all_that_is_needed_to_repeat_it(tmp_path, inputs):
    limits = {"min_fraction": 0.1, "limit_search": 5, "min_gain": 0.001}
    settings = Settings(length=2, beam=2, permutations=20, **limits)
    label_files(*inputs, tmp_path / "run", settings=settings, units=[3, 99], layers=["fc"], jobs=1)
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["format"] == "invert-run"
    assert info["format_version"] == 2
    for name in FILES:
        content = (tmp_path / "run" / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        assert info["files"][name] == {"bytes": len(content), "sha256": digest}
    for name, path in zip(("activations", "concepts"), inputs, strict=True):
        assert info["inputs"][name] == {
            "path": str(path),
            "bytes": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
    assert {"python", "invert-core", "numba", "numpy", "h5py"} <= set(info["versions"])
    assert set(info["machine"]) == {"system", "processor", "cores"}
    assert info["timings"]["label_seconds"] >= 0
    assert info["timings"]["started"].endswith("Z")

    arguments = info["arguments"]
    label_files(
        Path(info["inputs"]["activations"]["path"]),
        Path(info["inputs"]["concepts"]["path"]),
        tmp_path / "again",
        settings=Settings(**info["settings"]),
        **arguments,
    )
    for name in FILES:
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_table_of_names_is_an_input(tmp_path, inputs):
    (tmp_path / "names.csv").write_text("concept_id,name\nconcept 1,one\n")
    label_files(*inputs, tmp_path / "run", names=tmp_path / "names.csv", settings=QUICK)
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["inputs"]["names"]["path"] == str(tmp_path / "names.csv")


def test_a_run_is_read_back_as_it_was_found(tmp_path, inputs):
    settings = Settings(length=2, permutations=10)
    found = label_files(*inputs, tmp_path / "run", units=range(5), settings=settings)
    run = read_run(tmp_path / "run")
    assert run.labels.rows == found.rows
    assert run.info["settings"]["length"] == 2


def test_an_output_that_holds_an_input_is_refused_before_the_search(tmp_path, inputs, run):
    inside = run / "fc.npy"
    inside.write_bytes(inputs[0].read_bytes())
    (tmp_path / "link.npy").symlink_to(inside)
    for source in (inside, tmp_path / "link.npy"):
        with pytest.raises(ExistingOutputError, match="which would be lost"):
            label_files(
                source,
                inputs[1],
                run,
                overwrite=True,
                progress=lambda *_: pytest.fail("it searched"),
            )
    assert inside.exists()


def test_file_names_that_are_not_utf_8_are_written_so_that_they_read_back(tmp_path, inputs):
    odd = tmp_path / "caf\udce9.npy"
    odd.write_bytes(inputs[0].read_bytes())
    label_files(odd, inputs[1], tmp_path / "run", units=[0], settings=QUICK)
    run = read_run(tmp_path / "run")
    assert Path(run.info["inputs"]["activations"]["path"]) == odd
    assert run.labels.rows[0].layer == r"caf\udce9"


def test_inputs_are_found_again_from_another_folder(tmp_path, inputs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    label_files(*(Path(path.name) for path in inputs), Path("run"), settings=QUICK)
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [Path(found["path"]) for found in info["inputs"].values()] == list(inputs)


def test_numbers_of_numpy_and_a_single_layer_are_recorded_as_what_they_mean(tmp_path, inputs):
    settings = Settings(length=np.int64(1), min_fraction=np.float32(0.25), permutations=0)
    units = np.arange(2)
    label_files(*inputs, tmp_path / "run", settings=settings, units=units, layers="fc")
    info = json.loads((tmp_path / "run" / "run.json").read_text())
    assert info["arguments"]["layers"] == ["fc"]
    assert info["arguments"]["units"] == [0, 1]
    assert (info["settings"]["length"], info["settings"]["min_fraction"]) == (1, 0.25)


def test_paths_may_be_text(tmp_path, inputs):
    target = str(tmp_path / "run")
    made = label_files(*map(str, inputs), target, settings=QUICK)
    assert read_run(target).labels.rows == made.rows


def test_rows_are_handed_over_as_they_are_saved(tmp_path, inputs, monkeypatch):
    monkeypatch.setattr("invert_core.labelling.batches._UNITS", 40)
    handed = []
    found = label_files(*inputs, tmp_path / "run", each=handed.append, settings=FEW)
    assert len(handed) > 1
    assert [row for part in handed for row in part] == [replace(row, q_value=None) for row in found]
    assert {part.concepts for part in handed} == {found.concepts}


def test_rows_that_are_read_too_late_name_the_run_that_is_gone(tmp_path, inputs):
    found = label_files(*inputs, tmp_path / "run", units=[0], settings=QUICK)
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(MissingFileError, match=r"run/labels\.jsonl"):
        len(found)


def test_rows_that_are_read_too_late_are_not_those_of_another_run(tmp_path, inputs):
    found = label_files(*inputs, tmp_path / "run", units=[0], settings=QUICK)
    label_files(*inputs, tmp_path / "run", units=[1], overwrite=True, settings=QUICK)
    with pytest.raises(StaleFileError, match="was replaced or changed"):
        len(found)


def test_rows_are_found_from_another_folder(tmp_path, inputs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = label_files(*inputs, "run", units=[0], settings=QUICK)
    monkeypatch.chdir(tmp_path.parent)
    assert found.rows[0].unit == 0


def test_a_lock_that_a_kill_left_beside_a_whole_run_is_cleared_by_the_next(inputs, tmp_path):
    label_files(*inputs, tmp_path / "run", settings=QUICK)
    lock = tmp_path / ".run.lock"
    lock.touch()
    with pytest.raises(ExistingOutputError, match="exists"):
        label_files(*inputs, tmp_path / "run", settings=QUICK)
    assert not lock.exists()
