"""Files that change, are replaced or vanish while they are read are refused."""

import os
import time

import pytest

from invert_core.errors import ChangedFileError, DataError, InvertError
from invert_core.files.unchanged import Watched, unchanged


def write(path):
    with path.open("r+b") as file:
        file.write(b"X")
    os.utime(path, ns=(0, time.time_ns() + 10**9))  # clocks of files may be coarse


def replace(path):
    stamp = path.stat()
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    os.utime(other, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    other.replace(path)


CHANGES = {
    "changed while": write,
    "was replaced by another file": replace,
    "was moved or removed": lambda path: path.unlink(),
    "'.*' changed": lambda path: os.truncate(path, 1),
}


@pytest.fixture
def path(tmp_path):
    (tmp_path / "x").write_bytes(b"whole")
    return tmp_path / "x"


@pytest.mark.parametrize("said", CHANGES)
def test_a_change_is_told_at_the_end(path, said):
    with pytest.raises(ChangedFileError, match=said) as caught, unchanged(path):
        CHANGES[said](path)
    assert caught.value.hint
    assert isinstance(caught.value, InvertError)


@pytest.mark.parametrize("said", CHANGES)
def test_a_change_is_told_instead_of_what_it_seems_to_be(path, said):
    def fail():
        CHANGES[said](path)
        error = DataError("The table ends too early.")
        error.add_note("This is in row 7.")
        raise error

    with pytest.raises(ChangedFileError, match=said) as caught, unchanged(path):
        fail()
    assert isinstance(caught.value.__cause__, DataError)
    assert "This is in row 7." in str(caught.value)


def interrupted_after_a_change(path):
    write(path)
    raise KeyboardInterrupt


def test_other_errors_and_interrupts_stay_what_they_are(path):
    for error in (DataError("x"), KeyboardInterrupt(), OSError("y")):
        with pytest.raises(type(error)), unchanged(path):
            raise error
    with pytest.raises(KeyboardInterrupt), unchanged(path):
        interrupted_after_a_change(path)


def test_reading_and_linking_change_nothing(path):
    with unchanged(path):
        path.read_bytes()
        os.link(path, path.with_name("second"))


def test_pipes_devices_and_missing_files_have_no_stamp(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    Watched(tmp_path / "pipe", tmp_path / "absent", tmp_path, "/dev/null").check()
