"""Sparse layers: rows in a file beside, columns at the end, and nothing lost between."""

import errno
import io
import itertools
import logging
import os

import h5py
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.activations import ActivationWriter, Origin, open_activations
from invert_core.activations.writing import partial_file, sparse_rows
from invert_core.activations.writing.dense_rows import DenseRows
from invert_core.activations.writing.sparse_rows import Record, SparseRows
from invert_core.activations.writing.unfinished_file import UnfinishedFile
from invert_core.errors import ExistingOutputError, FileFormatError, StorageError
from invert_core.files.atomic import move_into_place
from tests.activations.test_sparse import dense

LATENTS, HIDDEN = "sae/latents", "hidden"


def mostly_zero(rows, units, seed=0, share=0.05):
    random = np.random.default_rng(seed)
    values = random.normal(size=(rows, units)).astype(np.float32)
    values[random.random((rows, units)) >= share] = 0
    values[random.random((rows, units)) < 0.01] = -0.0
    values[random.random((rows, units)) < 0.001] = np.inf
    return values


def layers_of(rows, units=100, **settings):
    return {LATENTS: mostly_zero(rows, units, **settings), HIDDEN: mostly_zero(rows, 70, seed=1)}


def writer_of(path, rows, *, overwrite=False, **origin):
    given = {"fingerprint": {"model": "abc"}, "sparse": [LATENTS]}
    return ActivationWriter(path, Origin(rows, **given | origin), overwrite=overwrite)


def fill(writer, layers, stop=None, batch=100):
    stop = len(layers[LATENTS]) if stop is None else stop
    for row in range(writer.rows_done, stop, batch):
        writer.write({name: a[row : min(row + batch, stop)] for name, a in layers.items()})


def finish(path, layers, **settings):
    with writer_of(path, len(layers[LATENTS]), **settings) as writer:
        fill(writer, layers)
        writer.finish()


def read(path):
    with open_activations(path) as activations:
        return {
            name: (dense(a.read(0, a.n_units)) if a.is_sparse else a.read(0, a.n_units)).T
            for name, a in activations.layers.items()
        }


def assert_holds(path, layers, dtype="float32"):
    found = read(path)
    assert list(found) == list(layers)
    for name, values in layers.items():
        assert np.array_equal(found[name], values.astype(dtype))


def names(folder):
    return sorted(os.listdir(folder))


@settings(max_examples=15, deadline=None)
@given(
    rows=st.sampled_from([2, 3, 1023, 1024, 1025, 2049]),
    units=st.sampled_from([1, 2, 100, 300]),
    share=st.sampled_from([0.0, 0.02, 0.3, 1.0]),
    dtype=st.sampled_from(["float32", "float16"]),
    batch=st.sampled_from([1000, 7, 1024, 3000]),
    stops=st.lists(st.integers(1, 2000), max_size=2).map(sorted),
    sparse=st.sampled_from([[LATENTS], [HIDDEN], [LATENTS, HIDDEN]]),
)
def test_sparse_and_dense_files_of_the_same_activations_are_equal(
    tmp_path_factory, rows, units, share, dtype, batch, stops, sparse
):
    folder = tmp_path_factory.mktemp("both")
    layers = layers_of(rows, units, share=share)
    finish(folder / "dense.h5", layers, sparse=(), dtype=dtype)
    for stop in stops:
        with writer_of(folder / "x.h5", rows, sparse=sparse, dtype=dtype) as writer:
            fill(writer, layers, min(stop, rows), batch)
    finish(folder / "x.h5", layers, sparse=sparse, dtype=dtype)
    assert names(folder) == ["dense.h5", "x.h5"]
    assert_holds(folder / "dense.h5", layers, dtype)
    assert_holds(folder / "x.h5", layers, dtype)


def test_a_sparse_layer_is_laid_out_as_the_format_says(tmp_path):
    layers = layers_of(1500)
    finish(tmp_path / "x.h5", layers)
    wanted = scipy.sparse.csc_array(layers[LATENTS])
    wanted.eliminate_zeros()
    with h5py.File(tmp_path / "x.h5") as file:
        group = file["layers/sae%2Flatents"]
        checksums = {"data_checksum", "indices_checksum"}
        assert set(group) == {"data", "indices", "indptr"} | checksums
        assert group.attrs["shape"].tolist() == [1500, 100]
        assert set(file.attrs) == {"format", "format_version", "fingerprint", "versions"} | {
            *("rows_done", "checksum")
        }
        for name in ("data", "indices", "indptr"):
            assert np.array_equal(group[name], getattr(wanted, name))
        types = [group[name].dtype for name in ("data", "indices", "indptr")]
        assert types == ["<f4", "<i4", "<i8"]


