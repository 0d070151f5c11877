"""Inputs that change while they are read give no result, in every command that reads them."""

import os

import h5py
import numpy as np
import pytest

from invert_core import label, probe, score
from invert_core.concepts import build_concepts, read_concepts
from invert_core.concepts.sources.tables import wide
from invert_core.errors import ChangedFileError
from invert_core.labelling import label_files as module
from invert_core.labelling.label_files import label_files
from invert_core.results import run_directory
from invert_core.results.run_directory import read_run
from tests.needs import need

RNG = np.random.default_rng(0)
MARKS = RNG.random((60, 3)) < 0.4
VALUES = RNG.random((60, 5)).astype("f4")


def touch(path):
    """Give a file another time of change, which is all that a change of its bytes must show."""
    stamp = path.stat()
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 10**6))


def activations(path):
    if path.suffix == ".npy":
        np.save(path, VALUES)
    elif path.suffix == ".npz":
        np.savez(path, fc=VALUES)
    else:
        with h5py.File(path, "w") as file:
            file.attrs.update({"format": "invert-activations", "format_version": 1})
            file.attrs["rows_done"] = 60
            file["layers/fc/activations"] = VALUES
    return path


@pytest.fixture
def concepts(tmp_path):
    np.savez(tmp_path / "concepts.npz", labels=MARKS, id=["a", "b", "c"])
    return tmp_path / "concepts.npz"


@pytest.mark.parametrize("name", ["x.npy", "x.h5"])
@pytest.mark.parametrize(
    "work",
    [
        lambda *files, progress: label(*files, progress=progress),
        lambda *files, progress: score(*files, "a", progress=progress),
        lambda *files, progress: probe(*files, "a", progress=progress),
    ],
)
def test_activations_that_change_during_the_work_give_no_result(tmp_path, concepts, name, work):
    path = activations(tmp_path / name)
    with pytest.raises(ChangedFileError, match=f"{name}' changed while"):
        work(path, concepts, progress=lambda *_: touch(path))


@pytest.mark.parametrize("role", ["activations", "concepts", "names"])
def test_a_run_is_not_written_if_an_input_changes(tmp_path, concepts, role):
    names = tmp_path / "names.csv"
    names.write_text("concept_id,name\na,apple\n")
    files = {
        "activations": activations(tmp_path / "x.h5"),
        "concepts": concepts,
        "names": names,
    }
    run = tmp_path / "run"
    with pytest.raises(ChangedFileError, match=files[role].name):
        label_files(**files, output=run, progress=lambda *_: touch(files[role]))
    assert not run.exists()
    assert not run.with_name("run.partial").exists()  # no row was saved after the change
    label_files(**files, output=run)
    assert len({row.unit for row in read_run(run).labels}) == 5


@pytest.mark.parametrize("role", ["activations", "concepts"])
def test_the_recorded_digest_is_of_the_bytes_that_were_read(tmp_path, concepts, role, monkeypatch):
    files = {"activations": activations(tmp_path / "x.npz"), "concepts": concepts}
    identity = module.file_identity

    def and_then_replaced(path):
        found = identity(path)
        if path == files[role]:
            copy = tmp_path / "copy"
            copy.write_bytes(path.read_bytes())
            copy.replace(path)
        return found

    monkeypatch.setattr(module, "file_identity", and_then_replaced)
    with pytest.raises(ChangedFileError, match="replaced by another file"):
        label_files(**files, output=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_file_that_changes_while_its_digest_is_computed_has_none(tmp_path, monkeypatch):
    path = activations(tmp_path / "x.npy")
    digest = run_directory.hashlib.file_digest

    def slow(file, name):
        touch(path)
        return digest(file, name)

    monkeypatch.setattr(run_directory.hashlib, "file_digest", slow)
    with pytest.raises(ChangedFileError):
        run_directory.file_identity(path)


def test_a_run_that_is_replaced_while_it_is_read_is_refused(tmp_path, concepts, monkeypatch):
    run = tmp_path / "run"
    label_files(activations(tmp_path / "x.npy"), concepts, run)
    aliases = run_directory._aliases

    def touching(info, run_file):
        touch(run / "labels.jsonl")
        return aliases(info, run_file)

    monkeypatch.setattr(run_directory, "_aliases", touching)
    with pytest.raises(ChangedFileError, match=r"labels\.jsonl"):
        read_run(run)


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_a_table_that_changes_while_its_rows_are_read_is_refused(tmp_path, suffix, monkeypatch):
    path = tmp_path / f"t{suffix}"
    if suffix == ".parquet":
        pyarrow, parquet = need("pyarrow"), need("pyarrow.parquet")
        parquet.write_table(pyarrow.table({"sample_id": ["x", "y"], "a": [1, 0]}), path)
    elif suffix == ".jsonl":
        path.write_text('{"sample_id": "x", "a": 1}\n{"sample_id": "y", "a": 0}\n')
    else:
        path.write_text("sample_id,a\nx,1\ny,0\n".replace(",", "," if suffix == ".csv" else "\t"))
    read_concepts(path)
    check = wide.check_rows

    def touching(*given):
        touch(path)
        return check(*given)

    monkeypatch.setattr(wide, "check_rows", touching)
    with pytest.raises(ChangedFileError, match=f"t{suffix}' changed while"):
        build_concepts(path)
