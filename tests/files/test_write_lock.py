import os
import subprocess
import sys

from invert_core.files.leftovers import clear_leftovers
from invert_core.files.write_lock import WriteLock, try_lock


def opened(path):
    return os.open(path, os.O_RDWR | os.O_CREAT)


def test_a_lock_is_free_again_when_its_file_is_closed(tmp_path):
    first, second = opened(tmp_path / "lock"), opened(tmp_path / "lock")
    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)
    os.close(second)


def test_a_killed_process_keeps_no_lock(tmp_path):
    code = (
        "import os, sys, time\n"
        "from invert_core.files.write_lock import try_lock\n"
        "print(try_lock(os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)), flush=True)\n"
        "time.sleep(600)\n"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path / "lock"], stdout=subprocess.PIPE, text=True
    )
    file = opened(tmp_path / "lock")
    with owner:
        assert owner.stdout.readline() == "True\n"
        assert not try_lock(file)
        owner.kill()
    assert try_lock(file)
    os.close(file)


def test_the_lock_of_a_killed_process_is_cleared_and_one_that_is_held_stays(tmp_path):
    path, place = tmp_path / "x.h5", tmp_path / ".x.h5.lock"
    place.touch()
    clear_leftovers(path)
    assert not place.exists()
    held = WriteLock(path)
    clear_leftovers(path)
    assert place.exists()
    held.release()
    assert not list(tmp_path.iterdir())
