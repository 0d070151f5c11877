"""Two processes and one output."""

import contextlib
import os
import subprocess
import sys

import numpy as np
import pytest

from invert_core.errors import (
    ExistingOutputError,
    FileFormatError,
    StorageError,
)
from tests.activations.writing.written import (
    FINGERPRINT,
    ROOT,
    fill,
    finish,
    matrix,
    read,
    unfinished,
    writer_of,
)

HOLD = """
import sys
from pathlib import Path
import numpy as np
from invert_core.activations import ActivationWriter, Origin
with ActivationWriter(Path(sys.argv[1]), Origin(3000, {FINGERPRINT})) as writer:
    writer.write({"fc": np.zeros((1024, 3), np.float32)})
    print("ready", flush=True)
    sys.stdin.read()
""".replace("{FINGERPRINT}", repr(FINGERPRINT))


@contextlib.contextmanager
def another_process_that_writes(path):
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        yield
        process.communicate()
    assert process.returncode == 0


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_another_process_writes_is_left_to_it(tmp_path, overwrite):
    path = tmp_path / "x.h5"
    with (
        another_process_that_writes(path),
        pytest.raises(StorageError, match="Another process is writing"),
    ):
        writer_of(path, 3000, overwrite=overwrite)
    assert writer_of(path, 3000).rows_done == 1024


def test_of_two_that_start_together_the_later_one_stops(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with writer_of(path, 3000) as writer:
        with pytest.raises(StorageError, match="Another process is writing"):
            writer_of(path, 3000, overwrite=True)
        fill(writer, values)
        writer.finish()
    assert np.array_equal(read(path)["fc"], values)
    assert os.listdir(tmp_path) == ["x.h5"]


def test_the_lock_of_a_killed_process_is_lifted(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=-1, stdout=-1, cwd=ROOT
    ) as process:
        assert process.stdout.readline() == b"ready\n"
        process.kill()
    with writer_of(path, 3000) as writer:
        assert writer.rows_done == 1024
        fill(writer, values)
        writer.finish()
    assert os.listdir(tmp_path) == ["x.h5"]


def test_a_writer_that_refuses_to_start_keeps_no_lock(tmp_path):
    path = tmp_path / "x.h5"
    unfinished(path, matrix(3000, 3)).write_bytes(b"broken")
    with pytest.raises(FileFormatError) as refusal:
        writer_of(path, 3000)
    assert refusal.tb is not None  # its frames hold the writer
    finish(path, matrix(3000, 3), overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_that_appears_meanwhile_is_replaced_only_on_request(tmp_path, overwrite):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with writer_of(path, 3000, overwrite=overwrite) as writer:
        fill(writer, values)
        path.write_text("precious")
        if overwrite:
            writer.finish()
        else:
            with pytest.raises(ExistingOutputError, match=r"all rows are kept in '.*\.partial'"):
                writer.finish()
    if not overwrite:
        assert path.read_text() == "precious"
        path.unlink()
        finish(path, values)
    assert np.array_equal(read(path)["fc"], values)


def test_a_finished_file_needs_no_right_to_write(tmp_path, monkeypatch):
    path = tmp_path / "x.h5"
    finish(path, matrix(1500, 3))
    monkeypatch.setattr(os, "open", lambda *_: pytest.fail("a file was opened for writing"))
    assert writer_of(path, 1500).finished
