"""What the page of a run shows: equal to labels.csv, and to the evidence that stands beside it."""

import csv
import itertools
import json

import numpy as np
import pytest

from invert_core import Settings, label_files, read_evidence, read_run
from invert_core.errors import SettingError, UnknownNameError
from invert_core.report.book import book_of
from invert_core.report.choosing_records import choose_records
from invert_core.report.concept_lists import concept_lists
from invert_core.report.pictures import fitting, picture_order
from invert_core.report.provenance import Provenance
from invert_core.report.run_rows import RunRows
from invert_core.results import concept_records

N_SAMPLES, N_CONCEPTS = 90, 12


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Activations with ties, a dead unit, names of units and awkward concept ids."""
    folder = tmp_path_factory.mktemp("inputs")
    rng = np.random.default_rng(5)
    labels = rng.random((N_SAMPLES, N_CONCEPTS)) < rng.uniform(0.1, 0.5, N_CONCEPTS)
    values = rng.normal(size=(N_SAMPLES, 6)).astype(np.float32)
    values[:, :3] += 1.5 * labels[:, :3]
    values[:, 1] = np.round(np.maximum(values[:, 1], 0), 1)
    values[:, 3] = 0.5
    samples = [f"s{number}.png" for number in range(N_SAMPLES)]
    np.savez(folder / "a.npz", sample_id=samples, one=values[:, :4], two=values[:, 4:])
    ids = [f"c {number}" if number % 2 else f"c{number}" for number in range(N_CONCEPTS)]
    np.savez(folder / "c.npz", sample_id=samples, labels=labels, id=ids)
    return folder


@pytest.fixture(scope="module", params=["both answers", "both directions", "one objective"])
def run(request, inputs, tmp_path_factory):
    options = {
        "both answers": {"objective": "auc,phi"},
        "both directions": {"objective": "auc,phi", "direction": "both"},
        "one objective": {"objective": "iou"},
    }[request.param]
    folder = tmp_path_factory.mktemp("run") / "run"
    settings = Settings(length=2, permutations=20, min_fraction=0.05, **options)
    holdout = 0.0 if request.param == "one objective" else 0.3
    label_files(inputs / "a.npz", inputs / "c.npz", folder, settings=settings, holdout=holdout)
    return folder


def made(run, **chosen):
    """Return the book of a run, and its parts as JSON gives them back."""
    found, evidence = read_run(run), read_evidence(run)
    rows = RunRows(found.labels, evidence)
    book = book_of(rows, choose_records(rows, **chosen), Provenance.of_info(found.info), "a title")
    return book, json.loads(json.dumps([book.head, book.concepts, book.units], allow_nan=False))


def units_of(book):
    """Return the details of each entry, put together as the page does it."""
    found = []
    for start in range(0, book.n_entries, 4):
        block = json.loads(json.dumps(book.details.block(start, min(start + 4, book.n_entries))))
        columns = block["rows"]
        formulas = [
            dict(zip(columns, one, strict=True)) for one in zip(*columns.values(), strict=True)
        ]
        at = 0
        for place, n_rows in enumerate(block["n_rows"]):
            unit = {name: column[place] for name, column in block["units"].items()}
            found.append(unit | {"rows": formulas[at : at + n_rows]})
            at += n_rows
    return found


def csv_rows(run):
    with (run / "labels.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def as_shown(text, digits=4):
    return round(float(text), digits) if text else None


def tokens_to_formula(text, ids):
    quoted = (f'"{one}"' if " " in one else one for one in ids)
    known = dict(enumerate(quoted))
    parts = ["".join(group) for _, group in itertools.groupby(text, str.isdigit)]
    spelled = "".join(known[int(part)] if part.isdigit() else part for part in parts)
    return spelled.replace("&", " & ").replace("|", " | ")


def test_the_table_of_units_says_what_labels_csv_says_of_each_label(run):
    book, (head, concepts, units) = made(run)
    expected = csv_rows(run)
    for number, objective in enumerate(head["objectives"]):
        answers = units["answers"][number]
        of_objective = [row for row in expected if row["objective"] == objective]
        labels = [row for row in of_objective if row["headline"] == "1" and row["formula"]]
        assert len(labels) == 5 * len(head["directions"])
        for row in labels:
            at = next(
                entry
                for entry in range(book.n_entries)
                if head["layers"][units["layer"][entry]] == row["layer"]
                and units["unit"][entry] == int(row["unit"])
                and bool((units["negative"] or [0] * book.n_entries)[entry])
                == (row["direction"] == "negative")
            )
            assert tokens_to_formula(answers["f"][at], concepts["id"]) == row["formula"]
            assert answers["auc"][at] == as_shown(row["auc"])
            assert answers["score"][at] == as_shown(row["score"])
            assert answers["held"][at] == as_shown(row["auc_held_out"])
            assert answers["held_score"][at] == as_shown(row["score_held_out"])
            assert answers["n"][at] == int(row["n_positive"])
            assert head["verdicts"][answers["verdict"][at]] == row["verdict"]
            assert 10 ** answers["log_p"][at] == pytest.approx(float(row["p_search"]), rel=2e-4)
            if row["q_value"]:
                assert 10 ** answers["log_q"][at] == pytest.approx(float(row["q_value"]), rel=2e-4)
            assert answers["hits"][at] == pytest.approx(
                10 * float(row["precision_at_10"]), abs=0.006
            )
            assert float(answers["p"][at]) == pytest.approx(
                float(row["p_search"]), rel=0.06, abs=0.006
            )


def test_a_dead_unit_is_dead_from_both_ends(run):
    book, (head, _, units) = made(run)
    dead = [
        entry
        for entry in range(book.n_entries)
        if head["layers"][units["layer"][entry]] == "one" and units["unit"][entry] == 3
    ]
    assert len(dead) == len(head["directions"])
    for entry in dead:
        assert head["verdicts"][units["answers"][0]["verdict"][entry]] == "dead"
        assert units["answers"][0]["f"][entry] == units["answers"][0]["top"][entry] == ""
        assert units_of(book)[entry]["rows"] == []


def test_details_are_the_evidence_of_every_formula(run):
    book, (head, concepts, _) = made(run)
    evidence = read_evidence(run)
    shown = list(evidence.shown)
    found = units_of(book)
    rows = csv_rows(run)
    n_seen = 0
    for entry, unit in enumerate(found):
        of = {name: values[entry] for name, values in evidence.units.items()}
        assert unit["h"] == of["hist"].tolist()
        assert [shown[at] for at in unit["top"]] == of["top"].tolist()
        assert unit["tv"] == pytest.approx(of["top_value"].tolist(), rel=5e-4)
        mine = np.flatnonzero(evidence.rows["record"] == entry)
        mine = [row for row in mine.tolist() if rows[row]["formula"]]
        assert len(unit["rows"]) == len(mine)
        for place, (one, row) in enumerate(zip(unit["rows"], mine, strict=True)):
            n_seen += 1
            assert tokens_to_formula(one["f"], concepts["id"]) == rows[row]["formula"]
            assert one["a"] == as_shown(rows[row]["auc"])
            source = unit["rows"][place - one["e"]] if one.get("e") else one
            assert source["f"] == one["f"]
            hits = np.cumsum(source["hits"])
            assert hits == pytest.approx(evidence.rows["hits"][row].tolist(), abs=0.0051)
            assert source["hi"] == evidence.rows["hist_in"][row].tolist()
            assert source["in"] == "".join(map(str, evidence.rows["top_in"][row].tolist()))
            if rows[row]["headline"] == "1":
                listed = evidence.rows["missed"][row]
                expected = listed[listed != 2**32 - 1].tolist()
                assert [shown[at] for at in one["miss"]] == expected
                assert len(one["mv"]) == len(expected)
                if head["n_held_out"]:
                    expected = evidence.held_out["hits"][row].tolist()
                    assert np.cumsum(one["hh"]) == pytest.approx(expected, abs=0.0051)
            else:
                assert one.get("miss") is one.get("hh") is None
    assert n_seen == sum(bool(row["formula"]) for row in rows)


def test_with_fewer_charts_labels_and_peaks_keep_theirs_and_all_formulas_their_numbers(run):
    book, _ = made(run)
    n_left_out = 0
    for whole, fewer in zip(units_of(book), units_of(book.with_fewer_charts()), strict=True):
        for place, (one, other) in enumerate(zip(whole["rows"], fewer["rows"], strict=True)):
            source = whole["rows"][place - one["e"]] if one.get("e") else one
            reduced = fewer["rows"][place - other["e"]] if other.get("e") else other
            assert reduced["f"] == one["f"]
            assert reduced["in"] == source["in"]
            assert {name: other[name] for name in "fsapnv"} == {
                name: one[name] for name in "fsapnv"
            }
            if one["y"]:
                assert all(reduced[name] == source[name] for name in ("hits", "hi", "zi"))
            n_left_out += reduced.get("hits") is None
    assert n_left_out > 3


@pytest.fixture(params=["all", "extreme"])
def kept(request, monkeypatch, inputs, tmp_path):
    """A run that keeps the AUC of all concepts, or of the extreme ones only."""
    if request.param == "extreme":
        monkeypatch.setattr(concept_records, "MOST_NUMBERS", 6 * N_CONCEPTS - 1)
    settings = Settings(
        length=1, permutations=0, min_fraction=0.15, direction="both", objective="auc"
    )
    label_files(inputs / "a.npz", inputs / "c.npz", tmp_path / "run", settings=settings)
    return read_evidence(tmp_path / "run")


def test_the_concepts_of_a_unit_and_the_units_of_a_concept_are_those_farthest_from_one_half(kept):
    records = np.array([0, 3, 4, 8, 9])
    of_units, of_concepts = concept_lists(kept, records, 0.15)
    fraction = kept.concepts.n_positive / kept.concepts.n_defined
    usable = [c for c in range(N_CONCEPTS) if 0.15 <= fraction[c] <= 0.85]
    assert 3 < len(usable) < N_CONCEPTS
    auc = np.full((records.size, N_CONCEPTS), np.nan)
    for place, record in enumerate(records.tolist()):
        concept, values = kept.concept_auc(record)
        auc[place, concept] = values
    distance = np.round(np.abs(auc - 0.5) * 65_534)
    for place in range(records.size):
        expected = sorted((c for c in usable), key=lambda c: -distance[place, c])[:6]
        assert [c for c, _ in of_units[place]] == expected
        assert [a for _, a in of_units[place]] == pytest.approx(auc[place, expected], abs=5.1e-5)
    for concept in range(N_CONCEPTS):
        if concept not in usable:
            assert of_concepts[concept] == []
            continue
        once = [0, 1, 2, 3]  # records 8 and 9 are of one unit
        expected = sorted(once, key=lambda p: -distance[p, concept])
        assert [p for p, _ in of_concepts[concept]] == expected


def test_units_are_chosen_by_layer_number_and_name(run):
    rows = RunRows(read_run(run).labels, read_evidence(run))
    n_ways = len(set(rows.evidence.direction))
    whole = choose_records(rows)
    assert whole.tolist() == list(range(6 * n_ways))
    of_two = choose_records(rows, layers=["t*"])
    assert {rows.evidence.layer[record] for record in of_two.tolist()} == {"two"}
    some = choose_records(rows, units="0-1")
    assert set(rows.evidence.units["unit"][some].tolist()) == {0, 1}
    assert some.size == 4 * n_ways
    with pytest.raises(UnknownNameError, match="no layer 'three'"):
        choose_records(rows, layers=["three"])
    with pytest.raises(UnknownNameError, match="no unit '70'"):
        choose_records(rows, units="0,70")
    with pytest.raises(UnknownNameError, match="no unit '70' in these layers"):
        choose_records(rows, ["one"], [1, 70])
    for wrong in ("5-2", "", "0,,1", []):
        with pytest.raises(SettingError, match="units are wrong"):
            choose_records(rows, units=wrong)
    with pytest.raises(SettingError, match="No layers are named"):
        choose_records(rows, layers=[])


def test_what_is_shown_of_some_units_points_at_these(run):
    book, (head, _, units) = made(run, layers=["two"])
    assert head["layers"] == ["two"]
    assert set(units["layer"]) == {0}
    assert set(units["unit"]) == {0, 1}
    for unit in units_of(book):
        assert all(0 <= entry < book.n_entries for entry, _ in unit["like"])
    assert all(0 <= entry < book.n_entries for listed in book.followers for entry, _ in listed)


def test_the_first_pictures_of_every_list_come_before_further_ones(run):
    book, _ = made(run)
    few, all_of_them = (picture_order(book, most) for most in (2, 24))
    shown = list(book.rows.evidence.shown)
    rows = [row for row in csv_rows(run) if row["headline"] == "1" and row["formula"]]
    rows = [row for row in rows if row["objective"] == rows[0]["objective"]]
    best = max(rows, key=lambda row: abs(float(row["auc"]) - 0.5))
    first = next(
        record
        for record in range(len(book.rows.evidence.direction))
        if (book.rows.evidence.layer[record], book.rows.evidence.direction[record])
        == (best["layer"], best["direction"])
        and book.rows.evidence.units["unit"][record] == int(best["unit"])
    )
    top = book.rows.evidence.units["top"][first].tolist()
    assert [shown[at] for at in few[:2].tolist()] == top[:2]
    assert len(set(few.tolist())) == few.size < all_of_them.size
    assert set(few.tolist()) <= set(all_of_them.tolist())
    assert top[-1] in [shown[at] for at in all_of_them.tolist()]


def test_pictures_fit_a_space_to_the_byte():
    sizes = np.array([5, 7, 100, 2])
    order = np.array([1, 3, 2, 0])
    for space, expected in ((6, []), (7, [1]), (9, [1, 3]), (108, [1, 3]), (114, [1, 3, 2, 0])):
        assert fitting(order, sizes, space).tolist() == expected


def test_concepts_of_one_name_are_told_apart_by_their_ids(inputs, tmp_path):
    names = ["crane", "crane", "c0", "heron", *(f"name {number}" for number in range(4, 12))]
    with np.load(inputs / "c.npz") as concepts:
        np.savez(tmp_path / "c.npz", **{**concepts, "name": names})
    settings = Settings(length=1, permutations=0)
    label_files(inputs / "a.npz", tmp_path / "c.npz", tmp_path / "run", settings=settings)
    _, (_, concepts, _) = made(tmp_path / "run")
    assert concepts["name"][:5] == ["crane (c0)", "crane (c 1)", "c0 (c2)", "heron", "name 4"]
