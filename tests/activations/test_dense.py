"""Blocks of units are the same however the matrix lies in memory or in a file."""

import tracemalloc

import h5py
import numpy as np
import pytest

from invert_core import Activations
from invert_core.activations import dense
from invert_core.activations.dense import read_units, units_at_once
from invert_core.activations.stored_matrix import StoredMatrix

MATRIX = np.random.default_rng(0).normal(scale=50, size=(1300, 70))
IMAGENET = 1_281_167


def in_memory(matrix):
    yield "rows", np.ascontiguousarray(matrix)
    yield "columns", np.asfortranarray(matrix)
    yield "every other row", np.repeat(matrix, 2, axis=0)[::2]
    yield "every other column", np.repeat(matrix, 2, axis=1)[:, ::2]
    yield "backwards", np.ascontiguousarray(matrix[::-1, ::-1])[::-1, ::-1]
    yield "columns backwards", np.asfortranarray(matrix[::-1, ::-1])[::-1, ::-1]
    yield "other byte order", matrix.astype(matrix.dtype.newbyteorder(">"))


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i1", "i8", "u2", "?"])
def test_units_are_the_same_however_they_lie_in_memory(dtype):
    matrix = MATRIX.astype(dtype)
    for name, source in in_memory(matrix):
        for units in (range(0, 70), range(3, 4), range(64, 70), range(5, 5)):
            block = read_units(source, units)
            assert block.flags.c_contiguous
            assert np.array_equal(block, matrix.T[units.start : units.stop]), name


@pytest.mark.parametrize("height", [1, 511, 512, 513, 1300])
def test_any_number_of_samples_is_transposed(height):
    matrix = MATRIX[:height]
    assert np.array_equal(read_units(matrix, range(70)), matrix.T)


@pytest.mark.parametrize(
    "chunks", [None, (1, 70), (1300, 1), (7, 3), (512, 64), (600, 16), (1024, 64), (1300, 70)]
)
def test_units_are_the_same_in_any_chunks(tmp_path, chunks):
    with h5py.File(tmp_path / "x.h5", "w") as file:
        source = file.create_dataset("x", data=MATRIX.astype(">f4"), chunks=chunks)
        for units in (range(0, 70), range(3, 66)):
            expected = MATRIX.astype("f4").T[units.start : units.stop]
            assert np.array_equal(read_units(source, units), expected)


def dataset(tmp_path, shape, chunks, dtype="f4"):
    file = h5py.File(tmp_path / "x.h5", "w")  # closed with its last dataset
    return StoredMatrix(file.create_dataset("x", shape, dtype, chunks=chunks))


@pytest.mark.parametrize(
    ("shape", "chunks", "at_once"),
    [
        ((50_000, 2048), (1024, 64), 128),
        ((50_000, 2048), (1024, 48), 144),
        ((50_000, 2048), (1024, 1), 128),
        ((50_000, 300), (64, 300), 300),
        ((50_000, 300), None, 300),
        ((IMAGENET, 2048), (1024, 64), 64),
    ],
)
def test_whole_chunks_are_read_at_once(tmp_path, shape, chunks, at_once):
    assert units_at_once(dataset(tmp_path, shape, chunks)) == at_once


@pytest.mark.parametrize("chunks", [None, (64, 2048)])
def test_wide_chunks_are_read_in_few_parts_of_64_mib(tmp_path, chunks):
    width = units_at_once(dataset(tmp_path, (50_000, 2048), chunks))
    assert width * 50_000 * 4 <= 64 * 2**20
    assert -(-2048 // width) == 7


@pytest.mark.parametrize(
    ("n_samples", "dtype"), [(IMAGENET, "f4"), (IMAGENET, "f8"), (IMAGENET, "i1"), (2**27, "f8")]
)
def test_a_block_of_many_samples_has_fewer_units(n_samples, dtype):
    source = np.broadcast_to(np.zeros((), dtype), (n_samples, 2048))
    width = units_at_once(source)
    size = n_samples * dense.read_type(source).itemsize
    assert width == 1 or width * size <= 384 * 2**20
    assert (width + 1) * size > 192 * 2**20 or width == 64


def test_a_layer_tells_how_many_units_to_read():
    layers = Activations.from_array({"a": np.zeros((9, 500)), "b": np.zeros((9, 500), "f4")}).layers
    assert [layer.units_at_once for layer in layers.values()] == [64, 128]


@pytest.mark.parametrize("chunks", [(64, 8), (1024, 64), (1300, 70), (1, 70)])
def test_whole_chunks_are_read_and_each_once(tmp_path, monkeypatch, chunks):
    asked = []
    read = dense._read
    monkeypatch.setattr(dense, "_read", lambda *part: asked.append(part[1:]) or read(*part))
    source = dataset(tmp_path, (1300, 70), chunks)
    read_units(source, range(0, 70))
    cells = np.zeros((1300, 70), int)
    for rows, columns in asked:
        assert rows.start % chunks[0] == columns.start % chunks[1] == 0
        assert rows.stop % chunks[0] == 0 or rows.stop >= 1300
        assert columns.stop - columns.start == chunks[1] or columns.stop == 70
        cells[rows, columns] += 1
    assert (cells == 1).all()


@pytest.mark.parametrize("chunks", [(1024, 64), (64, 512), (20_000, 1), None])
def test_memory_does_not_grow_with_the_units(tmp_path, monkeypatch, chunks):
    monkeypatch.setattr(dense, "_BLOCK_BYTES", 2**23)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("x", data=np.ones((20_000, 512), "f4"), chunks=chunks)
    source = StoredMatrix(h5py.File(tmp_path / "x.h5")["x"])
    width = units_at_once(source)
    tracemalloc.start()
    try:
        for unit in range(0, 512, width):
            read_units(source, range(unit, min(unit + width, 512)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert width * 20_000 * 4 <= 2**23 < peak + 2**22
    assert peak < 2 * 2**23 < 20_000 * 512 * 4
