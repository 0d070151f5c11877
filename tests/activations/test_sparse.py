"""Sparse layers hold what the dense ones hold, and broken ones are refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from invert_core import Activations, open_activations
from invert_core.activations import layout, sparse
from invert_core.activations.sparse import SparseUnits
from invert_core.errors import DataError, FileFormatError
from invert_core.files.hdf5_checksums import Blocks

GOLDEN = Path(__file__).parent.parent / "golden"
MATRIX = np.array([[0, 2, 0], [0, 0, 0], [0, -1.5, 0], [0, np.inf, 7]], np.float32)
PARTS = {"indptr": [0, 0, 3, 4], "indices": [3, 0, 2, 3], "data": [np.inf, 2, -1.5, 7]}
TYPES = {"indptr": np.int64, "indices": np.int32, "data": np.float32}


def make(path, shape=(4, 3), **parts):
    """A file with one sparse layer `fc`, which holds MATRIX unless a test spoils it."""
    with h5py.File(path, "w") as file:
        file.attrs.update({"format": "invert-activations", "format_version": 1, "rows_done": 4})
        layer = file.create_group("layers/fc")
        if shape is not None:
            layer.attrs["shape"] = shape
        for name, values in (PARTS | parts).items():
            if values is not None:
                layer[name] = values if hasattr(values, "dtype") else np.array(values, TYPES[name])
    return path


def refusal(path, kind=FileFormatError):
    with pytest.raises(kind) as caught, open_activations(path):
        pass
    assert caught.value.hint
    return str(caught.value)


def refusal_of_reading(path, start=0, stop=3):
    with open_activations(path) as activations, pytest.raises(DataError) as caught:
        activations.layers["fc"].read(start, stop)
    assert caught.value.hint
    return str(caught.value)


def dense(units):
    """Units of a sparse layer, one after the other, as the matrix [k, n_samples] they stand for."""
    full = np.zeros((len(units), units.n_samples), units.data.dtype)
    for row, (indices, data) in enumerate(units):
        full[row, indices] = data
    return full


def in_memory(matrix, **options):
    return Activations.from_array({"fc": matrix}, **options).layers["fc"]


def csc(values, indices, indptr, shape):
    """A SciPy matrix whose parts need not be in any order."""
    return scipy.sparse.csc_matrix((np.array(values, float), indices, indptr), shape=shape)


def test_format_version_1_is_read_back():
    # The file was written by make_activations_sparse_v1.py beside it.
    with open_activations(GOLDEN / "activations_sparse_v1.h5") as activations:
        assert activations.sample_id == ("a", "b", "c", "d")
        (layer,) = activations.layers.values()
        assert layer.name == "sae/latents"
        assert layer.is_sparse
        assert (layer.n_samples, layer.n_units) == (4, 3)
        assert np.array_equal(dense(layer.read(0, 3)), MATRIX.T)


def test_a_block_has_the_stored_values_of_each_unit(tmp_path):
    with open_activations(make(tmp_path / "x.h5")) as activations:
        block = activations.layers["fc"].read(1, 3)
    assert len(block) == 2
    assert block.n_samples == 4
    assert block.indptr.tolist() == [0, 3, 4]
    assert block.indptr.dtype == np.int64
    assert block.indices.dtype == np.int32
    indices, data = block[0]
    assert indices.tolist() == [3, 0, 2]
    assert data.tolist() == [np.inf, 2, -1.5]
    assert np.shares_memory(data, block.data)
    assert [unit[0].tolist() for unit in block] == [[3, 0, 2], [3]]


def test_a_unit_outside_of_a_block_is_an_index_error(tmp_path):
    with open_activations(make(tmp_path / "x.h5")) as activations:
        block = activations.layers["fc"].read(1, 3)
    assert block[-1][0].tolist() == [3]
    for unit in (2, -3):
        with pytest.raises(IndexError):
            block[unit]


@pytest.mark.parametrize("units", [(0, 1), (3, 9), (2, 1)])
def test_units_without_values_and_no_units_are_read(tmp_path, units):
    with open_activations(make(tmp_path / "x.h5")) as activations:
        block = activations.layers["fc"].read(*units)
    assert np.array_equal(dense(block), MATRIX.T[slice(*units)])


def test_a_layer_in_which_nothing_is_stored_is_zero(tmp_path):
    empty = make(tmp_path / "x.h5", indptr=[0, 0, 0, 0], indices=[], data=[])
    with open_activations(empty) as activations:
        assert not dense(activations.layers["fc"].read(0, 3)).any()
        assert activations.layers["fc"].units_at_once >= 1


@pytest.mark.parametrize("given", ["<f2", "<f4", "<f8", ">f4", ">f8"])
@pytest.mark.parametrize("index", ["<i4", ">i8", "<u8", "<u2"])
def test_any_floats_and_integers_are_read(tmp_path, given, index):
    path = make(
        tmp_path / "x.h5",
        data=np.array(PARTS["data"], given),
        indices=np.array(PARTS["indices"], index),
        indptr=np.array(PARTS["indptr"], index),
    )
    with open_activations(path) as activations:
        layer = activations.layers["fc"]
        block = layer.read(0, 3)
        assert block.data.dtype == layer.dtype == np.dtype(given).newbyteorder("=")
        assert np.array_equal(dense(block), MATRIX.T)


@pytest.mark.parametrize("options", [{"chunks": (2,)}, {"chunks": (3,), "compression": "gzip"}])
def test_any_chunking_is_read(tmp_path, options):
    path = make(tmp_path / "x.h5", data=None, indices=None)
    with h5py.File(path, "r+") as file:
        for name in ("data", "indices"):
            values = np.array(PARTS[name], TYPES[name])
            file["layers/fc"].create_dataset(name, data=values, **options)
    with open_activations(path) as activations:
        assert np.array_equal(dense(activations.layers["fc"].read(0, 3)), MATRIX.T)


def test_stored_zeros_are_kept(tmp_path):
    path = make(tmp_path / "x.h5", data=[0.0, -0.0, 1, 0.0])
    with open_activations(path) as activations:
        assert activations.layers["fc"].read(0, 3).data.tolist() == [0, 0, 1, 0]


def test_sparse_and_dense_layers_stand_in_one_file(tmp_path):
    path = make(tmp_path / "x.h5")
    with h5py.File(path, "r+") as file:
        file["layers/head/activations"] = MATRIX
    with open_activations(path) as activations:
        assert [layer.is_sparse for layer in activations.layers.values()] == [True, False]
        assert activations.n_samples == 4


@pytest.mark.parametrize("kind", ["csc", "csr", "coo", "bsr", "lil", "dok", "dia"])
@pytest.mark.parametrize("base", ["array", "matrix"])
def test_every_sparse_format_of_scipy_is_taken(kind, base):
    matrix = getattr(scipy.sparse, f"{kind}_{base}")(MATRIX)
    layer = Activations.from_array(matrix).layers["activations"]
    assert layer.is_sparse
    assert np.array_equal(dense(layer.read(0, 3)), MATRIX.T)


@pytest.mark.parametrize("given", ["bool", "int8", "uint16", "int64", "float32", "float64"])
def test_sparse_types_are_read_as_the_dense_ones(given):
    matrix = np.array([[0, 1], [1, 0], [0, 1]]).astype(given)
    layer = in_memory(scipy.sparse.csc_array(matrix))
    expected = in_memory(matrix).read(0, 2)
    block = layer.read(0, 2)
    assert block.data.dtype == layer.dtype == expected.dtype
    assert np.array_equal(dense(block), expected)


def test_arrays_longer_than_what_they_store_are_cut():
    matrix = scipy.sparse.csc_array(MATRIX)
    matrix.data = np.append(matrix.data, np.float32(np.nan))
    matrix.indices = np.append(matrix.indices, np.int32(99))
    assert np.array_equal(dense(in_memory(matrix).read(0, 3)), MATRIX.T)


@given(st.data())
def test_a_sparse_layer_reads_as_the_dense_one(data):
    n_samples, n_units = data.draw(st.integers(2, 12)), data.draw(st.integers(1, 6))
    values = st.sampled_from([0.0, 0.0, -0.0, 1.0, -2.5, np.inf])
    flat = data.draw(st.lists(values, min_size=n_samples * n_units, max_size=n_samples * n_units))
    matrix = np.reshape(flat, (n_samples, n_units))
    start, stop = data.draw(st.integers(0, n_units)), data.draw(st.integers(0, n_units))
    rows = np.array(data.draw(st.permutations(range(n_samples))), int)
    rows = rows[: data.draw(st.integers(1, n_samples))]
    expected = in_memory(matrix).read(start, stop)
    block = in_memory(scipy.sparse.csc_array(matrix)).read(start, stop)
    assert np.array_equal(dense(block), expected)
    assert np.array_equal(dense(block.take(rows)), expected.take(rows, axis=1))
    units = np.array(data.draw(st.lists(st.integers(0, n_units - 1), unique=True)), int)
    units = units[units < len(block)]
    assert np.array_equal(dense(block.select(units)), expected[units])
    first = data.draw(st.integers(0, len(block)))
    part = block.part(first, len(block))
    assert np.array_equal(dense(part), expected[first:])
    assert np.shares_memory(part.data, block.data) == (part.data.size > 0)


def test_samples_are_taken_in_the_order_that_is_asked_for():
    block = SparseUnits(
        4, np.array([0, 3, 4]), np.array([3, 0, 2, 3], np.int32), np.array([9.0, 2, -1, 7])
    )
    taken = block.take(np.array([3, 1, 0]))
    assert taken.n_samples == 3
    assert taken.indptr.tolist() == [0, 2, 3]
    assert taken.indices.tolist() == [0, 2, 0]
    assert taken.indices.dtype == np.int32
    assert taken.data.tolist() == [9, 2, 7]


def test_nan_names_layer_unit_and_first_sample():
    # Unit 1 stores sample 3 before sample 2; both are NaN.
    matrix = csc([1, np.nan, np.nan, np.nan], [0, 3, 2, 0], [0, 1, 3, 4], (4, 3))
    layer = in_memory(matrix, sample_id=["a", "b", "c", "d"])
    layer.read(0, 1)
    with pytest.raises(DataError, match=r"unit fc:1 is NaN for sample 'c'"):
        layer.read(0, 3)
    with pytest.raises(DataError, match=r"unit fc:2 is NaN for sample 'a'"):
        layer.read(2, 3)


@pytest.mark.parametrize("indices", [[0, 2, 2, 1], [2, 0, 2, 1]])
def test_a_cell_that_is_stored_twice_is_refused_with_the_way_out(indices):
    matrix = csc([1, 2, 3, 4], indices, [0, 0, 3, 4], (4, 3))
    with pytest.raises(DataError, match=r"sample 2 of unit 1 more than once.*sum_duplicates\(\)"):
        in_memory(matrix).read(1, 3)
    matrix.sum_duplicates()
    in_memory(matrix).read(0, 3)


def test_one_sample_in_two_units_is_no_repetition():
    matrix = csc([1, 2, 3, 4], [3, 3, 0, 0], [0, 1, 3, 4], (4, 3))
    assert in_memory(matrix).read(0, 3)[1][0].tolist() == [3, 0]


def test_more_values_than_samples_in_a_unit_are_refused_before_they_are_read(tmp_path):
    path = make(tmp_path / "x.h5", indptr=[0, 5, 5, 5], indices=[0] * 5, data=[1.0] * 5)
    assert "5 values of unit 0 for 4 samples" in refusal(path, DataError)


@pytest.mark.parametrize("index", [-1, 4, 2**31 - 1])
def test_an_index_outside_of_the_samples_is_refused(tmp_path, index):
    path = make(tmp_path / "x.h5", indices=[3, index, 2, 3])
    said = refusal_of_reading(path)
    assert f"index {index} in unit 1" in said
    assert "'fc'" in said


def test_an_index_beyond_32_bits_does_not_come_round(tmp_path):
    path = make(tmp_path / "x.h5", indices=np.array([3, 2**32, 2, 3]))
    assert "index 4294967296 in unit 1" in refusal_of_reading(path)


def test_integers_that_a_float_cannot_hold_are_refused():
    matrix = scipy.sparse.csc_array(np.array([[0], [2**53 + 1]]))
    with pytest.raises(DataError, match=r"2\*\*53.*'fc'"):
        in_memory(matrix).read(0, 1)


@pytest.mark.parametrize("values", [np.array([[1j], [2]]), np.zeros((2, 1), np.longdouble)])
def test_other_types_are_refused(values):
    with pytest.raises(DataError, match="dtype"):
        in_memory(scipy.sparse.csc_array(values))


def test_a_sparse_vector_is_refused():
    with pytest.raises(DataError, match=r"shape \(3,\).*'fc'"):
        in_memory(scipy.sparse.coo_array(np.array([0.0, 1, 2])))


def test_a_sparse_layer_without_units_is_refused():
    with pytest.raises(DataError, match="no units"):
        in_memory(scipy.sparse.csc_array((4, 0)))


def test_sparse_samples_must_be_as_many_as_the_ids():
    with pytest.raises(DataError, match="4 samples, but there are 3"):
        Activations.from_array(scipy.sparse.csc_array(MATRIX), ["a", "b", "c"])


@pytest.mark.parametrize(
    "indptr",
    [[1, 1, 3, 4], [0, 3, 2, 4], [0, 0, 3, 3], [0, 0, 3, 5], [-1, 0, 3, 4], [0, -(2**63), 3, 4]],
)
def test_an_indptr_that_does_not_rise_from_0_to_the_number_of_values_is_refused(tmp_path, indptr):
    said = refusal(make(tmp_path / "x.h5", indptr=np.array(indptr)), DataError)
    assert "does not rise from 0 to its 4 values" in said
    assert "'fc'" in said


def test_an_indptr_beyond_63_bits_is_refused(tmp_path):
    indptr = np.array([0, 2**64 - 1, 3, 4], np.uint64)
    assert "does not rise" in refusal(make(tmp_path / "x.h5", indptr=indptr), DataError)


def test_indices_and_values_of_different_number_are_refused(tmp_path):
    said = refusal(make(tmp_path / "x.h5", indices=[3, 0, 2]), DataError)
    assert "values of shape (4,) at indices of shape (3,)" in said


def test_compressed_rows_are_told_from_columns(tmp_path):
    path = make(tmp_path / "x.h5", indptr=[0, 1, 1, 2, 4])
    said = refusal(path)
    assert "3 units by its shape and 'indptr' of length 5" in said
    assert "tocsc()" in said


@pytest.mark.parametrize(
    "shape",
    [None, 4, (4,), (4, 3, 1), (4.5, 3.0), "4x3", (-4, 3), (4, -1), np.zeros(7000, int)],
)
def test_a_shape_that_is_none_is_refused(tmp_path, shape):
    said = refusal(make(tmp_path / "x.h5", shape))
    assert "'fc' does not say its shape" in said
    assert "n_samples, n_units" in said


def test_implausible_sizes_are_refused(tmp_path):
    assert "beyond" in refusal(make(tmp_path / "x.h5", (2**40, 3)))
    assert "beyond" in refusal(make(tmp_path / "y.h5", (4, 2**40)))
    assert "beyond" in refusal(make(tmp_path / "z.h5", np.array([2**64 - 1, 3], np.uint64)))


@pytest.mark.parametrize(("name", "length"), [("indptr", 2**24 + 1), ("data", 2**50)])
def test_a_size_that_the_file_does_not_hold_is_refused(tmp_path, name, length):
    path = make(tmp_path / "x.h5", (4, layout.UNIT_LIMIT), **{name: None})
    with h5py.File(path, "r+") as file:
        file["layers/fc"].create_dataset(name, (length,), TYPES[name], chunks=(2**16,))
    assert "which the file does not hold" in refusal(path)


@pytest.mark.parametrize("name", ["indptr", "indices", "data"])
@pytest.mark.parametrize(
    "values", [np.array(["a"], "S1"), np.array([1j]), np.zeros((2, 2)), np.float32(1)]
)
def test_other_types_and_ranks_in_a_file_are_refused(tmp_path, name, values):
    assert f"{name!r} of type" in refusal(make(tmp_path / "x.h5", **{name: values}))


def test_indices_that_are_floats_are_refused(tmp_path):
    for name in ("indptr", "indices"):
        path = make(tmp_path / f"{name}.h5", **{name: np.array(PARTS[name], float)})
        assert f"{name!r} of type float64" in refusal(path)


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "?", ">f8"])
def test_values_and_a_shape_of_other_writers_are_read_from_a_file(tmp_path, dtype):
    stored = np.array([1, 0, 1, 1], dtype)
    path = make(tmp_path / "x.h5", (4.0, 3.0), data=stored)
    with open_activations(path) as activations:
        read = activations.layers["fc"].read(0, 3)
    assert read.data.tolist() == stored.astype(float).tolist()
    assert read.indices.tolist() == PARTS["indices"]


@pytest.mark.parametrize("name", ["indices", "data"])
def test_a_part_that_is_missing_is_named(tmp_path, name):
    assert f"/layers/fc/{name} is missing" in refusal(make(tmp_path / "x.h5", **{name: None}))


@pytest.mark.parametrize("name", ["indptr", "indices", "data"])
def test_a_part_in_another_file_is_not_read(tmp_path, name):
    make(tmp_path / "secret.h5")
    path = make(tmp_path / "x.h5", **{name: None})
    with h5py.File(path, "r+") as file:
        file[f"layers/fc/{name}"] = h5py.ExternalLink("secret.h5", f"/layers/fc/{name}")
    assert "link" in refusal(path)
    with h5py.File(path, "r+") as file:
        del file[f"layers/fc/{name}"]
        length = len(PARTS[name])
        file["layers/fc"].create_dataset(
            name, (length,), TYPES[name], external=[(str(tmp_path / "secret.bin"), 0, 8 * length)]
        )
    (tmp_path / "secret.bin").write_bytes(bytes(64))
    assert "other files" in refusal(path)


def test_damaged_values_are_broken_where_they_are_read(tmp_path):
    path = make(tmp_path / "x.h5", data=None)
    with h5py.File(path, "r+") as file:
        data = file["layers/fc"].create_dataset(
            "data", data=np.array(PARTS["data"], "f4"), chunks=(4,), compression="gzip"
        )
        place = data.id.get_chunk_info(0).byte_offset
    content = bytearray(path.read_bytes())
    content[place : place + 4] = b"\0\0\0\0"
    path.write_bytes(content)
    with open_activations(path) as activations:
        activations.layers["fc"].read(0, 1)
        with pytest.raises(FileFormatError, match="broken"):
            activations.layers["fc"].read(1, 2)


def test_only_the_wanted_units_are_read(tmp_path, monkeypatch):
    asked = []
    read = Blocks.__getitem__
    monkeypatch.setattr(Blocks, "__getitem__", lambda *part: asked.append(part[1]) or read(*part))
    with open_activations(make(tmp_path / "x.h5")) as activations:
        activations.layers["fc"].read(2, 3)
    assert asked == [slice(3, 4), slice(3, 4)]


def test_fewer_units_are_read_at_once_where_they_store_many_values(monkeypatch):
    matrix = scipy.sparse.random(50, 300, density=0.1, format="csc", random_state=0)
    layer = in_memory(matrix)
    assert layer.units_at_once == 512
    monkeypatch.setattr(sparse, "_VALUES_AT_ONCE", 100)
    width = layer.units_at_once
    sizes = [layer.read(unit, unit + width).data.size for unit in range(0, 300, width)]
    assert 1 < width < 512
    assert max(sizes) <= 100
