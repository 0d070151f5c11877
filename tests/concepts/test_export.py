import csv
import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

from invert_core.concepts import (
    Alias,
    ConceptSet,
    build_concepts,
    export_concepts,
    export_tables,
    read_concepts,
)
from invert_core.concepts.export_tables import _changed_by_parents
from invert_core.concepts.sets.packing import full_sets
from invert_core.errors import ExistingOutputError, MissingFileError, SettingError, StorageError
from tests.concepts.contents import contents
from tests.concepts.drawn import concept_sets, numbered
from tests.concepts.file_sizes import room_for

SMALL = replace(
    ConceptSet.from_arrays(
        [[0, 1, 0], [1, -1, 0], [0, 0, 0]],
        id=["n1", "two words", "ä"],
        name=["crane", "crane", "日本"],
        definition=["a bird", "", 'says "it"\nin two lines'],
        sample_id=["a/1.png", "b, 2", "ß"],
        parents=[[0, 1], [2, 1]],
    ),
    aliases=(Alias("n9", "wader, tall", 0),),
)
TABLES = {
    "labels.csv": 'sample_id,concept_id,value\na/1.png,ä,0\na/1.png,two words,1\n"b, 2",n1,1\n'
    '"b, 2",two words,-1\nß,,\n',
    "names.csv": "concept_id,name,definition\nn1,crane,a bird\ntwo words,crane,\n"
    'ä,日本,"says ""it""\nin two lines"\n',
    "parents.csv": "child,parent\nn1,two words\nä,two words\n",
    "aliases.csv": 'alias_id,name,concept_id\nn9,"wader, tall",n1\n',
}


def files(folder):
    return {file.name: file.read_text(encoding="utf-8") for file in folder.iterdir()}


def test_a_folder_has_a_row_for_each_label_that_is_true_or_missing(tmp_path):
    export_concepts(SMALL, tmp_path / "tables")
    assert files(tmp_path / "tables") == TABLES


def test_tables_without_rows_are_not_written(tmp_path):
    export_concepts(numbered(np.eye(2)), tmp_path / "tables")
    assert set(files(tmp_path / "tables")) == {"labels.csv", "names.csv"}


def test_samples_without_ids_are_numbered_in_tables_and_that_is_logged(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "invert"):
        export_concepts(numbered(np.eye(2), sample_id=None), tmp_path / "tables")
    assert files(tmp_path / "tables")["labels.csv"].split() == [
        "sample_id,concept_id,value",
        "0,c0,1",
        "1,c1,1",
    ]
    assert "numbered from 0" in caplog.text


@settings(max_examples=50)
@given(concept_sets())
def test_every_cell_of_a_table_is_read_back_by_the_csv_module(tmp_path_factory, concepts):
    folder = tmp_path_factory.mktemp("export") / "tables"
    export_concepts(concepts, folder)
    rows = {}
    for path in folder.iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            rows[path.name] = list(csv.reader(file, strict=True))[1:]
    samples = concepts.sample_id or tuple(map(str, range(concepts.n_samples)))
    assert list(dict.fromkeys(row[0] for row in rows["labels.csv"])) == list(samples)
    told = {(sample, id): value for sample, id, value in rows["labels.csv"] if id}
    defined = np.array([concepts.defined_on(id) for id in concepts.id]).T
    labels = np.where(defined, concepts.dense(), -1)
    assert labels.tolist() == [
        [int(told.get((sample, id), 0)) for id in concepts.id] for sample in samples
    ]
    assert {id for _, id in told} == set(concepts.id)
    assert rows["names.csv"] == [
        list(row) for row in zip(concepts.id, concepts.name, concepts.definition, strict=True)
    ]
    edges = [[concepts.id[row] for row in edge] for edge in concepts.parents.tolist()]
    assert rows.get("parents.csv", []) == edges
    aliases = [[alias.id, alias.name, concepts.id[alias.concept]] for alias in concepts.aliases]
    assert rows.get("aliases.csv", []) == aliases


def closed(concepts):
    """The same concepts, where a parent is true where a child is, and else open where one is."""
    bits = concepts.bits.copy()
    full = full_sets(len(concepts.id), concepts.n_samples)
    defined = full if concepts.defined is None else concepts.defined.copy()
    for child, parent in sorted(concepts.parents.tolist()):
        false = defined[child] & ~bits[child] & defined[parent] & ~bits[parent]
        bits[parent] |= bits[child]
        defined[parent] = bits[parent] | false
    return replace(concepts, bits=bits, defined=defined)


@pytest.mark.parametrize(
    ("labels", "parents"),
    [([[1, 0], [0, 1]], [[0, 1]]), ([[-1, 0], [1, 1]], [[0, 1]])],
    ids=["a parent is 0 where a child is 1", "a parent is 0 where a child is unknown"],
)
def test_labels_that_do_not_follow_from_the_parents_are_logged(tmp_path, caplog, labels, parents):
    concepts = numbered(labels, parents=parents)
    with caplog.at_level(logging.INFO, "invert"):
        export_concepts(concepts, tmp_path / "tables")
    assert "Labels of 1 concept do not follow from the concepts below: 'c1'." in caplog.text
    export_concepts(concepts, tmp_path / "c.npz")
    assert contents(read_concepts(tmp_path / "c.npz", missing="exclude")) == contents(concepts)


@given(concept_sets())
def test_concepts_that_a_hierarchy_would_change_are_found(concepts):
    after = closed(concepts)
    same = [
        concepts.extent(id).tolist() == after.extent(id).tolist()
        and concepts.defined_on(id).tolist() == after.defined_on(id).tolist()
        for id in concepts.id
    ]
    assert _changed_by_parents(concepts) == [
        id for id, stays in zip(concepts.id, same, strict=True) if not stays
    ]


