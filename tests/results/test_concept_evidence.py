"""The AUC of single concepts in evidence.h5: of all concepts, or of the extreme ones of many."""

import zlib

import h5py
import numpy as np
import pytest

from invert_core import Settings, label_files, read_evidence
from invert_core.errors import FileFormatError
from invert_core.files.hdf5_checksums import CHECKSUM, seal
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_workload
from invert_core.results import concept_records
from tests import naive
from tests.results.unfinished_runs.stopped_runs import Stop, before_unit, fail

N_SAMPLES, N_CONCEPTS = 70, 130


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(8)
    labels = rng.random((N_SAMPLES, N_CONCEPTS)) < rng.uniform(0.1, 0.5, N_CONCEPTS)
    values = np.round(rng.normal(size=(N_SAMPLES, 5)), 1).astype(np.float32)
    values[:, 1] = 0.5
    np.savez("a.npz", one=values[:, :3], two=values[:, 3:])
    np.savez("c.npz", labels=labels, id=[f"c{number}" for number in range(N_CONCEPTS)])
    return tmp_path


@pytest.fixture(params=["all", "extreme"])
def kept(request, monkeypatch):
    """Whether a run keeps the AUC of all concepts, or of the extreme ones only."""
    if request.param == "extreme":
        monkeypatch.setattr(concept_records, "MOST_NUMBERS", 5 * N_CONCEPTS - 1)
    return request.param


def made(output="run", **options):
    settings = Settings(**{"length": 1, "permutations": 0, "min_fraction": 0.1} | options)
    label_files("a.npz", "c.npz", output, settings=settings, jobs=1)
    return read_evidence(output)


def test_all_concepts_or_the_extreme_ones_are_told_from_the_top_of_a_record_on(here, kept):
    found = made(direction="both", objective="auc,phi")
    with np.load("a.npz") as activations, np.load("c.npz") as concepts:
        units = np.concatenate([activations["one"], activations["two"]], axis=1).T
        marks = concepts["labels"].T
    fields = {"all": {"auc"}, "extreme": {"highest", "highest_auc", "lowest", "lowest_auc"}}
    assert set(found.concepts.records) == fields[kept]
    assert len(found.direction) == 10
    for record, direction in enumerate(found.direction):
        values = units[record // 2]
        expected = np.array([naive.auc(values, set(np.flatnonzero(of_one)))[1] for of_one in marks])
        expected = expected if direction == "positive" else 1.0 - expected
        concept, auc = found.concept_auc(record)
        assert auc == pytest.approx(expected[concept], rel=0, abs=0.5000001 / 65_534)
        assert (np.diff(auc) <= 0).all()
        # A dead unit has one AUC for all concepts, so the first ones are in both lists.
        n_kept = {"all": N_CONCEPTS, "extreme": 50 if record // 2 == 1 else 100}[kept]
        assert len(set(concept.tolist())) == concept.size == n_kept
        left_out = np.delete(expected, concept)
        middle = auc[[49, 50 % n_kept]] + [1e-5, -1e-5]
        assert ((left_out <= middle[0]) & (left_out >= middle[1])).all() or kept == "all"


def test_threads_and_blocks_change_no_bit(here, kept):
    settings = Settings(length=1, permutations=0, min_fraction=0.1)
    found = []
    for jobs, block in ((1, None), (1, 1), (3, 2)):
        with Inputs(here / "a.npz", here / "c.npz").open(0) as work:
            tables = label_workload(work, settings, jobs=jobs, block=block, keeps_evidence=True)
            records = [table.evidence["concepts"] for table in tables]
        found.append(np.concatenate(records).tobytes())
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("n_done", [1, 4])
def test_a_run_that_was_stopped_ends_with_the_file_of_one_that_was_not(here, kept, n_done):
    made("whole")
    with pytest.raises(Stop), before_unit(n_done, fail(Stop())):
        made("run")
    assert (here / "run.partial").exists()
    made("run")
    files = [(here / run / "evidence.h5").read_bytes() for run in ("whole", "run")]
    assert files[0] == files[1]


def test_a_labelling_in_memory_keeps_no_auc_of_concepts(here):
    settings = Settings(length=1, permutations=0, min_fraction=0.1)
    with Inputs(here / "a.npz", here / "c.npz").open(0) as work:
        assert all(table.evidence is None for table in label_workload(work, settings))


def test_concepts_that_are_not_there_are_refused(here, monkeypatch):
    monkeypatch.setattr(concept_records, "MOST_NUMBERS", 1)
    made()
    with h5py.File("run/evidence.h5", "r+") as file:
        lists = file["concepts/lowest"]
        values = lists[...]
        values[-1, -1] = N_CONCEPTS
        lists[...] = values
        lists.attrs[CHECKSUM] = np.uint32(zlib.crc32(values.tobytes()))
        seal(file)
    with pytest.raises(FileFormatError, match="contradicts itself"):
        read_evidence("run/evidence.h5")


def test_concepts_that_cannot_be_in_a_formula_for_missing_labels_have_no_auc(here):
    with np.load("c.npz") as file:
        marks, ids = file["labels"][:, :6].astype(np.int8), file["id"][:6]
    marks[:40, 2] = -1
    np.savez("c.npz", labels=marks, id=ids)
    settings = Settings(length=1, permutations=0, min_fraction=0.1)
    label_files("a.npz", "c.npz", "run", settings=settings, missing="exclude")
    found = read_evidence("run")
    assert found.concepts.n_defined.tolist() == [70, 70, 30, 70, 70, 70]
    for record in range(5):
        concept, auc = found.concept_auc(record)
        assert sorted(concept.tolist()) == [0, 1, 3, 4, 5]
        assert np.isfinite(auc).all()
