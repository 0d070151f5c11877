"""The writer: resuming, refusing, and losing nothing."""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.activations import ActivationWriter, open_activations
from invert_core.errors import (
    DataError,
    ExistingOutputError,
    FileFormatError,
    SettingError,
    StaleFileError,
    StorageError,
)

ROOT = Path(__file__).parents[3]
FINGERPRINT = {"model": "abc", "layers": ["fc"], "preprocessing": {"mean": [0.5]}}


def matrix(rows, units, seed=0):
    return np.random.default_rng(seed).normal(size=(rows, units)).astype(np.float32)


def writer_of(path, rows, **settings):
    return ActivationWriter(path, n_samples=rows, **{"fingerprint": FINGERPRINT} | settings)


def fill(writer, values, batch=100, stop=None):
    """Write rows from where the writer is to `stop`."""
    for row in range(writer.rows_done, stop or len(values), batch):
        writer.write({"fc": values[row : min(row + batch, stop or len(values))]})


def finish(path, values, **settings):
    with writer_of(path, len(values), **settings) as writer:
        fill(writer, values)
        writer.finish()


def read(path):
    with open_activations(path) as activations:
        return {name: a.read(0, a.n_units).T for name, a in activations.layers.items()}


@settings(max_examples=25, deadline=None)
@given(
    rows=st.sampled_from([2, 3, 1023, 1024, 1025, 2048, 2049]),
    units=st.lists(st.sampled_from([1, 2, 63, 64, 65, 130]), min_size=1, max_size=3),
    batch=st.sampled_from([1000, 1024, 1, 7, 333, 3000]),
    dtype=st.sampled_from(["float32", "float16"]),
    seed=st.integers(0, 3),
)
def test_what_is_written_is_read_back(tmp_path_factory, rows, units, batch, dtype, seed):
    if batch == 1:
        rows = min(rows, 1025)
    path = tmp_path_factory.mktemp("round") / "x.h5"
    layers = {f"b/{i}.relu": matrix(rows, k, seed + i) for i, k in enumerate(units)}
    with writer_of(path, rows, dtype=dtype, sample_id=[f"{i}.png" for i in range(rows)]) as writer:
        for row in range(0, rows, batch):
            writer.write({name: values[row : row + batch] for name, values in layers.items()})
        writer.finish()
    assert os.listdir(path.parent) == ["x.h5"]
    found = read(path)
    assert list(found) == list(layers)
    for name, values in layers.items():
        assert np.array_equal(found[name], values.astype(dtype))


@pytest.mark.parametrize("name", [".", "..", "a/b", "ü %2F", "/", " ", "a:b"])
def test_any_layer_name_survives(tmp_path, name):
    path = tmp_path / "x.h5"
    with writer_of(path, 2) as writer:
        writer.write({name: matrix(2, 1)})
        writer.finish()
    assert list(read(path)) == [name]


def test_layers_keep_their_order(tmp_path):
    names = [f"layer{i}" for i in (3, 1, 2, *range(10, 30))]
    with writer_of(tmp_path / "x.h5", 2) as writer:
        writer.write({name: matrix(2, 1) for name in names})
        writer.finish()
    assert list(read(tmp_path / "x.h5")) == names


def test_chunks_are_as_the_format_says(tmp_path):
    finish(tmp_path / "x.h5", matrix(1500, 100))
    with h5py.File(tmp_path / "x.h5") as file:
        data = file["layers/fc/activations"]
        assert data.chunks == (1024, 64)
        assert data.compression is None
        assert data.dtype == "<f4"
        assert file.attrs["rows_done"] == 1500


@pytest.mark.parametrize("stop", [1, 1023, 1024, 1025, 2900, 2999])
def test_an_interrupted_file_resumes_at_the_last_row_that_was_written(tmp_path, stop):
    path, values = tmp_path / "x.h5", matrix(3000, 70)
    with writer_of(path, 3000) as writer:
        fill(writer, values, stop=stop)
    assert not path.exists()
    with writer_of(path, 3000) as writer:
        assert writer.rows_done == stop
        assert writer.n_units == {"fc": 70}
        fill(writer, values)
        writer.finish()
    assert np.array_equal(read(path)["fc"], values)


