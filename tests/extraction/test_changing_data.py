"""Samples and models that change during an extraction give no file, and no row after the change."""

import os
import tarfile
import zipfile

import h5py
import numpy as np
import pytest
from PIL import Image

from invert_core import extract
from invert_core.data.images.image_files import FolderFiles
from invert_core.data.images.image_source import ImageSource
from invert_core.data.images.listed_files import ListedFiles
from invert_core.data.images.preprocess import Preprocess
from invert_core.data.images.tar_files import TarFiles
from invert_core.data.images.zip_files import ZipFiles
from invert_core.errors import ChangedFileError
from tests.fake_model import N_FEATURES, FakeModel
from tests.needs import need

SAMPLES = np.random.default_rng(0).normal(size=(40, N_FEATURES)).astype("f4")


def touch(path):
    stamp = path.stat()
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns + 10**6))


def save(path):
    """The samples in a file that is read batch by batch."""
    if path.suffix == ".npy":
        np.save(path, SAMPLES)
    elif path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["x"] = SAMPLES
    else:
        need("safetensors.numpy").save_file({"x": SAMPLES}, path)
    return path


@pytest.mark.parametrize("name", ["x.npy", "x.h5", "x.safetensors"])
def test_an_array_file_that_changes_is_refused_and_no_later_row_is_kept(tmp_path, name):
    path, output = save(tmp_path / name), tmp_path / "acts.h5"
    n_batches = 0

    def change(_):
        nonlocal n_batches
        n_batches += 1
        if n_batches == 5:  # the first of them try the model out
            touch(path)

    model = FakeModel(fail=change)
    with pytest.raises(ChangedFileError, match=f"{name}' changed while") as caught:
        extract(model, path, output, ["out"], batch_size=4)
    assert not output.exists()
    partial = tmp_path / "acts.h5.partial"
    if partial.exists():
        with h5py.File(partial) as file:
            assert file.attrs["rows_done"] < 4 * n_batches
        assert "only if these samples and the model are as they were" in str(caught.value)


def test_an_npz_file_is_read_as_a_whole_and_may_change_afterwards(tmp_path):
    np.savez(tmp_path / "x.npz", x=SAMPLES)
    model = FakeModel(fail=lambda _: touch(tmp_path / "x.npz"))
    extract(model, tmp_path / "x.npz", tmp_path / "acts.h5", ["out"], batch_size=4)


def pictures(folder):
    folder.mkdir()
    for number in range(3):
        Image.new("RGB", (4, 4), (number, 0, 0)).save(folder / f"{number}.png")
    return folder


def packed(tmp_path, name):
    folder, path = pictures(tmp_path / "images"), tmp_path / name
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for each in sorted(folder.iterdir()):
                archive.write(each, each.name)
    else:
        with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
            for each in sorted(folder.iterdir()):
                archive.add(each, each.name)
    return path


def listed(tmp_path):
    pictures(tmp_path / "images")
    table = tmp_path / "list.csv"
    table.write_text("path\nimages/0.png\nimages/1.png\nimages/2.png\n")
    return ListedFiles(table)


@pytest.mark.parametrize(
    ("make", "name", "prefix"),
    [
        (lambda tmp_path: FolderFiles(pictures(tmp_path / "images")), "images/2.png", ""),
        (listed, "images/2.png", "images/"),
        (lambda tmp_path: ZipFiles(packed(tmp_path, "x.zip")), "x.zip", ""),
        (lambda tmp_path: TarFiles(packed(tmp_path, "x.tar")), "x.tar", ""),
        (lambda tmp_path: TarFiles(packed(tmp_path, "x.tar.gz")), "x.tar.gz", ""),
    ],
    ids=["folder", "list", "zip", "tar", "tar.gz"],
)
def test_an_image_that_changed_since_it_was_listed_is_refused(tmp_path, make, name, prefix):
    files = make(tmp_path)
    with files.opened() as read:
        assert read(f"{prefix}0.png") == (tmp_path / "images" / "0.png").read_bytes()
        touch(tmp_path / name)
        with pytest.raises(ChangedFileError, match=name):
            read(f"{prefix}2.png")


def test_a_changed_image_is_not_taken_for_a_bad_one(tmp_path):
    files = FolderFiles(pictures(tmp_path / "images"))
    touch(tmp_path / "images" / "1.png")
    for workers in (0, 1):
        with pytest.raises(ChangedFileError, match=r"1\.png"):
            ImageSource(files, "x", Preprocess(), skip_bad=True, workers=workers)