@settings(max_examples=50, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 49), max_size=4, unique=True).map(sorted),
    share=st.sampled_from([0.0, 0.1, 1.0]),
    at_once=st.sampled_from([1, 7, 50, 10_000]),
)
def test_columns_are_those_of_scipy_however_rows_and_units_are_cut(cuts, share, at_once):
    values = mostly_zero(50, 20, share=share)
    ends = [0, *cuts, 50]
    records = [Record.of(a, values[a:b]) for a, b in itertools.pairwise(ends)]
    starts = sparse_rows.column_starts(records, 20)
    blocks = list(sparse_rows.columns(lambda: records, starts, values.dtype, at_once))
    wanted = scipy.sparse.csc_array(values)
    wanted.eliminate_zeros()
    assert np.array_equal(starts, wanted.indptr)
    assert np.array_equal(np.concatenate([rows for rows, _ in blocks]), wanted.indices)
    assert np.array_equal(np.concatenate([data for _, data in blocks]), wanted.data)
    longest = np.diff(wanted.indptr).max()
    assert max(data.size for _, data in blocks) <= max(at_once, longest)


def test_more_units_than_are_sorted_at_once_are_put_in_columns():
    values = np.zeros((3, 150_000), np.float32)
    values[[0, 1, 2, 2], [140_000, 3, 70_000, 70_001]] = [1, 2, 3, 4]
    records = [Record.of(0, values)]
    starts = sparse_rows.column_starts(records, 150_000)
    blocks = list(sparse_rows.columns(lambda: records, starts, values.dtype))
    assert np.concatenate([rows for rows, _ in blocks]).tolist() == [1, 2, 2, 0]
    assert np.concatenate([data for _, data in blocks]).tolist() == [2, 3, 4, 1]


def stopping(*_arguments, **_options):
    raise KeyboardInterrupt


def stopping_before_the_last_name(partial, path):
    if path.suffix == ".h5":
        raise KeyboardInterrupt
    move_into_place(partial, path)


STEPS = {
    "invert_core.activations.writing.gathering.shutil.copyfile": stopping,
    "invert_core.activations.writing.gathering._add_datasets": stopping,
    "invert_core.activations.writing.gathering._write": stopping,
    "invert_core.activations.writing.gathering._warn_of_few_zeros": stopping,
    "invert_core.files.atomic.move_into_place": stopping_before_the_last_name,
}


@pytest.mark.parametrize("step", STEPS)
def test_an_end_interrupted_at_any_step_is_repeated_without_new_rows(tmp_path, monkeypatch, step):
    layers = layers_of(1500)
    with monkeypatch.context() as patched:
        patched.setattr(step, STEPS[step])
        with pytest.raises(KeyboardInterrupt):
            finish(tmp_path / "x.h5", layers)
    assert "x.h5" not in names(tmp_path)
    with writer_of(tmp_path / "x.h5", 1500) as writer:
        assert writer.rows_done == 1500
        writer.finish()
    assert_holds(tmp_path / "x.h5", layers)
    assert names(tmp_path) == ["x.h5"]


def test_a_file_in_the_making_that_a_killed_run_left_is_replaced(tmp_path):
    layers = layers_of(1500)
    (tmp_path / "x.h5.partial.new").write_bytes(b"half a file")
    (tmp_path / "x.h5.partial.rows").write_bytes(b"rows of another run")
    finish(tmp_path / "x.h5", layers)
    assert_holds(tmp_path / "x.h5", layers)
    assert names(tmp_path) == ["x.h5"]


def unfinished(path, layers, stop=1300):
    with writer_of(path, len(layers[LATENTS])) as writer:
        fill(writer, layers, stop)
    return path.with_name("x.h5.partial.rows")


@pytest.mark.parametrize("tail", [b"x", b"\0" * 32, b"\xff" * 5000])
def test_what_stands_behind_the_marked_rows_is_cut_off(tmp_path, tail):
    layers = layers_of(1500)
    rows = unfinished(tmp_path / "x.h5", layers)
    rows.write_bytes(rows.read_bytes() + tail)
    finish(tmp_path / "x.h5", layers)
    assert_holds(tmp_path / "x.h5", layers)


