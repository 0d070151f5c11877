import logging

import numpy as np
import pytest

from invert_core.concepts import build_concepts, read_concepts
from invert_core.concepts.sources.annotations import voc
from invert_core.concepts.sources.annotations.voc import read_voc
from invert_core.errors import DataError, FileFormatError, InvertError, MissingFileError
from tests.concepts.sources.annotations.voc_files import annotation, save


def test_names_of_objects_are_concepts_and_files_samples_in_order(tmp_path):
    files = {
        "b.xml": annotation("b.jpg", ["dog", "potted plant", "dog"]),
        "a.XML": annotation("a.jpg"),
        "c.xml": annotation("../c.jpg", ["cat"], difficult=1),
        "._b.xml": b"\0\5\26\7",
        "notes.txt": "no annotation",
    }
    concepts = read_concepts(save(tmp_path, files))
    assert concepts.sample_id == ("a.jpg", "b.jpg", "../c.jpg")
    assert concepts.id == ("cat", "dog", "potted_plant")
    assert concepts.name == ("cat", "dog", "potted plant")
    assert concepts.dense().astype(int).tolist() == [[0, 0, 0], [0, 1, 1], [1, 0, 0]]
    assert concepts.defined is None


def test_the_folder_around_annotations_is_read_too(tmp_path):
    save(tmp_path / "Annotations", {"a.xml": annotation("a.jpg", ["dog"])})
    save(tmp_path / "JPEGImages", {"a.jpg": b"", "b.jpg": b""})
    assert read_concepts(tmp_path).sample_id == ("a.jpg",)


def test_files_beside_an_empty_folder_of_annotations_are_read(tmp_path):
    (tmp_path / "Annotations").mkdir()
    save(tmp_path, {"a.xml": annotation("a.jpg", ["dog"])})
    assert read_concepts(tmp_path).sample_id == ("a.jpg",)


def test_a_folder_of_annotations_without_xml_is_a_class_folder(tmp_path):
    save(tmp_path / "Annotations", {"a.jpg": b""})
    assert read_concepts(tmp_path).id == ("Annotations",)


def test_annotations_are_joined_with_other_sources_on_file_names(tmp_path):
    names = [("a", ["dog"]), ("b", ["cat"])]
    folder = save(
        tmp_path / "Annotations",
        {f"{name}.xml": annotation(f"{name}.jpg", objects) for name, objects in names},
    )
    table = tmp_path / "more.csv"
    table.write_text("file,night\nb.jpg,1\na.jpg,0\n", encoding="utf-8")
    concepts = build_concepts([folder, table])
    assert concepts.extent("night").tolist() == concepts.extent("cat").tolist() == [False, True]


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [
        ("utf-8", ""),
        ("utf-8-sig", ""),
        ("utf-16", ""),
        ("latin-1", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
        ("cp1252", "<?xml version='1.0' encoding='windows-1252'?>"),
        ("utf-8-sig", '<?xml version="1.0" encoding="utf-8"?>'),
    ],
)
def test_declared_encodings_are_followed(tmp_path, encoding, declared):
    content = (declared + annotation("für.jpg", ["Bär"])).encode(encoding)
    concepts = read_voc(save(tmp_path, {"a.xml": content}))
    assert concepts.sample_id == ("für.jpg",)
    assert concepts.id == ("Bär",)


def test_markup_within_names_is_text(tmp_path):
    content = annotation(" <![CDATA[a&b]]>&#46;jpg\n", ["\n\tsea &amp; <!-- or --> sky "])
    concepts = read_voc(save(tmp_path, {"a&b.xml": content}))
    assert concepts.sample_id == ("a&b.jpg",)
    assert concepts.name == ("sea &  sky",)
    assert concepts.id == ("sea_&_sky",)


def test_only_what_stands_in_its_place_counts(tmp_path):
    content = """<annotation>stray<filename>a.jpg</filename>
        <source><filename>b.jpg</filename><name>flickr</name></source>
        <object>stray<name>dog</name><part><name>head</name></part></object>
        <group><object><name>cat</name></object></group></annotation>"""
    concepts = read_voc(save(tmp_path, {"a.xml": content}))
    assert concepts.sample_id == ("a.jpg",)
    assert concepts.id == ("dog",)


def test_images_that_are_named_otherwise_than_their_annotation_are_counted(tmp_path, caplog):
    files = {
        "1.xml": annotation("1.jpg", ["dog"]),
        "2.xml": annotation("old.jpg", ["dog"]),
        "3.xml": annotation("3", ["dog"]),
        "4.xml": annotation("images/4.png", ["dog"]),
    }
    with caplog.at_level(logging.INFO, "invert"):
        concepts = read_voc(save(tmp_path, files))
    assert concepts.sample_id == ("1.jpg", "old.jpg", "3", "images/4.png")
    assert "1 file in " in caplog.text
    assert "is not named like the image, whose name counts: '2.xml of old.jpg'." in (caplog.text)


