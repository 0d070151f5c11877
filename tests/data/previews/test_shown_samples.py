"""Copies of the samples of a run, wherever they are; what is missing is said, and no error."""

import csv
import io
import json
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from invert_core.data.images.image_files import FolderFiles
from invert_core.data.images.image_source import ImageSource
from invert_core.data.images.listed_files import ListedFiles
from invert_core.data.images.preprocess import Preprocess
from invert_core.data.previews.shown import ShownSamples
from invert_core.data.previews.shown_samples import shown_samples
from invert_core.data.texts.text_source import manifest_of
from invert_core.errors import DataError

COLOURS = {"a.png": 10, "b/c.png": 120, "d.jpg": 250}
SHOWN = dict(zip((0, 3, 7), COLOURS, strict=True))


@pytest.fixture
def images(tmp_path):
    folder = tmp_path / "images"
    for name, grey in COLOURS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (8, 6), grey).save(folder / name)
    return folder


def greys(made):
    """The shade of each picture, None where there is none."""
    assert made.text is None
    assert [bool(one) for one in made.picture] == [bool(one) for one in made.mime]
    return [
        int(np.asarray(Image.open(io.BytesIO(one)).convert("L")).mean().round()) if one else None
        for one in made.picture
    ]


def of_images(path, **known):
    return {"kind": "images", "path": str(path), **known}


def marks_of(files, ids):
    source = ImageSource(files, "x", Preprocess(), workers=0)
    digests = dict(zip(source.sample_id, source.sample_digests.tolist(), strict=True))
    return {row: digests[id] for row, id in ids.items()}


def assert_is_complete(made, expected=(10, 120, 250)):
    assert greys(made) == list(expected)
    assert made.missing == ""


def test_images_of_a_folder_are_shown_in_the_order_asked_for(images):
    told = []
    made = shown_samples(SHOWN, of_images(images), None, lambda *done: told.append(done))
    assert_is_complete(made)
    assert told[-1] == (3, 3)
    backwards = dict(reversed(SHOWN.items()))
    assert_is_complete(shown_samples(backwards, of_images(images)), (250, 120, 10))


def test_images_that_have_moved_are_found_where_root_says(images, tmp_path):
    source = of_images(images)
    images.rename(tmp_path / "elsewhere")
    assert_is_complete(shown_samples(SHOWN, source, tmp_path / "elsewhere"))
    made = shown_samples(SHOWN, source)
    assert (made.picture, made.mime, made.text) == (None, None, None)
    assert "there is no folder" in made.missing
    assert "--samples ROOT" in made.missing


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz"])
def test_images_of_an_archive_are_shown(images, tmp_path, suffix):
    place = tmp_path / f"all{suffix}"
    if suffix == ".zip":
        with zipfile.ZipFile(place, "w") as archive:
            for name in COLOURS:
                archive.write(images / name, name)
    else:
        with tarfile.open(place, "w:gz" if suffix.endswith("gz") else "w") as archive:
            for name in COLOURS:
                archive.add(images / name, name)
    assert_is_complete(shown_samples(SHOWN, of_images(place)))
    moved = tmp_path / "moved"
    moved.mkdir()
    place.rename(moved / place.name)
    assert_is_complete(shown_samples(SHOWN, of_images(place), moved))
    assert_is_complete(shown_samples(SHOWN, of_images(place), moved / place.name))
    # It was unpacked in the meantime.
    assert_is_complete(shown_samples(SHOWN, of_images(place), images))
    made = shown_samples({**SHOWN, 9: "absent.png"}, of_images(place), moved)
    assert greys(made) == [*COLOURS.values(), None]
    assert "1 missing ('absent.png')" in made.missing


@pytest.mark.parametrize("has_ids", [True, False])
def test_images_that_a_table_lists_are_shown(images, tmp_path, has_ids):
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "image"] if has_ids else ["n", "image"])
        writer.writerows([f"id {name}", name] for name in COLOURS)
    given = ListedFiles(table, id_column="name" if has_ids else None, root=images)
    shown = {row: f"id {name}" for row, name in SHOWN.items()} if has_ids else SHOWN
    source = of_images(table, **given.columns)
    marks = marks_of(given, shown)
    assert_is_complete(shown_samples(shown, source, marks=marks))
    elsewhere = images.rename(tmp_path / "elsewhere")
    assert_is_complete(shown_samples(shown, source, elsewhere, marks=marks))
    table.rename(elsewhere / "table.csv")
    assert_is_complete(shown_samples(shown, source, elsewhere, marks=marks))
    assert_is_complete(shown_samples(shown, source, elsewhere / "table.csv", marks=marks))
    assert shown_samples(shown, source).picture is None


