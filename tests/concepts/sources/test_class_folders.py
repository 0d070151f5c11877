import logging
import shutil
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.concepts import Reading, build_concepts, read_concepts
from invert_core.concepts.sources.class_folders import read_class_folders
from invert_core.data import DataSettings, open_data
from invert_core.errors import DataError, MissingFileError
from invert_core.models.backend import ModelInput

part = st.sampled_from(["a", "b", "a b", "B", "a-b", "ä", ".hidden", "10", "9"])
leaf = st.sampled_from(["1.jpg", "2.PNG", "a.jpeg", ".b.jpg", "notes.txt", "b.webp", "10.tiff"])
paths = st.lists(part, max_size=3).flatmap(lambda parts: leaf.map(lambda name: (*parts, name)))
trees = st.sets(paths, min_size=1, max_size=12)
INPUT = ModelInput("x", (None, 3, 8, 8), np.dtype(np.float32))


def made(folder, files):
    """Make a folder of empty files, which no reader of classes may open."""
    for each in files:
        path = folder.joinpath(each)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return folder


@settings(max_examples=30)
@given(tree=trees)
def test_samples_are_those_of_an_extraction_and_classes_their_first_folders(tmp_path_factory, tree):
    folder = tmp_path_factory.getbasetemp() / "tree"
    shutil.rmtree(folder, ignore_errors=True)
    made(folder, ("/".join(parts) for parts in tree | {("c", "1.jpg")}))
    concepts = read_class_folders(folder)
    assert concepts.sample_id == open_data(folder, [INPUT]).sample_id
    parents = [PurePosixPath(name).parts[:-1] for name in concepts.sample_id]
    assert concepts.id == tuple(sorted({parts[0] for parts in parents if parts}))
    assert concepts.name == concepts.id
    for id in concepts.id:
        assert concepts.extent(id).tolist() == [parts[:1] == (id,) for parts in parents]
        assert concepts.defined_on(id).tolist() == [parts != () for parts in parents]


def test_images_beside_the_class_folders_have_no_class_and_are_counted(tmp_path, caplog):
    made(tmp_path, ["cat/1.jpg", "dog/1.jpg", "cover.jpg", "zoo.png"])
    with caplog.at_level(logging.INFO, "invert"):
        concepts = read_concepts(tmp_path, missing="exclude")
    assert concepts.sample_id == ("cat/1.jpg", "cover.jpg", "dog/1.jpg", "zoo.png")
    assert concepts.n_defined.tolist() == [2, 2]
    assert concepts.defined_on("cat").tolist() == [True, False, True, False]
    assert "2 images in the folder " in caplog.text
    assert "are in no class folder: no class is defined there." in caplog.text
    with pytest.raises(DataError, match=r"4 labels of 2 concepts are missing"):
        read_concepts(tmp_path)
    assert read_concepts(tmp_path, missing="negative").n_defined.tolist() == [4, 4]


def test_other_files_and_folders_without_classes_are_logged(tmp_path, caplog):
    folder = made(tmp_path / "data", ["cat/1.jpg", "cat/labels.txt", "notes/a.txt", ".git/x.jpg"])
    (folder / "empty").mkdir()
    made(tmp_path / "elsewhere", ["x.jpg"])
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    with caplog.at_level(logging.INFO, "invert"):
        concepts = read_concepts(folder)
    assert concepts.id == ("cat",)
    assert concepts.sample_id == ("cat/1.jpg",)
    assert f"Only images are read from the folder {str(folder)!r}; ignored 2 files" in caplog.text
    where = f"of {str(folder)!r} left out"
    assert f"2 folders {where} (no images): 'empty', 'notes'." in caplog.text


def test_linked_class_folders_are_followed_on_request_and_named_if_not(tmp_path, caplog):
    made(tmp_path / "store", ["cat/1.jpg", "dog/1.jpg"])
    folder = made(tmp_path / "data", ["owl/1.jpg"])
    for name in ("cat", "dog"):
        (folder / name).symlink_to(tmp_path / "store" / name)
    assert read_concepts(folder).id == ("owl",)
    assert "2 symbolic links" in caplog.text
    assert "are not followed: 'cat', 'dog'. Follow them with --follow-links" in caplog.text
    concepts = build_concepts(folder, reading=Reading(follow_links=True))
    assert concepts.id == ("cat", "dog", "owl")
    samples = open_data(folder, [INPUT], DataSettings(follow_links=True))
    assert concepts.sample_id == samples.sample_id == ("cat/1.jpg", "dog/1.jpg", "owl/1.jpg")


def test_a_folder_of_nothing_but_linked_classes_names_the_links(tmp_path):
    made(tmp_path / "store", ["cat/1.jpg"])
    (tmp_path / "data").mkdir()
    (tmp_path / "data/cat").symlink_to(tmp_path / "store/cat")
    with pytest.raises(DataError, match=r"1 symbolic link .* not followed: 'cat'.*--follow-links"):
        read_concepts(tmp_path / "data")


def test_folders_are_joined_with_other_sources_on_the_paths_of_images(tmp_path):
    folder = made(tmp_path / "data", ["cat/1.jpg", "dog/1.jpg"])
    table = tmp_path / "more.csv"
    table.write_text("path,night\ndog/1.jpg,1\ncat/1.jpg,0\n", encoding="utf-8")
    concepts = build_concepts([folder, table])
    assert concepts.id == ("cat", "dog", "night")
    assert concepts.extent("night").tolist() == concepts.extent("dog").tolist() == [False, True]


@pytest.mark.parametrize(
    "files", [[], ["cat/notes.txt"], ["1.jpg", "2.jpg"], ["1.jpg", ".hidden/2.jpg"]]
)
def test_a_folder_without_class_folders_is_refused(tmp_path, files):
    with pytest.raises(DataError, match="has no folder with images in it") as caught:
        read_concepts(made(tmp_path, files))
    assert str(tmp_path) in str(caught.value)
    assert ".jpeg" in caught.value.hint
    assert ".xml" in caught.value.hint


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(MissingFileError, match="gone"):
        read_concepts(tmp_path / "gone")
    with pytest.raises(MissingFileError, match="gone"):
        read_class_folders(tmp_path / "gone")
