"""Labels of images and boxes, names and the hierarchy as Open Images publishes them."""

import json
import logging
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from invert_core.concepts.building import build_concepts
from invert_core.concepts.sources.source import Reading
from invert_core.errors import InvertError, SettingError

LABELS = """ImageID,Source,LabelName,Confidence
000026e7ee790996,verification,/m/04hgtk,0
000026e7ee790996,verification,/m/07j7r,1
000062a39995e348,crowdsource-verification,/m/015p6,1
000062a39995e348,verification,/m/07j7r,0
"""
BOXES = """ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated
000002b66c9c498e,xclick,/m/01g317,1,0.012500,0.195312,0.148438,0.587500,0,1
000002b66c9c498e,xclick,/m/01g317,1,0.025000,0.276563,0.714063,0.948438,0,1
000002b97e5471a0,activemil,/m/0284d,1,0.0,0.9,0.0,0.9,0,0
"""


def saved(tmp_path, content, name="oidv6-train-annotations-human-imagelabels.csv"):
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    return path


def build(path, *, missing="exclude", **options):
    reading = {"min_confidence": options.pop("min_confidence", None)}
    return build_concepts(path, reading=Reading(**reading), missing=missing, **options)


def marks(found):
    defined = found.select(range(len(found.id)))
    known = np.unpackbits(defined.defined.view(np.uint8), axis=1, bitorder="little")
    return np.where(known[:, : found.n_samples].T == 1, found.dense(), -1).tolist()


def test_only_verified_labels_are_known(tmp_path):
    found = build(saved(tmp_path, LABELS))
    assert found.sample_id == ("000026e7ee790996", "000062a39995e348")
    assert found.id == ("/m/015p6", "/m/04hgtk", "/m/07j7r")
    assert marks(found) == [[-1, 0, 1], [1, -1, 0]]
    with pytest.raises(InvertError, match="2 labels of 2 concepts are missing"):
        build(saved(tmp_path, LABELS), missing="error")


@pytest.mark.parametrize("separator", ["\t", ";"])
def test_other_separators_and_quotation_marks_are_read(tmp_path, separator):
    table = LABELS.replace(",", f'"{separator}"').replace("\n", '"\n"').strip('"\n')
    found = build(saved(tmp_path, f'"{table}"\n'))
    assert marks(found) == [[-1, 0, 1], [1, -1, 0]]


def test_a_box_says_that_its_label_is_there(tmp_path):
    found = build(saved(tmp_path, BOXES, "oidv6-train-annotations-bbox.csv"), missing="negative")
    assert found.id == ("/m/01g317", "/m/0284d")
    assert found.dense().tolist() == [[True, False], [False, True]]


def test_labels_of_machines_need_a_word(tmp_path):
    machine = saved(tmp_path, LABELS + "a,machine,/m/07j7r,0.7\na,machine,/m/015p6,0.6\n")
    with pytest.raises(
        InvertError, match=r"line 6: the confidence is '0.7', so a machine"
    ) as caught:
        build(machine)
    assert "--min-confidence 0.7" in caught.value.hint
    assert marks(build(machine, min_confidence=0.7))[2] == [-1, -1, 1]
    assert marks(build(machine, min_confidence=0.6))[2] == [1, -1, 1]
    assert marks(build(machine, min_confidence=1.0))[2] == [-1, -1, -1]


@pytest.mark.parametrize("least", [0.0, -1.0, 1.5, float("nan")])
def test_a_confidence_out_of_range_is_refused(tmp_path, least):
    with pytest.raises(SettingError, match="--min-confidence is"):
        build(saved(tmp_path, LABELS), min_confidence=least)


def test_contradictions_are_undefined_and_counted(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "invert"):
        found = build(saved(tmp_path, LABELS + "000062a39995e348,verification,/m/07j7r,1\n"))
    assert marks(found)[1] == [1, -1, -1]
    assert "the rows of 1 pair of an image and a label contradict each other" in caplog.text


rows = st.lists(
    st.tuples(st.sampled_from("abcd"), st.sampled_from(["/m/1", "/m/2"]), st.sampled_from("01")),
    min_size=1,
    max_size=20,
)