def test_an_image_that_has_changed_is_shown_and_named(images):
    marks = marks_of(FolderFiles(images), SHOWN)
    assert_is_complete(shown_samples(SHOWN, of_images(images), marks=marks))
    Image.new("RGB", (90, 70), (70, 70, 70)).save(images / "a.png")
    made = shown_samples(SHOWN, of_images(images), marks=marks)
    assert greys(made) == [70, 120, 250]
    assert made.missing == (
        "1 sample has changed since the extraction and is shown as it is now: 'a.png'."
    )


@pytest.mark.parametrize("kind", ["vanished", "broken", "empty", "folder", "pipe", "dangling"])
def test_an_image_that_cannot_be_read_is_counted_and_named(images, kind):
    place = images / "b" / "c.png"
    place.unlink()
    if kind == "broken":
        place.write_bytes(b"\x89PNG\r\n\x1a\n")
    elif kind == "empty":
        place.touch()
    elif kind == "folder":
        place.mkdir()
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "dangling":
        place.symlink_to("nowhere.png")
    made = shown_samples(SHOWN, of_images(images))
    assert greys(made) == [10, None, 250]
    what = "missing" if kind == "vanished" else "unreadable"
    assert made.missing == (
        f"1 of 3 samples has no picture in the folder {str(images)!r}: 1 {what} ('b/c.png')."
    )


@pytest.mark.parametrize("id", ["../out.png", "{out}", "link.png", "links/out.png"])
def test_nothing_outside_of_the_folder_is_read(images, tmp_path, id):
    out = tmp_path / "out.png"
    Image.new("L", (8, 6)).save(out)
    (images / "link.png").symlink_to(out)
    (images / "links").symlink_to(tmp_path)
    made = shown_samples({0: id.format(out=out), 1: "a.png"}, of_images(images))
    assert greys(made) == [None, 10]
    assert "1 outside of it" in made.missing


def test_links_within_the_folder_are_followed(images):
    (images / "link.png").symlink_to("a.png")
    assert_is_complete(shown_samples({0: "link.png"}, of_images(images)), (10,))


HOSTILE = [
    {"kind": "images", "path": "/dev/zero"},
    {"kind": "texts", "path": "/dev/zero"},
    {"kind": "arrays", "path": "/dev/zero"},
    {"kind": "images", "path": "/nowhere.zip"},
    {"kind": "arrays", "path": "/nowhere.npy"},
    {"kind": "texts", "path": "/nowhere.csv", "column": "x"},
    {"kind": "images", "path": "/nowhere.csv", "column": "x", "id_column": "y", "root": "/"},
    {"kind": "images", "path": "\0"},
    {"kind": "texts", "path": "x" * 5000},
    {"kind": "arrays", "path": "\udce9.npy"},
    {"kind": "images"},
    {"kind": "films", "path": "/"},
    {"path": "/"},
    {},
]


@pytest.mark.parametrize("source", HOSTILE, ids=repr)
@pytest.mark.parametrize("id", ["", "a.png", "\0", "/", ".", "x" * 5000, "\udce9.png"])
def test_whatever_an_activation_file_says_ends_in_a_sentence(source, id):
    made = shown_samples({0: id}, source)
    assert (made.text, made.picture, made.mime) == (None, None, None)
    made.missing.encode()
    assert "\0" not in made.missing
    assert made.missing.endswith((".", "…"))
    assert 10 < len(made.missing) <= 1001


@pytest.mark.parametrize("kind", [".zip", ".npz", ".h5", ".csv", ".txt", ".tar.gz", ".safetensors"])
def test_a_file_of_noise_ends_in_a_sentence(tmp_path, kind):
    pytest.importorskip("safetensors")
    place = tmp_path / f"noise{kind}"
    place.write_bytes(np.random.default_rng(0).bytes(1000))
    of_kind = {".zip": "images", ".tar.gz": "images", ".csv": "texts", ".txt": "texts"}
    source = {"kind": of_kind.get(kind, "arrays"), "path": str(place)}
    made = shown_samples({0: "a", 1: "b"}, source)
    assert made == ShownSamples(missing=made.missing)
    assert "noise" in made.missing


def test_only_a_few_names_are_given_and_long_ones_are_cut(images):
    shown = SHOWN | {row: f"{row}{'x' * 120}.png" for row in range(10, 60)}
    missing = shown_samples(shown, of_images(images)).missing
    assert missing.startswith("50 of 53 samples have no picture in the folder")
    assert f"50 missing ('10{'x' * 98}'" in missing
    assert missing.endswith("and 47 more).")


