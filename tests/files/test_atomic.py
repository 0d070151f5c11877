"""Outputs that are whole or absent."""

import contextlib
import errno
import os
import shutil
import stat

import pytest

from invert_core.errors import ExistingOutputError, MissingFileError, StorageError
from invert_core.files.atomic import new_file, new_folder
from invert_core.files.outputs import check_target, refuse_foreign


def only_a_run(folder):
    refuse_foreign(folder, "run.json", {"run.json"}, "a run")


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
    with new_folder(tmp_path / "run", refuse=only_a_run) as partial:
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
        new_folder(tmp_path / "run", refuse=only_a_run, overwrite=True) as partial,
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
        new_folder(tmp_path / "run", refuse=only_a_run, overwrite=True) as partial,
    ):
        (partial / "run.json").write_text("new")
    assert os.listdir(tmp_path) == ["run"]
    assert (tmp_path / "run" / "run.json").read_text() == "old"


def test_an_empty_folder_may_be_replaced_on_request(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(ExistingOutputError), new_folder(tmp_path / "run", refuse=only_a_run):
        pytest.fail("the block was entered")
    with new_folder(tmp_path / "run", refuse=only_a_run, overwrite=True) as partial:
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
        pytest.raises(ExistingOutputError, match="not a folder"),
        new_folder(tmp_path / "run", refuse=only_a_run, overwrite=True),
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


@pytest.mark.skipif(os.name != "posix", reason="other systems do not open folders")
@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_survives_a_loss_of_power(tmp_path, monkeypatch, existing):
    # Before it gets its name all that is in it is on disk; before the old one goes, its name is.
    events = []
    sync, move, remove = os.fsync, os.replace, shutil.rmtree

    def note_sync(number):
        events.append(("sync", os.fstat(number).st_ino))
        sync(number)

    def note_move(source, target):
        events.append(("move", os.stat(source).st_ino))
        move(source, target)

    def note_remove(folder, **options):
        events.append(("remove", str(folder).rpartition(".")[2]))
        remove(folder, **options)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_move)
    monkeypatch.setattr(shutil, "rmtree", note_remove)
    if existing:
        (tmp_path / "run").mkdir()
    with new_folder(tmp_path / "run", refuse=only_a_run, overwrite=True) as partial:
        (partial / "run.json").write_text("{}")
        (partial / "more").mkdir()
        (partial / "more" / "x").write_text("x")
        inside = [partial, *partial.rglob("*")]
        synced = {("sync", path.stat().st_ino) for path in inside}
        moved = ("move", partial.stat().st_ino)
    parent = ("sync", tmp_path.stat().st_ino)
    assert synced <= set(events[: events.index(moved)])
    assert parent in events[events.index(moved) :]
    if existing:
        assert events.index(parent) < events.index(("remove", "old"))


def test_a_folder_that_appears_meanwhile_is_not_deleted(tmp_path):
    target = tmp_path / "run"

    def work():
        with new_folder(target, refuse=only_a_run) as partial:
            (partial / "run.json").write_text("ours")
            target.mkdir()
            (target / "thesis.txt").write_text("precious")

    with pytest.raises(ExistingOutputError):
        work()
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "thesis.txt"]


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path):
    target = tmp_path / "x.csv"

    def work():
        with new_file(target) as partial:
            partial.write_text("ours")
            target.write_text("precious")

    with pytest.raises(ExistingOutputError, match="meantime"):
        work()
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    assert target.read_text() == "precious"


def test_a_folder_that_cannot_be_made_is_known_before_the_work(tmp_path):
    too_long = tmp_path / ("n" * 300)
    with (
        pytest.raises(StorageError, match="too long"),
        new_folder(too_long, refuse=only_a_run),
    ):
        pytest.fail("the work began")


def test_the_longest_name_that_is_allowed_can_be_the_output(tmp_path):
    target = tmp_path / ("n" * 255)
    with new_file(target) as partial:
        partial.write_text("whole")
    assert target.read_text() == "whole"


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_a_file_that_cannot_be_synced_leaves_nothing_under_its_name(tmp_path, monkeypatch, error):
    def fail(_number):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with (
        pytest.raises((KeyboardInterrupt, StorageError)),
        new_file(tmp_path / "x.csv") as partial,
    ):
        partial.write_text("whole")
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_leads_nowhere_is_refused_before_the_work(tmp_path):
    (tmp_path / "x.csv").symlink_to("nowhere")
    with pytest.raises(ExistingOutputError, match="exists"):
        check_target(tmp_path / "x.csv", overwrite=False)


def test_files_move_into_place_where_there_are_no_hard_links(tmp_path, monkeypatch):
    def refuse(_source, _target):
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    with new_file(tmp_path / "x.csv") as partial:
        partial.write_text("whole")
    assert (tmp_path / "x.csv").read_text() == "whole"
    assert os.listdir(tmp_path) == ["x.csv"]


@pytest.mark.parametrize(
    ("number", "refused"), [(errno.EINVAL, False), (errno.ENOTSUP, False), (errno.EIO, True)]
)
def test_a_file_system_that_does_not_sync_folders_is_no_reason_to_fail(
    tmp_path, monkeypatch, number, refused
):
    sync = os.fsync

    def fsync(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(number, os.strerror(number))
        sync(file)

    monkeypatch.setattr(os, "fsync", fsync)
    with (
        pytest.raises(StorageError) if refused else contextlib.nullcontext(),
        new_file(tmp_path / "x") as partial,
    ):
        partial.write_text("whole")
    assert (tmp_path / "x").read_text() == "whole"


def test_a_link_to_itself_is_no_place_for_a_folder(tmp_path):
    (tmp_path / "run").symlink_to("run")
    with (
        pytest.raises(ExistingOutputError, match="a link that leads nowhere"),
        new_folder(tmp_path / "run", refuse=only_a_run, overwrite=True),
    ):
        pytest.fail("the work began")
