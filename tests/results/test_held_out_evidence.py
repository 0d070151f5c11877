"""What evidence.h5 says of held-out samples comes from their activations again."""

import numpy as np
import pytest

from invert_core import Settings, label_files, read_evidence, read_run
from invert_core.formula.formula import Formula
from invert_core.labelling.inputs import Inputs
from invert_core.metrics.evidence import places_of_cuts
from tests.naive.evidence import Ranked
from tests.results.unfinished_runs.stopped_runs import finish, is_whole, stop, write_inputs

N_SAMPLES = 90


def settings(**told):
    return Settings(**{"permutations": 0, "length": 2, "min_fraction": 0.1, "beam": 2} | told)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Two layers with ties, zeros and a dead unit, and concepts with and without missing labels."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(6)
    labels = rng.random((N_SAMPLES, 6)) < np.linspace(0.05, 0.4, 6)
    values = np.round(rng.normal(size=(N_SAMPLES, 5)) + labels[:, 1:], 1).astype(np.float32)
    values[:, 1] = np.maximum(values[:, 1], 0)
    values[:, 2] = 0.5
    ids = [f"s{number}" for number in range(N_SAMPLES)]
    np.savez("a.npz", one=values[:, :3], two=values[:, 3:], sample_id=ids)
    marks = labels.astype(np.int8)
    marks[rng.random(marks.shape) < 0.2] = -1
    concepts = [f"c{number}" for number in range(6)]
    np.savez("whole.npz", labels=labels, id=concepts, sample_id=ids)
    np.savez("missing.npz", labels=marks, id=concepts, sample_id=ids)
    return tmp_path


def check(run, concepts, held):
    """Recompute what a run says of the held-out samples; return how many rows have an AUC."""
    found = read_evidence(run)
    rows = read_run(run).labels.rows
    assert found.held_out_cuts.tolist() == places_of_cuts(len(held)).tolist()
    assert found.held_out["hits"].shape == (len(rows), found.held_out_cuts.size)
    with np.load("a.npz") as file:
        layers = {name: file[name] for name in ("one", "two")}
    n_auc = 0
    for number, row in enumerate(rows):
        of_row = {name: array[number] for name, array in found.held_out.items()}
        if row.status == "dead":
            assert np.isnan(of_row["auc"])
            assert not of_row["hits"].any()
            assert of_row["positive"] == 0
            continue
        formula = Formula.parse(row.formula)
        domain, extent = formula.defined_on(concepts), formula.evaluate(concepts)
        sign = -1 if row.direction == "negative" else 1
        values = layers[row.layer][held, row.unit]
        ranked = Ranked(values, extent & domain, domain, sign)
        hits = [float(ranked.hits(int(n))) for n in found.held_out_cuts]
        assert of_row["hits"].tolist() == np.array(hits, np.float32).tolist()
        assert of_row["positive"] == (extent & domain).sum() == row.n_positive_held_out
        if row.auc_held_out is None:
            assert np.isnan(of_row["auc"])
        else:
            inside, outside = values[extent & domain], values[~extent & domain]
            wins = (inside[:, None] > outside).sum() + (inside[:, None] == outside).sum() / 2
            assert of_row["auc"] == wins / (inside.size * outside.size) == row.auc_held_out
            n_auc += 1
    return n_auc


@pytest.mark.parametrize(
    ("source", "told", "options"),
    [
        ("whole", {}, {}),
        ("whole", {"direction": "both"}, {}),
        ("whole", {"direction": "both", "objective": "phi,auc,mad"}, {}),
        ("whole", {"objective": "phi"}, {"groups": r"id:s(\d).*"}),
        ("missing", {"direction": "negative"}, {"missing": "exclude"}),
        ("whole", {"search": "exhaustive"}, {}),
    ],
)
def test_every_number_comes_from_the_held_out_activations(here, source, told, options):
    options = {"holdout": 0.4} | options
    label_files("a.npz", f"{source}.npz", "run", settings=settings(**told), **options)
    with Inputs(here / "a.npz", here / f"{source}.npz", **options).open(0) as work:
        held, concepts = work.held_out.kept, work.held_out.concepts
    assert check("run", concepts, held) > 4


def test_a_file_of_few_held_out_samples_is_counted_like_others(here):
    with np.load("a.npz") as file:
        parts = {name: file[name] for name in file.files}
    for name, part in (("seen", slice(None, -2)), ("unseen", slice(-2, None))):
        np.savez(f"{name}.npz", **{key: array[part] for key, array in parts.items()})
    told = {"held_out": "unseen.npz", "settings": settings(objective="auc,phi", length=1)}
    label_files("seen.npz", "whole.npz", "run", **told)
    held_out = np.arange(N_SAMPLES - 2, N_SAMPLES)
    with Inputs(here / "seen.npz", here / "whole.npz", held_out=here / "unseen.npz").open(
        0
    ) as work:
        check("run", work.held_out.concepts, held_out)
    assert read_evidence("run").held_out_cuts.tolist() == [1, 2]


def test_without_held_out_samples_there_is_nothing_of_them(here):
    label_files("a.npz", "whole.npz", "run", settings=settings())
    found = read_evidence("run")
    assert found.held_out is found.held_out_cuts is None


def test_a_run_without_evidence_can_have_held_out_samples(here):
    told = {"settings": settings(evidence=False), "holdout": 0.3}
    label_files("a.npz", "whole.npz", "run", **told)
    assert not (here / "run" / "evidence.h5").exists()
    assert any(row.auc_held_out is not None for row in read_run("run").labels)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_labelling_that_was_stopped_has_the_same_bytes_in_the_end(tmp_path, monkeypatch, jobs):
    monkeypatch.chdir(tmp_path)
    write_inputs(tmp_path)
    told = {
        "holdout": 0.3,
        "jobs": jobs,
        "settings": Settings(length=2, beam=2, permutations=5, objective="auc,phi"),
    }
    finish("whole", **told)
    for after in (1, 5, 11):
        stop(after, **told)
    finish(**told)
    assert is_whole(tmp_path / "run", tmp_path / "whole")
    assert read_evidence("run").held_out["hits"].any()