def test_parents_in_a_circle_are_exported_too(tmp_path):
    export_concepts(numbered(np.eye(2), parents=[[0, 1], [1, 0]]), tmp_path / "tables")
    assert files(tmp_path / "tables")["parents.csv"] == "child,parent\nc0,c1\nc1,c0\n"


def without_blanks(concepts):
    return all(word == word.strip() for word in (*concepts.id, *(concepts.sample_id or ())))


@settings(max_examples=50)
@given(concept_sets().map(closed).filter(without_blanks))
def test_tables_are_read_back_to_the_same_concepts(tmp_path_factory, concepts):
    folder = tmp_path_factory.mktemp("export") / "tables"
    export_concepts(concepts, folder)
    found = build_concepts(
        folder / "labels.csv",
        folder / "names.csv",
        missing="exclude",
        hierarchy=folder / "parents.csv" if concepts.parents.size else None,
        keep_equal=concepts.parents.size > 0,
    )
    numbers = tuple(map(str, range(concepts.n_samples)))
    expected = replace(concepts, aliases=(), sample_id=concepts.sample_id or numbers)
    edges = {"parents": sorted(expected.parents.tolist())}
    assert contents(found) | {"parents": sorted(found.parents.tolist())} == (
        contents(expected) | edges
    )


def test_arrays_have_the_documented_names_and_types(tmp_path):
    export_concepts(SMALL, tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz", allow_pickle=False) as arrays:
        found = dict(arrays)
    assert found.pop("labels").dtype == np.int8
    assert {name: array.tolist() for name, array in found.items()} == {
        "id": ["n1", "two words", "ä"],
        "name": ["crane", "crane", "日本"],
        "definition": ["a bird", "", 'says "it"\nin two lines'],
        "sample_id": ["a/1.png", "b, 2", "ß"],
        "parents": [[0, 1], [2, 1]],
        "alias": ["n9"],
        "alias_name": ["wader, tall"],
        "alias_of": [0],
    }


@settings(max_examples=50)
@given(concept_sets())
def test_arrays_are_read_back_to_the_same_concepts(tmp_path_factory, concepts):
    path = tmp_path_factory.mktemp("export") / "c.npz"
    export_concepts(concepts, path)
    assert contents(read_concepts(path, missing="exclude")) == contents(concepts)


@pytest.mark.parametrize("n_samples", [1, 64, 65, 200])
@pytest.mark.parametrize("target", ["c.npz", "tables"])
def test_blocks_of_samples_make_no_difference(tmp_path, monkeypatch, n_samples, target):
    table = np.random.default_rng(n_samples).integers(-1, 2, (n_samples, 5))
    export_concepts(numbered(table), tmp_path / f"whole-{target}")
    monkeypatch.setattr(export_tables, "_CELLS", 5 * 64)
    export_concepts(numbered(table), tmp_path / f"parts-{target}")
    if target == "c.npz":
        with np.load(tmp_path / "parts-c.npz") as arrays:
            np.testing.assert_array_equal(arrays["labels"], table)
    else:
        assert files(tmp_path / "parts-tables") == files(tmp_path / "whole-tables")


@pytest.mark.parametrize("target", ["c.npz", "tables"])
def test_an_existing_export_is_replaced_on_request_only(tmp_path, target):
    export_concepts(SMALL, tmp_path / target)
    other = numbered(np.eye(3))
    with pytest.raises(ExistingOutputError, match="--overwrite"):
        export_concepts(other, tmp_path / target)
    export_concepts(other, tmp_path / target, overwrite=True)
    if target == "c.npz":
        assert read_concepts(tmp_path / target).id == other.id
    else:
        assert set(files(tmp_path / target)) == {"labels.csv", "names.csv"}
    assert [path.name for path in tmp_path.iterdir()] == [target]


def test_a_folder_with_anything_else_in_it_is_not_replaced(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    for name in ("labels.csv", "run.json"):
        (run / name).write_text("of a run")
    with pytest.raises(ExistingOutputError, match=r"holds 'run\.json'"):
        export_concepts(SMALL, run, overwrite=True)
    (run / "labels.csv").unlink()
    with pytest.raises(ExistingOutputError):
        export_concepts(SMALL, run, overwrite=True)
    assert files(run) == {"run.json": "of a run"}


@pytest.mark.parametrize("name", ["c.csv", "c.CSV", "c.h5", "c.parquet"])
def test_a_single_file_of_another_kind_is_refused(tmp_path, name):
    with pytest.raises(SettingError, match=f"a single {name[1:].lower()} file") as caught:
        export_concepts(SMALL, tmp_path / name)
    assert ".npz" in caught.value.hint


def test_a_name_with_a_dot_is_that_of_a_folder(tmp_path):
    export_concepts(SMALL, tmp_path / "concepts.v2")
    assert files(tmp_path / "concepts.v2") == TABLES


@pytest.mark.parametrize("target", ["gone/c.npz", "gone/tables"])
def test_the_folder_for_an_export_must_be_there(tmp_path, target):
    with pytest.raises(MissingFileError, match=r"folder .*gone"):
        export_concepts(SMALL, tmp_path / target)


@pytest.mark.parametrize("target", ["c.npz", "tables"])
@pytest.mark.parametrize("room", [0, 500])
def test_a_full_disk_leaves_nothing_behind(tmp_path, target, room):
    concepts = numbered(np.random.default_rng(0).random((300, 20)) < 0.5)
    with room_for(room), pytest.raises(StorageError, match=f"Cannot write .*{target}"):
        export_concepts(concepts, tmp_path / target)
    assert list(tmp_path.iterdir()) == []
