"""`invert concepts export`, and the way back by `invert concepts build`."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pytest

from invert_core.concepts import Alias, ConceptSet, read_concepts, write_concepts
from tests.command_line import call, invert, refused
from tests.concepts.contents import contents
from tests.needs import need

WIDE = 'sample_id,a b,c\n"s, 0",1,\ns1,0,1\nß,0,-1\n'
TIDY = "sample_id,concept_id,value\ns1,b,1\ns0,a,-1\ns2,,\n"
COCO = {
    "images": [{"id": 7, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg"}],
    "annotations": [
        {"id": 1, "image_id": 3, "category_id": 5, "bbox": [0, 0, 2, 2], "area": 4, "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 9, "bbox": [0, 0, 2, 2], "area": 4, "iscrowd": 0},
    ],
    "categories": [
        {"id": 5, "name": "fire hydrant", "supercategory": "outdoor"},
        {"id": 9, "name": "bench", "supercategory": "outdoor"},
        {"id": 2, "name": "cat", "supercategory": "animal"},
    ],
}
PANOPTIC = COCO | {
    "annotations": [
        {"image_id": 3, "file_name": "a.png", "segments_info": [{"id": 1, "category_id": 5}]},
        {"image_id": 7, "file_name": "b.png", "segments_info": []},
    ],
}


def class_folders(folder):
    for name in ("dog/1.png", "dog/2.png", "cat/1.png"):
        (folder / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).write_bytes(b"")


def arrays(folder):
    labels = [[1, -1, 0], [0, 0, 0], [1, 1, 0]]
    np.savez(folder / "c.npz", labels=labels, id=["a", "b", "c"], name=["x", "x", "y z"])


def concept_file(folder):
    concepts = ConceptSet.from_arrays(
        [[1, 1, -1], [0, 1, 0], [0, -1, 0]],
        id=["n1", "n2", "n3"],
        name=["tench", "fish", 'say "it"'],
        definition=["a fish,\nin two lines", "", "ä"],
        sample_id=["x", "y", "z"],
        parents=[[0, 1]],
    )
    write_concepts(folder / "c.h5", replace(concepts, aliases=(Alias("n4", "a doctor fish", 0),)))


def pascal_voc(folder):
    for image, names in (("b.jpg", ["potted plant", "dog"]), ("a.jpg", []), ("c.jpg", ["dog"])):
        objects = "".join(f"<object><name>{name}</name></object>" for name in names)
        content = f"<annotation><filename>{image}</filename>{objects}</annotation>"
        (folder / "Annotations").mkdir(exist_ok=True)
        (folder / "Annotations" / f"{image[0]}.xml").write_text(content)


def parquet(folder):
    columns = {"sample_id": ["x", "y"], "a": [True, False], "two words": [None, 1]}
    table = need("pyarrow").table(columns)
    need("pyarrow.parquet").write_table(table, folder / "table.parquet")


def below_a_hierarchy(folder):
    (folder / "pets.jsonl").write_text(
        '{"s": "x", "concepts": ["pug"]}\n{"s": "y", "concepts": ["siamese cat"]}\n'
        '{"s": "z", "concepts": []}\n{"s": "u", "concepts": null}\n'
    )
    (folder / "kinds.csv").write_text("child,parent\npug,dog\ndog,pet\nsiamese cat,pet\n")


def text(name, content):
    return lambda folder: (folder / name).write_text(content, encoding="utf-8")


SOURCES = {
    "wide": (text("wide.csv", WIDE), ["wide.csv"]),
    "long": (text("long.tsv", "key\tconcepts\nx\ta b\ny\t\nz\tb\n"), ["long.tsv"]),
    "tidy": (text("tidy.csv", TIDY), ["tidy.csv"]),
    "tags": (
        text("tags.jsonl", '{"k": "x", "t": ["red", "two words"]}\n{"k": "y", "t": null}\n'),
        ["tags.jsonl", "--tags", "t"],
    ),
    "numbers": (
        text("n.csv", "id,age,kind\nx,1,a\ny,2,b\nz,,\nw,9,a\n"),
        ["n.csv", "--bin", "age:2", "--threshold", "age:2", "--classes", "kind"],
    ),
    "coco": (text("coco.json", json.dumps(COCO)), ["coco.json", "--supercategories"]),
    "panoptic": (text("panoptic.json", json.dumps(PANOPTIC)), ["panoptic.json"]),
    "pascal voc": (pascal_voc, ["Annotations"]),
    "parquet": (parquet, ["table.parquet"]),
    "hierarchy": (below_a_hierarchy, ["pets.jsonl", "--hierarchy", "kinds.csv"]),
    "hierarchy, equal ones kept": (
        below_a_hierarchy,
        ["pets.jsonl", "--hierarchy", "kinds.csv", "--keep-equal"],
    ),
    "class folders": (class_folders, ["images"]),
    "arrays": (arrays, ["c.npz"]),
    "concept file": (concept_file, ["c.h5"]),
}


def build(output, *arguments):
    invert("concepts", "build", *arguments, "--missing", "exclude", "-o", output)
    return read_concepts(output, missing="exclude")


def way_back(exported):
    """The command that the export names, run; the concepts that it gives."""
    (line,) = [line for line in exported.stderr.splitlines() if "Read them back with: " in line]
    words = shlex.split(line.partition("with: ")[2])
    assert words[0] == "invert"
    invert(*words[1:])
    return read_concepts("concepts.h5", missing="exclude")


def told(concepts):
    """What a concept set says, without the order of its edges."""
    return contents(concepts) | {"parents": sorted(concepts.parents.tolist())}


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_comes_back_from_arrays_as_it_was(here, source):
    make, arguments = SOURCES[source]
    make(here)
    built = build("first.h5", *arguments)
    exported = invert("concepts", "export", "first.h5", "-o", "back.npz")
    assert contents(way_back(exported)) == contents(built)
    assert contents(read_concepts("back.npz", missing="exclude")) == contents(built)


@pytest.mark.parametrize("source", SOURCES)
def test_every_source_comes_back_from_tables_as_it_was(here, source):
    make, arguments = SOURCES[source]
    make(here)
    built = build("first.h5", *arguments)
    exported = invert("concepts", "export", "first.h5", "-o", "back")
    expected = told(replace(built, aliases=()))
    if built.sample_id is None:
        expected |= {"sample_id": tuple(map(str, range(built.n_samples)))}
    assert told(way_back(exported)) == expected


def test_that_aliases_do_not_come_back_from_tables_is_said(here):
    concept_file(here)
    lost = "Aliases are not read back from tables"
    assert lost in invert("concepts", "export", "c.h5", "-o", "back").stderr
    assert lost not in invert("concepts", "export", "c.h5", "-o", "back.npz").stderr


def test_a_source_is_exported_without_a_concept_file(here):
    (here / "wide.csv").write_text(WIDE, encoding="utf-8")
    (here / "names.csv").write_text("concept_id,name\nc,sea\na b,two\n")
    exported = invert("concepts", "export", "wide.csv", "--names", "names.csv", "-o", "c.npz")
    assert exported.stdout == ""
    assert "2 concepts of 3 samples are in 'c.npz'." in exported.stderr
    with np.load(here / "c.npz") as stored:
        assert stored["name"].tolist() == ["sea", "two"]
        assert stored["labels"].tolist() == [[-1, 1], [1, 0], [-1, 0]]


@pytest.mark.parametrize(("label", "needed"), [("0", False), ("-1", True)])
def test_the_way_back_says_what_missing_labels_are_only_where_there_are_some(here, label, needed):
    (here / "wide.csv").write_text(f"sample_id,a\nx,1\ny,{label}\n")
    told = invert("concepts", "export", "wide.csv", "-o", "back").stderr
    assert ("--missing exclude" in told) == needed


@pytest.mark.parametrize("target", ["c.npz", "tables"])
def test_an_export_is_replaced_on_request_only(inputs, target):
    arguments = ("concepts", "export", "concepts.csv", "-o", target)
    invert(*arguments)
    assert "--overwrite" in refused(*arguments)
    invert(*arguments, "--overwrite")


def test_a_folder_of_something_else_is_kept(inputs):
    (inputs / "run").mkdir()
    for name in ("labels.csv", "run.json"):
        (inputs / "run" / name).write_text("of a run")
    error = refused("concepts", "export", "concepts.csv", "-o", "run", "--overwrite")
    assert "holds 'run.json', which is not part of an export of concepts" in error


def test_the_output_is_refused_before_the_concepts_are_read(here):
    (here / "broken.h5").write_bytes(b"\x89HDF")
    error = refused("concepts", "export", "broken.h5", "-o", "c.csv", code=2)
    assert "Concepts are not exported to a single .csv file." in error
    assert "folder 'gone'" in refused("concepts", "export", "broken.h5", "-o", "gone/c.npz")


def test_an_interrupt_behind_an_export_says_that_it_was_done(inputs, monkeypatch):
    def stop(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("invert_core.commands.concepts.export._way_back", stop)
    result = call("concepts", "export", "concepts.csv", "-o", "tables")
    assert result.exit_code == 130
    assert result.stderr.endswith("Interrupted. The concepts were written to 'tables'.\n")
    assert (inputs / "tables" / "labels.csv").exists()


def test_ids_that_tables_cannot_give_back_are_named(here):
    write_concepts("padded.h5", ConceptSet.from_arrays([[1, 0], [0, 1]], id=[" a", "b"]))
    told = invert("concepts", "export", "padded.h5", "-o", "tables").stderr
    assert "Tables lose the blanks around ids (' a')" in told
    assert "Read them back with" not in told
    told = invert("concepts", "export", "padded.h5", "-o", "padded.npz").stderr
    assert "Read them back with: invert concepts build padded.npz" in told
    assert read_concepts("padded.npz").id == (" a", "b")