BOMB = """<!DOCTYPE annotation [<!ENTITY a "dog"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>
"""
OUTSIDE = '<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/hostname">]>\n'
OBJECT = "<annotation><filename>b.jpg</filename><object>{}</object></annotation>"


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ("", FileFormatError, "is not XML: no element found"),
        ("dog", FileFormatError, "is not XML: syntax error"),
        (annotation("b.jpg", ["dog"])[:-20], FileFormatError, "is not XML: .* line"),
        (annotation("b.jpg", ["a & b"]), FileFormatError, "is not XML: not well-formed .* line 16"),
        (annotation("b.jpg", ["&b;"]), FileFormatError, "is not XML: undefined entity"),
        (BOMB + annotation("b.jpg", ["&b;"]), FileFormatError, "declares a document type"),
        (OUTSIDE + annotation("b.jpg", ["&a;"]), FileFormatError, "declares a document type"),
        ("<!DOCTYPE html><html></html>", FileFormatError, "declares a document type"),
        ("<annotations/>", FileFormatError, "is not an <annotation> but <annotations>"),
        (annotation("b", ["Bär"]).encode("latin-1"), FileFormatError, "is not XML: not well-form"),
        ('<?xml version="1.0" encoding="no-such"?><annotation/>', FileFormatError, "is not XML"),
        ('<?xml version="1.0" encoding="shift_jis"?><annotation/>', FileFormatError, "is not XML"),
        ("<a>" * 100_000, FileFormatError, "is not an <annotation> but <a>"),
        ("<annotation>" * 100_000, FileFormatError, "is not XML: no element found"),
        ("<annotation/>", DataError, "does not say which image it is about"),
        (annotation(""), DataError, "does not say which image it is about"),
        (annotation("a</filename><filename>b"), DataError, "does not say which image it is about"),
        (
            annotation("b.jpg", [" "]),
            FileFormatError,
            "object that ends in line 27 and has no name",
        ),
        (OBJECT.format("<part><name>a</name></part>"), FileFormatError, "has no name"),
        (OBJECT.format("<name>a</name><name>b</name>"), FileFormatError, "has several names"),
    ],
)
def test_a_broken_or_hostile_annotation_is_refused(tmp_path, content, error, words):
    save(tmp_path, {"a.xml": annotation("a.jpg", ["dog"]), "b.xml": content})
    with pytest.raises(error, match=words) as caught:
        read_concepts(tmp_path)
    assert "b.xml" in str(caught.value)
    assert caught.value.hint


def test_two_annotations_of_one_image_are_refused(tmp_path):
    same = annotation("a.jpg", ["dog"])
    with pytest.raises(DataError, match=r"'a\.xml' and 'b\.xml' in .* image 'a\.jpg'"):
        read_voc(save(tmp_path, {"a.xml": same, "b.xml": same}))


def test_annotations_without_any_object_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"No annotation in .* has an object"):
        read_voc(save(tmp_path, {"a.xml": annotation("a.jpg")}))


def test_names_that_become_one_id_are_refused(tmp_path):
    content = annotation("a.jpg", ["stop sign", "stop_sign"])
    with pytest.raises(
        DataError, match="'stop sign' and 'stop_sign' have the same id, 'stop_sign'"
    ):
        read_voc(save(tmp_path, {"a.xml": content}))


def test_a_file_that_is_too_large_and_a_folder_in_place_of_one_are_refused(tmp_path, monkeypatch):
    save(tmp_path, {"a.xml": annotation("a.jpg", ["dog"])})
    with monkeypatch.context() as patch:
        patch.setattr(voc, "MOST_BYTES", 100)
        with pytest.raises(FileFormatError, match=r"a\.xml' has more than 100 bytes"):
            read_voc(tmp_path)
    (tmp_path / "b.xml").mkdir()
    with pytest.raises(MissingFileError, match=r"b\.xml' is a folder"):
        read_voc(tmp_path)


def test_no_change_of_a_few_bytes_ends_in_another_error(tmp_path):
    content = annotation("a.jpg", ["dog", "person+"]).encode()
    generator = np.random.default_rng(0)
    n_refused = 0
    for _ in range(150):
        damaged = bytearray(content)
        for place in generator.integers(0, len(content), 3):
            damaged[place] = generator.integers(0, 256)
        save(tmp_path, {"a.xml": bytes(damaged)})
        try:
            read_voc(tmp_path)
        except InvertError:
            n_refused += 1
    assert n_refused > 50
