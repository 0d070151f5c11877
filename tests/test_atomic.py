"""Outputs that are whole or absent."""

import errno
import os

import pytest

from invert_core.atomic import check_target, new_file, new_folder
from invert_core.errors import ExistingOutputError, MissingFileError, StorageError


def write_half(path, error):
    path.write_text("half")
    raise error


def test_a_file_appears_when_it_is_whole(tmp_path):
    target = tmp_path / "x.csv"
    with new_file(target) as partial:
        partial.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_file_that_fails_leaves_nothing(tmp_path, error):
    with pytest.raises(error), new_file(tmp_path / "x.csv") as partial:
        write_half(partial, error)
    assert os.listdir(tmp_path) == []


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    (tmp_path / "x.csv").write_text("old")
    with (
        pytest.raises(ZeroDivisionError),
        new_file(tmp_path / "x.csv", overwrite=True) as partial,
    ):
        write_half(partial, ZeroDivisionError)
    assert (tmp_path / "x.csv").read_text() == "old"
    assert os.listdir(tmp_path) == ["x.csv"]


def test_a_folder_appears_when_it_is_whole(tmp_path):
    with new_folder(tmp_path / "run", marker="run.json") as partial:
        (partial / "run.json").write_text("{}")
        assert not (tmp_path / "run").exists()
    assert os.listdir(tmp_path) == ["run"]
    assert os.listdir(tmp_path / "run") == ["run.json"]


@pytest.mark.parametrize("error", [ZeroDivisionError, KeyboardInterrupt])
def test_a_folder_that_fails_leaves_the_old_one(tmp_path, error):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("old")
    with (
        pytest.raises(error),
        new_folder(tmp_path / "run", marker="run.json", overwrite=True) as partial,
    ):
        write_half(partial / "run.json", error)
    assert os.listdir(tmp_path) == ["run"]
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_a_folder_that_cannot_be_moved_into_place_leaves_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "run.json").write_text("old")
    move = os.replace

    def refuse(source, target):
        if str(source).endswith(".partial"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        move(source, target)

    monkeypatch.setattr(os, "replace", refuse)
    with (
        pytest.raises(StorageError, match="Input/output error"),
        new_folder(tmp_path / "run", marker="run.json", overwrite=True) as partial,
    ):
        (partial / "run.json").write_text("new")
    assert os.listdir(tmp_path) == ["run"]
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_an_empty_folder_may_be_replaced_on_request(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(ExistingOutputError), new_folder(tmp_path / "run", marker="run.json"):
        pytest.fail("the block was entered")
    with new_folder(tmp_path / "run", marker="run.json", overwrite=True) as partial:
        (partial / "run.json").write_text("{}")
    assert os.listdir(tmp_path / "run") == ["run.json"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_has_no_marker_is_never_replaced(tmp_path, kind):
    if kind == "folder":
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "thesis.txt").write_text("years of work")
    else:
        (tmp_path / "run").write_text("years of work")
    with (
        pytest.raises(ExistingOutputError, match=r"not a folder with a run\.json"),
        new_folder(tmp_path / "run", marker="run.json", overwrite=True),
    ):
        pytest.fail("the block was entered")


def test_a_full_disk_is_a_storage_error(tmp_path):
    with pytest.raises(StorageError, match="No space left on device"), new_file(tmp_path / "x"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert os.listdir(tmp_path) == []


def test_targets_are_checked_before_any_work(tmp_path):
    with pytest.raises(MissingFileError, match="does not exist"):
        check_target(tmp_path / "none" / "x", overwrite=True)
    (tmp_path / "x").write_text("")
    with pytest.raises(ExistingOutputError, match="--overwrite"):
        check_target(tmp_path / "x", overwrite=False)
    check_target(tmp_path / "x", overwrite=True)