def test_without_a_source_names_tell_the_kind(images, tmp_path):
    assert_is_complete(shown_samples(SHOWN, {}, images))
    made = shown_samples({0: "unit"}, {}, images)
    assert "does not tell whether it holds images, texts or arrays" in made.missing
    (tmp_path / "t.txt").write_text("one\ntwo\n")
    assert shown_samples({1: ""}, {}, tmp_path / "t.txt").text == ("two",)
    assert "does not say where its samples are" in shown_samples({0: ""}, {}).missing


LONG = "x" * 159
TEXTS = ["one", LONG + "y", LONG + "yz", "<script>\x01\N{RIGHT-TO-LEFT OVERRIDE}", "é 😀"]
EXPECTED = ("one", LONG + "y", LONG + "y…", "<script>\x01\N{RIGHT-TO-LEFT OVERRIDE}", "é 😀")


@pytest.fixture(params=["lines", "table", "table with ids", "folder"])
def texts(request, tmp_path):
    """A place of texts, what an activation file says of it, and the ids."""
    ids = [""] * 5
    if request.param == "lines":
        place = tmp_path / "t.txt"
        place.write_text("".join(f"{text}\n" for text in TEXTS))
        return {"kind": "texts", "path": str(place)}, ids
    if request.param == "folder":
        place = tmp_path / "texts"
        place.mkdir()
        ids = [f"{number}.txt" for number in range(5)]
        for id, text in zip(ids, TEXTS, strict=True):
            (place / id).write_text(text + "\n")
        manifest = manifest_of(ids, TEXTS)
        return {"kind": "texts", "path": str(place), "manifest": manifest}, ids
    place = tmp_path / "t.jsonl"
    source = {"kind": "texts", "path": str(place), "column": "said"}
    rows = [{"said": text} for text in TEXTS]
    if request.param == "table with ids":
        ids = [f"id {number}" for number in range(5)]
        rows = [{"who": id, **row} for id, row in zip(ids, rows, strict=True)]
        source["id_column"] = "who"
    place.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return source, ids


def known(source, ids):
    return source | {"manifest": manifest_of(ids if any(ids) else None, TEXTS), "n_samples": "5"}


def test_texts_are_cut(texts):
    source, ids = texts
    assert shown_samples(dict(enumerate(ids)), known(source, ids)).text == EXPECTED
    some = shown_samples({1: ids[1], 4: ids[4]}, known(source, ids))
    assert (some.text, some.picture, some.missing) == ((EXPECTED[1], EXPECTED[4]), None, "")


def test_texts_that_have_moved_are_found_where_root_says(texts, tmp_path):
    source, ids = texts
    place = Path(source["path"])
    (tmp_path / "moved").mkdir()
    moved = shutil.move(place, tmp_path / "moved" / place.name)
    shown = dict(enumerate(ids))
    assert shown_samples(shown, known(source, ids), Path(moved)).text == EXPECTED
    if Path(moved).is_file():
        assert shown_samples(shown, known(source, ids), tmp_path / "moved").text == EXPECTED
    gone = shown_samples(shown, known(source, ids))
    assert gone.text is None
    assert "samples cannot be shown" in gone.missing


def test_texts_that_have_changed_are_said(texts):
    source, ids = texts
    place = Path(source["path"])
    changed = place / "1.txt" if place.is_dir() else place
    changed.write_text(changed.read_text().replace("y", "z"))
    made = shown_samples(dict(enumerate(ids)), known(source, ids))
    assert "has changed since the extraction" in made.missing
    # Nothing but their position tells which text is which.
    assert (made.text is None) == (not any(ids))


def test_a_text_that_cannot_be_read_is_counted_and_named(tmp_path):
    for name, content in (("a.txt", b"\xff"), ("b.txt", b"a\0"), ("c.txt", b"\xef\xbb\xbfc")):
        (tmp_path / name).write_bytes(content)
    shown = dict(enumerate(["a.txt", "b.txt", "c.txt", "d.txt", "../e.txt"]))
    made = shown_samples(shown, {"kind": "texts", "path": str(tmp_path)})
    assert made.text == ("", "", "c", "", "")
    assert made.missing.startswith("4 of 5 samples have no text in the folder")
    assert "2 unreadable ('a.txt', 'b.txt')" in made.missing
    assert "1 missing ('d.txt')" in made.missing
    assert "1 outside of it ('../e.txt')" in made.missing


@pytest.mark.parametrize(
    "given",
    [
        {"shown": {0: 7}},
        {"shown": {"a.png": 0}},
        {"source": {"kind": 1}},
        {"marks": {0: "a"}},
    ],
    ids=repr,
)
def test_what_is_no_id_source_or_mark_is_refused(images, given):
    usual = {"shown": {0: "a.png"}, "source": of_images(images)}
    with pytest.raises(DataError, match="of the samples is not of type") as caught:
        shown_samples(**(usual | given))
    assert "read_evidence" in caught.value.hint