def test_a_file_that_has_all_rows_but_not_its_name_is_finished(tmp_path):
    path, values = tmp_path / "x.h5", matrix(2048, 3)
    with writer_of(path, 2048) as writer:
        fill(writer, values)
    with writer_of(path, 2048) as writer:
        assert writer.rows_done == 2048
        writer.finish()
    assert np.array_equal(read(path)["fc"], values)


def test_without_a_row_nothing_is_left_behind(tmp_path):
    values = np.full((3000, 3), np.nan)
    with writer_of(tmp_path / "x.h5", 3000) as writer, pytest.raises(DataError, match="NaN"):
        writer.write({"fc": values})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("save_every", [0, 1e9])
def test_rows_are_marked_when_the_time_for_it_has_come(tmp_path, save_every):
    with writer_of(tmp_path / "x.h5", 3000, save_every=save_every) as writer:
        fill(writer, matrix(3000, 3), stop=500)
        assert writer.rows_done == (500 if save_every == 0 else 0)


@settings(max_examples=30, deadline=None)
@given(
    stops=st.lists(st.integers(1, 2100), max_size=4).map(sorted),
    batch=st.sampled_from([1000, 1024, 37, 3000]),
    save_every=st.sampled_from([0, 1e9]),
)
def test_a_file_that_was_stopped_anywhere_is_the_same_to_the_byte(
    tmp_path_factory, stops, batch, save_every
):
    folder, values = tmp_path_factory.mktemp("stops"), matrix(2100, 65)
    finish(folder / "whole.h5", values)
    for stop in stops:
        with writer_of(folder / "x.h5", 2100, save_every=save_every) as writer:
            fill(writer, values, batch, stop)
    with writer_of(folder / "x.h5", 2100) as writer:
        assert writer.rows_done == max(stops, default=0)
        fill(writer, values, batch)
        writer.finish()
    assert (folder / "x.h5").read_bytes() == (folder / "whole.h5").read_bytes()


def test_a_finished_file_is_not_written_again(tmp_path):
    path = tmp_path / "x.h5"
    finish(path, matrix(1500, 3))
    before = path.stat().st_mtime_ns
    with writer_of(path, 1500) as writer:
        assert writer.finished
        assert writer.rows_done == 1500
        assert writer.n_units == {"fc": 3}
        writer.finish()
    assert path.stat().st_mtime_ns == before


def other(**fields):
    return {"fingerprint": FINGERPRINT | fields}


@pytest.mark.parametrize("state", ["finished", "unfinished"])
@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"model": "xyz"}, 'model "abc", now it is "xyz"'),
        ({"preprocessing": {"mean": [0.1]}}, r"preprocessing\.mean \[0\.5\], now it is \[0\.1\]"),
        ({"new": 1}, "new null, now it is 1"),
        ({"model": "xyz", "layers": ["conv"]}, "different are also: layers"),
        ({"model": "x" * 500}, "now it is .{50,70}…"),
    ],
)
def test_a_stale_file_names_the_field_that_differs(tmp_path, state, fields, said):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with writer_of(path, 3000) as writer:
        fill(writer, values)
        if state == "finished":
            writer.finish()
    before = {file: (tmp_path / file).read_bytes() for file in os.listdir(tmp_path)}
    with pytest.raises(StaleFileError, match=said) as caught:
        writer_of(path, 3000, **other(**fields))
    assert "--overwrite" in caught.value.hint
    assert {file: (tmp_path / file).read_bytes() for file in os.listdir(tmp_path)} == before


