"""The evidence of a run: every number in evidence.h5 comes from the activations again."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse

from invert_core import Settings, label_files, read_evidence, read_run
from invert_core.errors import FileFormatError, MissingFileError
from invert_core.formula.formula import Formula
from invert_core.kernels import evidence as kernel
from invert_core.kernels import histograms, orders, shared_concepts
from invert_core.labelling.inputs import Inputs
from invert_core.labelling.label import label_workload
from invert_core.metrics import alike
from invert_core.results.concept_records import NO_CONCEPT
from invert_core.results.evidence_records import (
    N_ALIKE,
    N_BINS,
    N_NEAR,
    N_SHARED,
    N_TOP,
    NO_SAMPLE,
    NO_UNIT,
)
from tests import naive
from tests.naive.evidence import Ranked, edges, histogram, shared
from tests.naive.evidence import alike as naive_alike

pytestmark = pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")

N_SAMPLES = 90
GOLDEN = Path(__file__).parents[1] / "golden"


def test_records_are_as_long_as_what_kernels_fill_in():
    ours = N_BINS, N_TOP, N_NEAR, NO_SAMPLE
    assert ours == (histograms.N_BINS, kernel.N_TOP, kernel.N_NEAR, orders.NO_SAMPLE)
    assert (N_SHARED, NO_CONCEPT) == (shared_concepts.N_SHARED, shared_concepts.NO_CONCEPT)
    assert (N_ALIKE, NO_UNIT) == (alike.N_ALIKE, alike.NO_UNIT)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(6)
    labels = rng.random((N_SAMPLES, 6)) < 0.3
    values = np.round(rng.normal(size=(N_SAMPLES, 4)) + labels[:, :4], 1).astype(np.float32)
    values[:, 1] = np.maximum(values[:, 1], 0)
    values[:, 2] = 0.5
    ids = [f"s{number}" for number in range(N_SAMPLES)]
    np.savez("a.npz", one=values[:, :3], two=values[:, 3:], sample_id=ids)
    marks = labels.astype(np.int8)
    marks[rng.random(marks.shape) < 0.1] = -1
    concepts = [f"c{number}" for number in range(6)]
    np.savez("whole.npz", labels=labels, id=concepts, sample_id=ids)
    np.savez("missing.npz", labels=marks, id=concepts, sample_id=ids)
    some = rng.permutation(N_SAMPLES)[:60]
    np.savez("some.npz", labels=labels[some], id=concepts, sample_id=np.array(ids)[some])
    return tmp_path


def samples(listed):
    return [int(one) for one in listed if one != NO_SAMPLE]


def assert_are_aucs(found, record, values, marks, defined):
    """Compare the AUC of single concepts, in the direction of a record, with its definition."""
    expected = []
    for is_true, domain in zip(marks.T, defined.T, strict=True):
        inside = set(np.flatnonzero(is_true[domain]).tolist())
        expected.append(naive.auc(values[domain].tolist(), inside)[1])
    assert found.concepts.n_positive.tolist() == (marks & defined).sum(axis=0).tolist()
    assert found.concepts.n_defined.tolist() == defined.sum(axis=0).tolist()
    concept, auc = found.concept_auc(record)
    assert sorted(concept.tolist()) == list(range(len(found.concept)))
    assert (np.diff(auc) <= 0).all()
    if found.direction[record] == "negative":
        auc = 1.0 - auc
    of_concept = [expected[index] for index in concept.tolist()]
    assert auc.tolist() == pytest.approx(of_concept, rel=0, abs=0.5000001 / 65_534)


def marks_of(concepts):
    """The marks of concepts, and where they are defined: bool [N, C]."""
    marks = [concepts.extent(id) for id in concepts.id]
    defined = [Formula.parse(f'"{id}"').defined_on(concepts) for id in concepts.id]
    return np.stack(marks, axis=1), np.stack(defined, axis=1)


def assert_is_evidence(run, activations, concepts, kept):
    """Compare all that a run says with what the activations say."""
    found = read_evidence(run)
    labels = read_run(run).labels
    assert found.n_samples == len(kept)
    assert found.cuts[-1] == len(kept)
    assert found.concept == concepts.id
    assert set(found.compared.tolist()) <= set(kept.tolist())
    assert found.compared.size == 40
    shown, n_compared = set(), 0
    for search, (layer, direction) in enumerate(zip(found.layer, found.direction, strict=True)):
        unit = {name: array[search] for name, array in found.units.items()}
        values = activations[layer][:, unit["unit"]].astype(np.float32)
        sign = -1 if direction == "negative" else 1
        everywhere = np.isin(np.arange(N_SAMPLES), kept)
        whole = Ranked(values, everywhere, everywhere, sign)
        order = whole.order()
        bins = edges(values[kept], N_BINS)
        assert unit["range"].tolist() == [values[kept].min(), values[kept].max()]
        assert unit["zeros"] == (values[kept] == 0).sum()
        distinct, counts = np.unique(values[kept], return_counts=True)
        assert (unit["n_distinct"], unit["mode_count"]) == (distinct.size, counts.max())
        assert unit["hist"].sum() == (values[kept] != 0).sum()
        if distinct.size > 1:
            assert unit["hist"].tolist() == histogram(values[kept], bins).tolist()
        begin = (len(kept) - N_NEAR) // 2
        assert samples(unit["top"]) == order[:N_TOP]
        assert samples(unit["middle"]) == order[begin : begin + N_NEAR]
        assert unit["top_value"].tolist() == values[order[:N_TOP]].tolist()
        assert unit["middle_value"].tolist() == values[samples(unit["middle"])].tolist()
        shown |= {*order[:N_TOP], *samples(unit["middle"])}
        assert_are_aucs(found, search, values[kept], *marks_of(concepts))
        top = np.searchsorted(kept, order[:N_TOP]).tolist()
        listed = zip(unit["share"].tolist(), unit["share_hits"].tolist(), strict=True)
        found_shared = [one for one in listed if one != (NO_CONCEPT, 0)]
        assert found_shared == shared(top, *marks_of(concepts), min_fraction=0.1)
        of_layer = activations[layer][found.compared]
        expected = naive_alike(of_layer.T, unit["unit"])
        n_alike = len(expected)
        none = [NO_UNIT] * (N_ALIKE - n_alike)
        assert found.alike["unit"][search].tolist() == [other for other, _ in expected] + none
        correlations = found.alike["correlation"][search]
        assert correlations[:n_alike] == pytest.approx([r for _, r in expected], rel=1e-6)
        assert np.isnan(correlations[n_alike:]).all()
        for number in np.flatnonzero(found.rows["record"] == search):
            label = labels.rows[number]
            row = {name: array[number] for name, array in found.rows.items()}
            assert (label.layer, label.unit) == (layer, unit["unit"])
            assert label.objective == found.objective[number]
            n_compared += 1
            if label.status == "dead":
                assert not row["hits"].any()
                assert not samples(row["missed"])
                assert np.isnan(row["missed_value"]).all()
                continue
            assert label.direction == direction
            formula = Formula.parse(label.formula)
            domain, extent = everywhere.copy(), np.zeros(N_SAMPLES, np.bool_)
            domain[kept] = formula.defined_on(concepts)
            extent[kept] = formula.evaluate(concepts)
            extent &= domain
            ranked = Ranked(values, extent, domain, sign)
            hits = [float(ranked.hits(int(n))) for n in found.cuts]
            assert row["hits"].tolist() == np.array(hits, np.float32).tolist()
            assert row["zeros_in"] == (values[extent] == 0).sum()
            assert row["hist_in"].tolist() == histogram(values[extent], bins).tolist()
            inside = np.where(domain, extent, 2)
            assert row["top_in"].tolist()[: len(order)] == inside[order[:N_TOP]].tolist()
            missed = [i for i in ranked.bottom() if extent[i]][:N_NEAR]
            alarms = [i for i in ranked.order() if not extent[i]][:N_NEAR]
            for name, expected in (("missed", missed), ("alarm", alarms)):
                assert samples(row[name]) == expected
                assert row[f"{name}_value"][: len(expected)].tolist() == values[expected].tolist()
                shown |= set(expected)
    assert n_compared == len(labels.rows)
    assert found.shown == {number: f"s{number}" for number in sorted(shown)}


@pytest.mark.parametrize("direction", ["positive", "both"])
@pytest.mark.parametrize("kind", ["whole", "missing", "some", "held out", "objectives"])
def test_every_number_comes_from_the_activations(here, monkeypatch, kind, direction):
    monkeypatch.setattr(alike, "_MOST", 40)
    options = {
        "whole": {},
        "missing": {"missing": "exclude"},
        "some": {"join": "inner"},
        "held out": {"holdout": 0.3},
        "objectives": {},
    }[kind]
    objective = "auc,phi,f1" if kind == "objectives" else "auc"
    source = f"{kind}.npz" if kind in ("missing", "some") else "whole.npz"
    settings = Settings(
        direction=direction, min_fraction=0.1, permutations=5, length=2, objective=objective
    )
    label_files("a.npz", source, "run", settings=settings, **options)
    with np.load("a.npz") as file:
        activations = {"one": file["one"], "two": file["two"]}
    with Inputs(here / "a.npz", here / source, **options).open(0) as work:
        kept = np.arange(N_SAMPLES) if work.kept is None else work.kept
        concepts = work.concepts
    assert_is_evidence(here / "run", activations, concepts, kept)


def test_a_unit_has_one_record_for_each_direction_whatever_the_objectives(here):
    settings = Settings(direction="both", min_fraction=0.1, permutations=0, objective="auc,phi")
    label_files("a.npz", "whole.npz", "run", settings=settings)
    found = read_evidence("run")
    assert found.units["unit"].tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
    assert found.direction == ("positive", "negative") * 4
    labels = read_run("run").labels
    assert found.objective == tuple(row.objective for row in labels)
    records = dict.fromkeys(zip(found.rows["record"].tolist(), found.objective, strict=True))
    # Unit 2 is dead.
    assert len(records) == 3 * 2 * 2 + 1


def test_a_sparse_layer_has_the_evidence_of_a_dense_one(here):
    with np.load("a.npz") as file:
        values = file["one"]
    settings = Settings(min_fraction=0.1, permutations=0)
    made = []
    for given in (values, scipy.sparse.csc_matrix(values)):
        with Inputs(given, here / "whole.npz", match="exact").open(0) as work:
            tables = list(label_workload(work, settings, keeps_evidence=True))
        made.append([table.evidence.to_bytes() for table in tables])
    assert made[0] == made[1]


def test_a_run_without_evidence_says_so(here):
    settings = Settings(min_fraction=0.1, permutations=0, evidence=False)
    label_files("a.npz", "whole.npz", "run", settings=settings)
    assert not (here / "run" / "evidence.h5").exists()
    with pytest.raises(MissingFileError, match="has no evidence") as caught:
        read_evidence("run")
    assert "--no-evidence" in caught.value.hint


def test_evidence_of_other_labels_is_refused(here):
    settings = Settings(min_fraction=0.1, permutations=0)
    label_files("a.npz", "whole.npz", "run", settings=settings)
    label_files("a.npz", "whole.npz", "other", settings=Settings(permutations=0, length=1))
    (here / "other" / "evidence.h5").replace(here / "run" / "evidence.h5")
    with pytest.raises(FileFormatError, match="belongs to other labels"):
        read_evidence("run")


def test_damage_anywhere_in_the_values_is_refused(here):
    label_files("a.npz", "whole.npz", "run", settings=Settings(permutations=0, length=1))
    names = "cuts", "shown_row", "units/top", "rows/record", "rows/hits", "rows/alarm"
    for name in (*names, "concepts/auc", "concept_positive"):
        damaged = here / "damaged.h5"
        damaged.write_bytes((here / "run" / "evidence.h5").read_bytes())
        with h5py.File(damaged, "r+") as file:
            values = file[name][...]
            values.reshape(-1)[0] += 1
            file[name][...] = values
        with pytest.raises(FileFormatError, match=f"/{name} does not match its checksum"):
            read_evidence(damaged)


def test_a_file_of_the_first_version_is_read():
    found = read_evidence(GOLDEN / "evidence_v1.h5")
    none = [NO_SAMPLE] * 4
    assert (found.layer, found.direction) == (("fc",) * 3, ("positive",) * 3)
    assert found.cuts.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12]
    assert found.rows["record"].tolist() == [0, 0, 1, 2, 2]
    assert found.objective == ("auc", "phi", "auc", "auc", "phi")
    assert found.units["range"].tolist() == [[-2, 9], [1, 1], [-9, 2]]
    assert found.units["top"][0, :13].tolist() == [0, 1, 2, 5, 3, 4, 6, 8, 9, 10, 11, 7, NO_SAMPLE]
    assert found.units["mode_count"].tolist() == [7, 12, 7]
    assert found.rows["hits"][0, :4].tolist() == [1, 1.5, 2, 3]
    assert found.rows["missed"][0].tolist() == [8, 5, 1, 0, *none]
    assert found.rows["alarm_value"][0].tolist() == [7, 0, 0, 0, 0, 0, 0, -2]
    assert found.concept == ("bird",)
    assert (found.concepts.n_positive.tolist(), found.concepts.n_defined.tolist()) == ([4], [12])
    # Of 32 pairs of a bird and another sample, 26.5 are in order.
    assert found.concepts.records["auc"].tolist() == [
        [round(65_534 * 26.5 / 32)],
        [32_767],
        [round(65_534 * 5.5 / 32)],
    ]
    assert found.alike["unit"][:, 0].tolist() == [2, NO_UNIT, 0]
    assert found.alike["correlation"][[0, 2], 0].tolist() == [-1, -1]
    assert found.held_out_cuts.tolist() == [1, 2, 3, 4]
    assert found.held_out["hits"][0].tolist() == [0, 1, 2, 2]
    assert found.held_out["auc"][:2].tolist() == [0.5, 0.5]
    assert found.held_out["positive"].tolist() == [2, 2, 0, 2, 2]
    assert found.shown[11] == "s11"
    assert set(found.sha256) == {"activations", "held_out", "labels"}