def test_opening_an_unfinished_file_changes_nothing(tmp_path):
    layers = layers_of(1500)
    rows = unfinished(tmp_path / "x.h5", layers)
    rows.write_bytes(rows.read_bytes() + b"tail")
    before = {name: (tmp_path / name).read_bytes() for name in names(tmp_path)}
    with writer_of(tmp_path / "x.h5", 1500) as writer:
        assert writer.rows_done == 1300
    assert {name: (tmp_path / name).read_bytes() for name in names(tmp_path)} == before


def spoiled(content, place, value):
    head = np.frombuffer(content, "<i8", 4).copy()
    head[place] = value
    return head.tobytes() + content[32:]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: b"",
        lambda content: content[:-1],
        lambda content: spoiled(content, 0, 1),
        lambda content: spoiled(content, 1, 7),
        lambda content: spoiled(content, 2, 0),
        lambda content: spoiled(content, 2, 2**40),
        lambda content: spoiled(content, 3, -1),
        lambda content: spoiled(content, 3, 2**60),
    ],
)
def test_rows_that_are_broken_ask_for_overwrite(tmp_path, spoil):
    layers = layers_of(1500)
    rows = unfinished(tmp_path / "x.h5", layers)
    rows.write_bytes(spoil(rows.read_bytes()))
    with pytest.raises(FileFormatError, match=r"broken.*\.rows.*--overwrite"):
        writer_of(tmp_path / "x.h5", 1500)
    finish(tmp_path / "x.h5", layers, overwrite=True)
    assert_holds(tmp_path / "x.h5", layers)


def test_rows_are_read_back_whatever_a_system_reads_in_one_call(tmp_path, monkeypatch):
    class Slow(io.FileIO):
        def read(self, size=-1):
            return super().read(min(size, 32))

    layers = layers_of(3000)
    with writer_of(tmp_path / "x.h5", 3000) as writer:
        fill(writer, layers, stop=2000)
    monkeypatch.setattr(sparse_rows.Path, "open", lambda path, *_, **__: Slow(path, "r+"))
    with writer_of(tmp_path / "x.h5", 3000) as writer:
        assert writer.rows_done == 2000


def test_rows_that_are_missing_ask_for_overwrite(tmp_path):
    layers = layers_of(1500)
    unfinished(tmp_path / "x.h5", layers).unlink()
    with pytest.raises(FileFormatError, match=r"\.rows' is missing.*--overwrite"):
        writer_of(tmp_path / "x.h5", 1500)


@pytest.mark.parametrize("place", [0, 40, 5_000, -1])
def test_a_changed_byte_in_the_rows_is_found_when_they_are_resumed(tmp_path, place):
    rows = unfinished(tmp_path / "x.h5", layers_of(1500), stop=1500)
    content = bytearray(rows.read_bytes())
    content[place] ^= 1
    rows.write_bytes(content)
    with pytest.raises(FileFormatError, match=r"does not hold the rows.*--overwrite"):
        writer_of(tmp_path / "x.h5", 1500)


def test_a_byte_that_changes_while_rows_come_is_found_before_columns_are_made(tmp_path):
    layers = layers_of(1500)
    with writer_of(tmp_path / "x.h5", 1500) as writer:
        writer.write(layers)
        writer.save()
        content = bytearray((tmp_path / "x.h5.partial.rows").read_bytes())
        content[5_000] ^= 1
        (tmp_path / "x.h5.partial.rows").write_bytes(content)
        with pytest.raises(FileFormatError, match=r"does not hold the rows.*--overwrite"):
            writer.finish()


@pytest.mark.parametrize("stop", [1300, 1500])
def test_an_unfinished_file_is_not_taken_for_zeros(tmp_path, stop):
    unfinished(tmp_path / "x.h5", layers_of(1500), stop)
    with pytest.raises(FileFormatError, match="is unfinished: its sparse layers"):
        open_activations(tmp_path / "x.h5.partial")
    (tmp_path / "x.h5.partial").rename(tmp_path / "x.h5")
    with pytest.raises(ExistingOutputError, match="not a whole file"):
        writer_of(tmp_path / "x.h5", 1500)


def test_a_finished_file_is_not_written_again(tmp_path):
    finish(tmp_path / "x.h5", layers_of(1500))
    with writer_of(tmp_path / "x.h5", 1500) as writer:
        assert writer.finished
        assert writer.n_units == {LATENTS: 100, HIDDEN: 70}


def test_without_a_row_nothing_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(UnfinishedFile, "take", stopping)
    with writer_of(tmp_path / "x.h5", 1500) as writer, pytest.raises(KeyboardInterrupt):
        fill(writer, layers_of(1500))
    assert names(tmp_path) == []