def test_overwriting_keeps_the_finished_file_until_the_new_one_is_whole(tmp_path):
    path, old, new = tmp_path / "x.h5", matrix(3000, 3), matrix(3000, 5, seed=1)
    finish(path, old)
    with writer_of(path, 3000, overwrite=True, **other(model="xyz")) as writer:
        assert writer.rows_done == 0
        fill(writer, new, stop=2500)
        assert np.array_equal(read(path)["fc"], old)
    assert np.array_equal(read(path)["fc"], old)
    with writer_of(path, 3000, **other(model="xyz")) as writer:
        assert writer.rows_done == 2500
        fill(writer, new)
        writer.finish()
    assert np.array_equal(read(path)["fc"], new)


def test_overwriting_starts_anew(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with writer_of(path, 3000) as writer:
        fill(writer, values)
    with writer_of(path, 3000, overwrite=True) as writer:
        assert writer.rows_done == 0
        assert not writer.finished


def test_a_file_of_another_contract_is_said_to_be_of_another_version(tmp_path):
    path, values = tmp_path / "x.h5", matrix(10, 3)
    finish(path, values, **other(contract=1))
    with pytest.raises(StaleFileError, match=r"made by another version of invert .*contract 1"):
        writer_of(path, 10, **other(contract=2, new=3))


@pytest.mark.parametrize("content", [b"", b"precious", None])
def test_a_file_of_something_else_is_left_alone(tmp_path, content):
    path = tmp_path / "x.h5"
    if content is None:
        with h5py.File(path, "w") as file:
            file.attrs.update({"format": "invert-activations", "format_version": 1})
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(ExistingOutputError, match="--overwrite"):
        writer_of(path, 10)
    assert path.read_bytes() == before


def test_an_unfinished_file_under_the_final_name_is_not_taken_for_finished(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    unfinished(path, values, stop=2000).rename(path)
    with pytest.raises(ExistingOutputError, match=r"not a whole file of activations.*--overwrite"):
        writer_of(path, 3000)
    finish(path, values, overwrite=True)
    assert np.array_equal(read(path)["fc"], values)


def test_a_folder_is_never_replaced(tmp_path):
    with pytest.raises(ExistingOutputError, match="folder"):
        writer_of(tmp_path, 10, overwrite=True)


def test_a_missing_folder_is_said_at_once(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        writer_of(tmp_path / "no" / "x.h5", 10)


def unfinished(path, values, stop=None):
    with writer_of(path, len(values)) as writer:
        fill(writer, values, stop=stop)
    return path.with_name("x.h5.partial")


@pytest.mark.parametrize("keep", [0, 100, 5000])
def test_a_corrupt_unfinished_file_asks_for_overwrite(tmp_path, keep):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    partial = unfinished(path, values)
    partial.write_bytes(partial.read_bytes()[:keep])
    with pytest.raises(FileFormatError, match=r"broken.*--overwrite"):
        writer_of(path, 3000)
    finish(path, values, overwrite=True)
    assert np.array_equal(read(path)["fc"], values)
    assert not partial.exists()


def test_a_fingerprint_nested_too_deep_is_none(tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        file.attrs["fingerprint"] = "[" * 60_000
    with pytest.raises(FileFormatError, match="not made by an extraction"):
        writer_of(path, 3000)


def more_rows_than_samples(file):
    file.attrs["rows_done"] = 3001


def other_chunks(file):
    del file["layers/fc/activations"]
    file.create_dataset("layers/fc/activations", (3000, 3), "f4", chunks=(100, 3))


def compressed_chunks(file):
    del file["layers/fc/activations"]
    values = np.zeros((3000, 3), "f4")
    file.create_dataset("layers/fc/activations", data=values, chunks=(1024, 3), compression=1)


def no_chunks(file):
    del file["layers/fc/activations"]
    file["layers/fc/activations"] = np.zeros((3000, 3), "f4")


@pytest.mark.parametrize(
    "spoil", [more_rows_than_samples, other_chunks, compressed_chunks, no_chunks]
)
def test_an_unfinished_file_of_another_layout_asks_for_overwrite(tmp_path, spoil):
    path = tmp_path / "x.h5"
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        spoil(file)
    with pytest.raises(FileFormatError, match=r"broken.*--overwrite"):
        writer_of(path, 3000)


def test_an_unfinished_file_that_points_elsewhere_is_not_written(tmp_path):
    path = tmp_path / "x.h5"
    finish(tmp_path / "precious.h5", matrix(3000, 3))
    with h5py.File(unfinished(path, matrix(3000, 3)), "r+") as file:
        del file["layers/fc"]
        file["layers/fc"] = h5py.ExternalLink("precious.h5", "/layers/fc")
    with pytest.raises(FileFormatError, match="link"):
        writer_of(path, 3000)


def test_an_unfinished_file_without_rows_is_started_anew_whatever_it_was_made_from(tmp_path):
    path, values = tmp_path / "x.h5", matrix(3000, 3)
    with h5py.File(unfinished(path, values), "r+") as file:
        file.attrs["rows_done"] = 0
    finish(path, values, **other(model="xyz"))
    assert np.array_equal(read(path)["fc"], values)


HOLD = """
import sys
from pathlib import Path
import numpy as np
from invert_core.activations import ActivationWriter
with ActivationWriter(Path(sys.argv[1]), n_samples=3000, fingerprint={FINGERPRINT}) as writer:
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


def test_nan_is_refused_and_all_rows_before_its_batch_are_kept(tmp_path):
    values = matrix(3000, 3)
    values[2500, 1] = np.nan
    path = tmp_path / "x.h5"
    with writer_of(path, 3000, sample_id=[f"{i}.png" for i in range(3000)]) as writer:
        with pytest.raises(DataError, match=r"unit fc:1 is NaN for sample '2500\.png'"):
            fill(writer, values)
        assert writer.rows_done == 2048
    values[2500, 1] = 0
    with writer_of(path, 3000, sample_id=[f"{i}.png" for i in range(3000)]) as writer:
        assert writer.rows_done == 2500


def test_a_value_beyond_float16_is_refused(tmp_path):
    values = matrix(10, 3)
    values[4, 2] = 70000
    with (
        writer_of(tmp_path / "x.h5", 10, dtype="float16") as writer,
        pytest.raises(DataError, match="fc:2 is too large for float16 for row 4"),
    ):
        writer.write({"fc": values})


def test_infinity_stays_infinity_in_float16(tmp_path):
    values = np.array([[np.inf], [-np.inf]], np.float32)
    finish(tmp_path / "x.h5", values, dtype="float16")
    assert np.array_equal(read(tmp_path / "x.h5")["fc"], values)


def test_other_types_of_file_are_refused(tmp_path):
    with pytest.raises(SettingError, match="float64"):
        writer_of(tmp_path / "x.h5", 10, dtype="float64")


def test_too_few_and_too_many_rows_are_refused(tmp_path):
    with writer_of(tmp_path / "x.h5", 10) as writer:
        writer.write({"fc": matrix(8, 3)})
        with pytest.raises(DataError, match="8 samples, not the 10"):
            writer.finish()
        with pytest.raises(DataError, match="more than the 10"):
            writer.write({"fc": matrix(3, 3)})


def test_units_that_change_between_batches_are_refused(tmp_path):
    with writer_of(tmp_path / "x.h5", 10) as writer:
        writer.write({"fc": matrix(5, 3)})
        with pytest.raises(DataError, match="had 3 units"):
            writer.write({"fc": matrix(5, 4)})


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
from invert_core.activations import ActivationWriter, open_activations
from invert_core.errors import StorageError
from tests.activations.test_sparse import dense
folder, sparse = Path(sys.argv[1]), sys.argv[2:]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
random = np.random.default_rng(0)
values = random.normal(size=(8000, 100)).astype(np.float32)
values[random.random(values.shape) < 0.6] = 0
def run():
    settings = dict(n_samples=8000, fingerprint={"a": 1}, sparse=sparse)
    with ActivationWriter(folder / "x.h5", **settings) as writer:
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
