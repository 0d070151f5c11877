"""Runs record what was held out, and go on with it."""

import json

import numpy as np
import pytest

from invert_core.errors import ExistingOutputError, StaleFileError
from invert_core.labelling.label_files import label_files
from invert_core.results.run_directory import read_run
from tests.labelling.small_case import QUICK


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