def test_interrupted_when_the_file_was_just_made_nothing_is_left_behind(tmp_path, monkeypatch):
    def adopt_and_stop(writer, unfinished, adopt=ActivationWriter._adopt):
        adopt(writer, unfinished)
        raise KeyboardInterrupt

    monkeypatch.setattr(ActivationWriter, "_adopt", adopt_and_stop)
    with pytest.raises(KeyboardInterrupt), writer_of(tmp_path / "x.h5", 1500) as writer:
        fill(writer, layers_of(1500))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("owner", "name", "number"),
    [
        (SparseRows, "_append", 3),
        (os, "fsync", 1),
        (DenseRows, "write", 1),
        (h5py.File, "flush", 1),
        (os, "fsync", 2),
        (h5py.AttributeManager, "modify", 1),
        (h5py.File, "flush", 2),
    ],
)
def test_an_interrupt_after_any_step_of_a_save_loses_no_rows(
    tmp_path, monkeypatch, owner, name, number
):
    layers = layers_of(1500)
    original = getattr(owner, name)
    calls = itertools.count(1)

    def interrupted(*arguments):
        original(*arguments)
        if next(calls) == number:
            raise KeyboardInterrupt

    with writer_of(tmp_path / "x.h5", 1500) as writer:
        fill(writer, layers, 300)
        monkeypatch.setattr(owner, name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            writer.save()
        monkeypatch.undo()
    with writer_of(tmp_path / "x.h5", 1500) as writer:
        assert writer.rows_done == 300
        fill(writer, layers)
        writer.finish()
    assert_holds(tmp_path / "x.h5", layers)


def test_a_full_disk_keeps_what_is_marked(tmp_path, monkeypatch):
    layers = layers_of(3000)

    def full(_):
        raise OSError(errno.ENOSPC, "no space")

    with writer_of(tmp_path / "x.h5", 3000) as writer:
        fill(writer, layers, 1100)
        assert writer.rows_done == 1024
        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match="No space left on device"):
            writer.save()
        monkeypatch.undo()
    with writer_of(tmp_path / "x.h5", 3000) as writer:
        assert writer.rows_done == 1024
        fill(writer, layers)
        writer.finish()
    assert_holds(tmp_path / "x.h5", layers)


def test_no_space_for_the_columns_keeps_all_rows(tmp_path, monkeypatch):
    layers = layers_of(1500)
    with writer_of(tmp_path / "x.h5", 1500) as writer:
        fill(writer, layers)
        monkeypatch.setattr(partial_file, "try_space", full_disk)
        with pytest.raises(StorageError, match="No space left on device"):
            writer.finish()
    monkeypatch.undo()
    assert names(tmp_path) == ["x.h5.partial", "x.h5.partial.rows"]
    finish(tmp_path / "x.h5", layers)
    assert_holds(tmp_path / "x.h5", layers)


def full_disk(*_):
    raise OSError(errno.ENOSPC, "no space")


def test_a_layer_with_few_zeros_gets_one_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING, "invert"):
        finish(tmp_path / "sparse.h5", layers_of(1500, share=0.4))
        assert caplog.messages == []
        finish(tmp_path / "dense.h5", layers_of(1500, share=0.6))
    assert len(caplog.messages) == 1
    assert f"'{LATENTS}' is zero in only 40 %" in caplog.messages[0]


def test_names_of_units_are_stored_with_dense_and_sparse_layers(tmp_path):
    of_units = {LATENTS: ("a@0,0", "b"), HIDDEN: ("c", "ü")}
    values = np.eye(2, dtype=np.float32)
    with writer_of(tmp_path / "x.h5", 2) as writer:
        writer.write({LATENTS: values, HIDDEN: values, "plain": values}, of_units)
        writer.finish()
    with open_activations(tmp_path / "x.h5") as activations:
        found = {name: layer.unit for name, layer in activations.layers.items()}
    assert found == of_units | {"plain": None}


def test_the_estimated_size_is_about_that_of_the_file(tmp_path):
    layers = layers_of(3000, units=300)
    finish(tmp_path / "x.h5", layers)
    with writer_of(tmp_path / "y.h5", 3000) as writer:
        contents = writer.contents({name: a.shape[1] for name, a in layers.items()}, {})
    estimated = contents.bytes_of_file({name: np.mean(a != 0) for name, a in layers.items()})
    assert estimated == pytest.approx((tmp_path / "x.h5").stat().st_size, rel=0.05)
