import csv
import json
import os

import numpy as np
import pytest
from PIL import Image

from invert_core.data import Preprocess
from invert_core.data.images.image_files import FolderFiles
from invert_core.data.images.image_source import ImageSource
from invert_core.data.images.listed_files import ListedFiles
from invert_core.errors import DataError, MissingFileError, UnknownNameError
from tests.needs import need

NAMES = ("a/0.png", "a/1.png", "b/2.png", "b/3.png", "c.png")


@pytest.fixture
def folder(tmp_path):
    for i, name in enumerate(NAMES):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.new("RGB", (6, 4), (i, i, i)).save(tmp_path / name)
    return tmp_path


def write_csv(path, columns):
    with open(path, "w", newline="") as file:
        writer = csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        writer.writerows([columns, *zip(*columns.values(), strict=True)])


def write(path, /, **columns):
    if path.suffix in (".csv", ".tsv"):
        write_csv(path, columns)
    elif path.suffix == ".jsonl":
        rows = zip(*columns.values(), strict=True)
        path.write_text(
            "".join(json.dumps(dict(zip(columns, r, strict=True))) + "\n" for r in rows)
        )
    else:
        parquet = need("pyarrow.parquet")
        parquet.write_table(need("pyarrow").table(columns), path)
    return path


def source_of(files, **options):
    return ImageSource(files, "x", Preprocess(scale=1), **options)


def all_rows(source, start=0):
    return np.concatenate([batch.inputs["x"] for batch in source.batches(start, 2)])


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("workers", [0, 1])
def test_a_table_of_all_paths_gives_what_their_folder_gives(folder, suffix, workers):
    table = write(folder / f"images{suffix}", path=NAMES, label=("x", "y", "x", "y", "x"))
    here, there = source_of(ListedFiles(table), workers=workers), source_of(FolderFiles(folder))
    assert here.sample_id == there.sample_id == NAMES
    assert here.manifest == there.manifest
    assert all_rows(here).tobytes() == all_rows(there).tobytes()
    assert all_rows(here, 3).tobytes() == all_rows(there)[2:].tobytes()


def test_images_come_in_the_order_of_the_rows(folder):
    table = write(folder / "t.csv", path=NAMES[::-1])
    assert all_rows(source_of(ListedFiles(table)))[:, 0, 0, 0].tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("title", ["path", "image", "file", "filename"])
def test_the_usual_titles_of_paths_are_known(folder, title):
    table = write(folder / "t.csv", label=("x",), **{title: ("c.png",)})
    assert tuple(ListedFiles(table).sizes) == ("c.png",)


def test_other_titles_are_named(folder):
    table = write(folder / "t.csv", photo=("c.png",), path=("d.png",), key=("one",))
    assert tuple(ListedFiles(table, column="photo", id_column="key").sizes) == ("one",)


def test_a_table_without_paths_names_its_columns(folder):
    table = write(folder / "t.csv", photo=("c.png",))
    with pytest.raises(UnknownNameError, match=r"'path'.*--column.*'photo'"):
        ListedFiles(table)


def test_ids_come_from_their_column_and_paths_count_for_the_manifest(folder):
    (folder / NAMES[2]).write_bytes((folder / NAMES[1]).read_bytes())
    table = write(folder / "t.csv", path=NAMES[1:3], sample_id=("one", "two"))
    files = ListedFiles(table)
    assert source_of(files).sample_id == ("one", "two")
    swapped = write(folder / "s.csv", path=NAMES[2:0:-1], sample_id=("one", "two"))
    assert list(files.sizes.values()) == list(ListedFiles(swapped).sizes.values())
    assert source_of(files).manifest != source_of(ListedFiles(swapped)).manifest


def test_paths_start_from_the_root(folder, tmp_path_factory):
    table = write(tmp_path_factory.mktemp("tables") / "t.csv", path=("0.png", "1.png"))
    assert all_rows(source_of(ListedFiles(table, root=folder / "a"))).shape == (2, 3, 4, 6)
    with pytest.raises(
        MissingFileError, match=r"2 files of .* are not in .*'0\.png', '1\.png'"
    ) as caught:
        ListedFiles(table)
    assert "--root" in str(caught.value)
    with pytest.raises(MissingFileError, match="no folder"):
        ListedFiles(table, root=folder / "no")


def test_absolute_paths_below_the_root_are_taken(folder):
    table = write(folder / "t.csv", path=(str(folder / "c.png"),))
    assert all_rows(source_of(ListedFiles(table))).shape == (1, 3, 4, 6)


@pytest.mark.parametrize(
    "path", ["../c.png", "/etc/passwd", "link.png", "linked/c.png", "x/../../c.png"]
)
def test_paths_that_leave_the_root_are_counted_and_named(folder, path):
    root = folder / "a"
    (root / "link.png").symlink_to(folder / "c.png")
    (root / "linked").symlink_to(folder)
    table = write(root / "t.csv", path=(path, "0.png"))
    with pytest.raises(DataError, match=r"1 path in .* leads out of ") as caught:
        ListedFiles(table)
    assert repr(path) in str(caught.value)
    assert "--root" in str(caught.value)


def test_links_may_leave_the_root_on_request_and_paths_may_not(folder):
    root = folder / "a"
    (root / "linked").symlink_to(folder)
    table = write(root / "t.csv", path=("linked/c.png", "0.png"))
    with pytest.raises(DataError, match=r"1 path in .*'linked/c\.png'.*--follow-links"):
        ListedFiles(table)
    followed = ListedFiles(table, follow_links=True)
    assert all_rows(source_of(followed)).shape == (2, 3, 4, 6)
    with pytest.raises(DataError, match=r"leads out of .*'\.\./c\.png'"):
        ListedFiles(write(root / "up.csv", path=("../c.png",)), follow_links=True)


def test_pipes_and_folders_are_no_images(folder):
    os.mkfifo(folder / "pipe.png")
    table = write(folder / "t.csv", path=("pipe.png", "a", "c.png"))
    with pytest.raises(MissingFileError, match="2 files"):
        ListedFiles(table)


def test_a_path_that_stands_twice_is_named(folder):
    table = write(folder / "t.csv", path=("c.png", "a/../c.png"), sample_id=("1", "2"))
    with pytest.raises(DataError, match=r"1 path .* more than once: 'c\.png'"):
        ListedFiles(table)


def test_an_id_that_stands_twice_is_named(folder):
    table = write(folder / "t.csv", path=NAMES[:2], sample_id=("1", "1"))
    with pytest.raises(DataError, match="1 sample id repeats: '1'"):
        ListedFiles(table)


def test_an_image_that_is_gone_when_it_is_read_is_named(folder):
    source = source_of(ListedFiles(write(folder / "t.csv", path=NAMES)))
    (folder / "c.png").unlink()
    with pytest.raises(DataError, match=r"'c\.png' cannot be read"):
        all_rows(source)


def test_cells_that_are_no_paths_by_their_length_are_refused_at_once(folder):
    table = write(folder / "images.jsonl", path=["a/" * 1_000_000, "c.png"])
    with pytest.raises(DataError, match=r"1 path in .* takes more than 4,096 char") as caught:
        ListedFiles(table)
    assert "--column" in caught.value.hint


def test_a_name_that_no_folder_can_hold_is_missing(folder):
    table = write(folder / "images.jsonl", path=["a word " * 100, "c.png"])
    with pytest.raises(MissingFileError, match=r"1 file of .* is not in .*'a word"):
        ListedFiles(table)
