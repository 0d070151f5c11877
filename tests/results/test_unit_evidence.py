"""The evidence of one unit is that of its records and rows in the file."""

import numpy as np
import pytest

from invert_core import Settings, label_files, read_evidence, read_run
from invert_core.errors import FileFormatError
from invert_core.results.unit_evidence import unit_evidence

N_SAMPLES = 80


@pytest.fixture
def run(tmp_path, monkeypatch):
    """A run in both directions, with missing labels and a dead unit."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(8)
    labels = (rng.random((N_SAMPLES, 4)) < 0.4).astype(np.int8)
    values = rng.normal(size=(N_SAMPLES, 4)) + labels
    values[:, 0] = np.maximum(values[:, 0], 0)
    values[:, 3] = 2
    labels[rng.random(labels.shape) < 0.2] = -1
    ids = [f"s{number}" for number in range(N_SAMPLES)]
    np.savez("a.npz", one=values[:, :1], two=values[:, 1:], sample_id=ids)
    names = ["zero", "one", "two", "three"]
    np.savez("c.npz", labels=labels, id=list("abcd"), name=names, sample_id=ids)
    settings = Settings(permutations=0, direction="both", length=2, min_fraction=0.05)
    label_files("a.npz", "c.npz", "run", settings=settings, missing="exclude")
    return read_run("run")


def marks():
    with np.load("c.npz") as data:
        return data["labels"]


def values_of(address):
    layer, unit = address.split(":")
    with np.load("a.npz") as data:
        return data[layer][:, int(unit)]


@pytest.mark.parametrize("address", ["one:0", "two:0", "two:1"])
def test_samples_and_hits_come_from_the_activations(run, address):
    rows = run.labels.at(address)
    found = unit_evidence(read_evidence("run"), rows)
    assert list(found) == ["positive", "negative"]
    values = values_of(address)
    for direction, evidence in found.items():
        sign = 1 if direction == "positive" else -1
        order = np.argsort(-sign * values, kind="stable")
        assert [sample.row for sample in evidence.top] == order[:24].tolist()
        assert [sample.id for sample in evidence.top] == [f"s{row}" for row in order[:24]]
        assert [sample.value for sample in evidence.top] == pytest.approx(values[order[:24]])
        assert (evidence.lowest, evidence.highest) == (values.min(), values.max())
        assert evidence.zeros == (values == 0).sum()
        of_direction = [row for row in rows if row.direction == direction]
        assert len(evidence.of_rows) == len(of_direction)
        for row, of_row in zip(of_direction, evidence.of_rows, strict=True):
            assert of_row.hits[-1] == row.n_positive
            assert of_row.hist_in.sum() + of_row.zeros_in == row.n_positive
            ten = evidence.cuts.tolist().index(10)
            assert of_row.hits[ten] == pytest.approx(10 * row.precision_at_10)


def test_formulas_of_one_concept_are_true_where_it_is(run):
    labels = marks()
    compared = 0
    for address in ("one:0", "two:0", "two:1"):
        rows = run.labels.at(address)
        for direction, evidence in unit_evidence(read_evidence("run"), rows).items():
            of_direction = [row for row in rows if row.direction == direction]
            for row, of_row in zip(of_direction, evidence.of_rows, strict=True):
                if row.length == 1:
                    column = labels[:, "abcd".index(row.formula.strip("~"))]
                    truth = np.where(column < 0, 2, column == ("~" not in row.formula))
                    at = [sample.row for sample in evidence.top]
                    assert of_row.top_in.tolist() == truth[at].tolist()
                    compared += 1
    assert compared > 0


def test_where_labels_are_missing_only_samples_on_which_they_are_there_count(run):
    rows = run.labels.at("one:0")
    evidence = unit_evidence(read_evidence("run"), rows)["positive"]
    row, of_row = rows[0], evidence.of_rows[0]
    assert row.n_samples < N_SAMPLES
    cut = next(cut for cut in evidence.cuts.tolist() if cut >= row.n_samples)
    assert of_row.hits[evidence.cuts.tolist().index(cut)] == row.n_positive


def test_what_samples_share_is_told_with_its_share_of_all(run):
    labels = marks()
    names = {"a": "zero", "b": "one", "c": "two", "d": "three"}
    n_shared = 0
    for address in ("one:0", "two:0", "two:1"):
        for evidence in unit_evidence(read_evidence("run"), run.labels.at(address)).values():
            at = [sample.row for sample in evidence.top]
            for concept in evidence.share:
                column = labels[:, "abcd".index(concept.id)]
                assert concept.name == names[concept.id]
                assert concept.hits == (column[at] == 1).sum()
                assert concept.share == (column == 1).sum() / (column >= 0).sum()
                n_shared += 1
    assert n_shared > 0


def test_units_alike_are_of_the_same_layer(run):
    found = unit_evidence(read_evidence("run"), run.labels.at("two:0"))["positive"]
    assert [unit for unit, _ in found.alike] == [1]
    assert unit_evidence(read_evidence("run"), run.labels.at("one:0"))["positive"].alike == ()


def test_a_dead_unit_has_evidence_without_rows_of_its_own(run):
    (row,) = run.labels.at("two:2")
    evidence = unit_evidence(read_evidence("run"), [row])[row.direction]
    assert (evidence.lowest, evidence.highest, evidence.alike) == (2, 2, ())


def test_evidence_with_other_rows_is_refused(run):
    rows = run.labels.at("one:0")
    with pytest.raises(FileFormatError, match="has other rows of 'one:0' than its labels"):
        unit_evidence(read_evidence("run"), rows[1:])
