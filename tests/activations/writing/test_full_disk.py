"""A disk that is full loses nothing that is marked."""

import errno
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from invert_core.errors import (
    DataError,
    StorageError,
)
from tests.activations.writing.written import ROOT, fill, matrix, read, writer_of


def test_a_full_disk_keeps_what_is_marked(tmp_path, monkeypatch):
    path, values = tmp_path / "x.h5", matrix(3000, 70)

    def full(_):
        raise OSError(errno.ENOSPC, "no space")

    with writer_of(path, 3000) as writer:
        fill(writer, values, stop=1024)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"No space left on device.*Free space"):
            fill(writer, values)
        monkeypatch.undo()
        for go_on in (writer.save, lambda: fill(writer, values), writer.finish):
            with pytest.raises((StorageError, DataError)):
                go_on()
        assert writer.rows_done == 1024, "written again after the system refused"
    with writer_of(path, 3000) as writer:
        assert writer.rows_done == 1024
        fill(writer, values)
        writer.finish()
    assert np.array_equal(read(path)["fc"], values)


def test_a_file_with_rows_that_were_refused_never_gets_its_name(tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "no space")

    values = matrix(1024, 3)
    with writer_of(tmp_path / "x.h5", 1024) as writer:
        fill(writer, values, stop=1000)
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError):
            fill(writer, values[1000:])
        monkeypatch.undo()
        with pytest.raises(StorageError, match="No space left on device"):
            writer.finish()
    assert os.listdir(tmp_path) == []


FILL_DISK = """
import subprocess, sys
from pathlib import Path
import numpy as np
from invert_core.activations import ActivationWriter, Origin, open_activations
from invert_core.errors import StorageError
from tests.activations.test_sparse import dense
folder, sparse = Path(sys.argv[1]), sys.argv[2:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
random = np.random.default_rng(0)
values = random.normal(size=(8000, 100)).astype(np.float32)
values[random.random(values.shape) < 0.6] = 0


def run():
    origin = Origin(8000, fingerprint={"a": 1}, sparse=sparse)
    with ActivationWriter(folder / "x.h5", origin) as writer:
        start = writer.rows_done
        try:
            for row in range(start, 8000, 100):
                writer.write({"fc": values[row : row + 100]})
            writer.finish()
        except StorageError as error:
            assert "No space left on device" in str(error), error
            return start, writer.rows_done
        return start, "finished"
_, kept = run()
assert 1024 <= kept < 8000, kept
assert run() == (kept, kept)
if sparse:
    subprocess.run(["mount", "-o", "remount,size=4m", folder], check=True)
    assert run() == (kept, 8000), "there was space for the columns"
    kept = 8000
subprocess.run(["mount", "-o", "remount,size=20m", folder], check=True)
assert run() == (kept, "finished")
with open_activations(folder / "x.h5") as activations:
    found = activations.layers["fc"].read(0, 100)
    assert np.array_equal(dense(found) if sparse else found, values.T)
assert [path.name for path in folder.iterdir()] == ["x.h5"]
print("good")
"""


def can_mount():
    if shutil.which("unshare") is None:
        return False
    command = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "x",
        "/mnt",
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="small file systems cannot be mounted here")
@pytest.mark.parametrize("sparse", [[], ["fc"]])
def test_a_disk_that_is_really_full_keeps_what_is_marked(tmp_path, sparse):
    command = ["unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", FILL_DISK]
    done = subprocess.run(
        [*command, str(tmp_path), *sparse],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert (done.stdout, done.stderr, done.returncode) == ("good\n", "", 0)