@given(rows)
def test_every_table_gives_what_its_rows_say(tmp_path_factory, rows):
    table = "".join(f"{image},verification,{label},{mark}\n" for image, label, mark in rows)
    folder = tmp_path_factory.mktemp("rows")
    found = build(saved(folder, "ImageID,Source,LabelName,Confidence\n" + table))
    images, labels = list(dict.fromkeys(row[0] for row in rows)), sorted({row[1] for row in rows})
    said = {(image, label): set() for image in images for label in labels}
    for image, label, mark in rows:
        said[image, label].add(int(mark))
    assert (list(found.sample_id), list(found.id)) == (images, labels)
    wanted = [[said[image, label] for label in labels] for image in images]
    expected = [[one.pop() if len(one) == 1 else -1 for one in row] for row in wanted]
    if found.defined is None:
        assert found.dense().tolist() == expected
    else:
        assert marks(found) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("ImageID,LabelName\na,b\n", "no column 'Confidence'"),
        ("ImageID,LabelName,Confidence\n", "no rows"),
        ("ImageID,LabelName,Confidence\na,,1\n", "line 2: the label is empty"),
        ("ImageID,LabelName,Confidence\n,b,1\n", "line 2: the sample id is empty"),
        ("ImageID,LabelName,Confidence\na,b,2\n", "line 2: the confidence is '2'"),
        ("ImageID,LabelName,Confidence\na,b,\n", "line 2: the confidence is ''"),
        ("ImageID,LabelName,Confidence\na,b,high\n", "line 2: the confidence is 'high'"),
    ],
)
def test_broken_tables_are_refused(tmp_path, content, words):
    with pytest.raises(InvertError, match=words) as caught:
        build(saved(tmp_path, content))
    assert caught.value.hint


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes in folders")
def test_a_pipe_is_refused_before_anything_is_read_from_it(tmp_path):
    header = b"ImageID,LabelName,Confidence\n"
    os.mkfifo(tmp_path / "pipe.csv")
    with open(os.open(tmp_path / "pipe.csv", os.O_RDWR | os.O_NONBLOCK), "r+b", 0) as pipe:
        pipe.write(header)
        with pytest.raises(InvertError, match="is a pipe"):
            build_concepts(tmp_path / "pipe.csv")
        assert pipe.read(len(header)) == header


@pytest.mark.parametrize("header", ["LabelName,DisplayName\n", ""])
def test_descriptions_of_classes_are_names(tmp_path, header):
    names = saved(tmp_path, f"{header}/m/07j7r,Tree\n/m/015p6,Bird\n", "class-descriptions.csv")
    found = build(saved(tmp_path, LABELS), names=names)
    assert (found.id[:2], found.name[:2]) == (("/m/07j7r", "/m/015p6"), ("Tree", "Bird"))


TREE = {
    "LabelName": "/m/0bl9f",
    "Subcategory": [
        {"LabelName": "/m/015p6", "Part": [{"LabelName": "/m/0k0pj"}]},
        {"LabelName": "/m/05s2s", "Subcategory": [{"LabelName": "/m/07j7r"}]},
        {"LabelName": "/m/0c_jw", "Subcategory": [{"LabelName": "/m/07j7r"}]},
    ],
}


def test_subcategories_have_parents_and_parts_have_none(tmp_path, caplog):
    tree = saved(tmp_path, json.dumps(TREE), "bbox_labels_600_hierarchy.json")
    with caplog.at_level(logging.INFO, "invert"):
        found = build(saved(tmp_path, LABELS), missing="negative", hierarchy=tree, keep_equal=True)
    assert set(found.id[3:]) == {"/m/0bl9f", "/m/05s2s", "/m/0c_jw"}
    assert found.extent("/m/05s2s").tolist() == [True, False]
    assert "parts of 1 label left out" in caplog.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not JSON"),
        ("[]", "has no 'LabelName'"),
        ('{"LabelName": 5}', "has no 'LabelName'"),
        ('{"LabelName": "a", "Subcategory": {}}', "'Subcategory' is not a list"),
        ('{"LabelName": "a", "Subcategory": [1]}', "1 has no 'LabelName'"),
        ('{"LabelName": "a", "Subcategory": [{"LabelName": "a"}]}', "circle"),
        ("[" * 10**5, "nested too deeply"),
        ("9" * 5000, "not JSON"),
    ],
)
def test_other_hierarchies_are_refused(tmp_path, content, words):
    with pytest.raises(InvertError, match=words) as caught:
        build(saved(tmp_path, LABELS), hierarchy=saved(tmp_path, content, "tree.json"))
    assert caught.value.hint
