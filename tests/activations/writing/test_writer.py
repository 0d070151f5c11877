"""The writer: what it writes, resumes and refuses."""

import os

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.activations.writing import unfinished_file
from invert_core.errors import (
    DataError,
    SettingError,
)
from tests.activations.writing.written import fill, finish, matrix, read, writer_of


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


def test_the_last_rows_are_marked_on_the_disk_before_their_checksums_go(tmp_path, monkeypatch):
    path, values, on_disk, copy = tmp_path / "x.h5", matrix(2048, 3), [], tmp_path / "copy.h5"

    def synced(_file):
        copy.write_bytes((tmp_path / "x.h5.partial").read_bytes())
        with h5py.File(copy) as file:
            on_disk.append((int(file.attrs["rows_done"]), bool(file["row_checksum"][...].any())))

    with writer_of(path, 2048) as writer:
        fill(writer, values, stop=2000)
        writer.save()
        monkeypatch.setattr(unfinished_file.os, "fsync", synced)
        fill(writer, values)  # which saves the stripe that is full
        writer._unfinished.gather()
    assert on_disk == [(2000, True), (2048, True)]


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
