import json
import struct
import sys

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from invert_core.activations import ActivationWriter, Origin
from invert_core.concepts import ConceptSet
from invert_core.concepts.hdf5_file import write_concepts
from invert_core.data import ArraySource
from invert_core.data.arrays.array_files import open_array_file
from invert_core.errors import (
    DataError,
    FileFormatError,
    MissingDependencyError,
    MissingFileError,
)
from invert_core.models.backend import ModelInput
from tests.needs import need

safetensors = need("safetensors.numpy")

ONE = (ModelInput("x"),)
TWO = (*ONE, ModelInput("y"))
X = np.arange(60, dtype=np.float32).reshape(10, 3, 2)
Y = np.arange(10)
IDS = tuple("abcdefghij")
SUFFIXES = (".npz", ".safetensors", ".h5", ".hdf5")


def written(folder, suffix, arrays, sample_id=None):
    path = folder / f"data{suffix}"
    if suffix == ".npz":
        np.savez(path, **arrays, **({} if sample_id is None else {"sample_id": sample_id}))
    elif suffix == ".safetensors":
        safetensors.save_file(arrays, path)
    else:
        with h5py.File(path, "w") as file:
            for name, array in arrays.items():
                file[name] = array
            if sample_id is not None:
                file["sample_id"] = np.array(sample_id, object)
    return path


def contents(source, batch_size=4):
    batches = list(source.batches(0, batch_size))
    return {
        name: np.concatenate([batch.inputs[name] for batch in batches])
        for name in batches[0].inputs
    }


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_arrays_feed_inputs_by_name(tmp_path, suffix):
    source = open_array_file(written(tmp_path, suffix, {"x": X, "y": Y}), TWO)
    found = contents(source)
    assert len(source) == 10
    assert set(found) == {"x", "y"}
    assert np.array_equal(found["x"], X)
    assert found["y"].dtype == Y.dtype


def test_npy_feeds_the_only_input(tmp_path):
    np.save(tmp_path / "a.npy", X)
    assert np.array_equal(contents(open_array_file(tmp_path / "a.npy", ONE))["x"], X)
    with pytest.raises(DataError, match="2 inputs"):
        open_array_file(tmp_path / "a.npy", TWO)


@pytest.mark.parametrize("suffix", [".npz", ".h5"])
def test_sample_id_holds_the_ids(tmp_path, suffix):
    source = open_array_file(written(tmp_path, suffix, {"x": X}, IDS), ONE)
    assert source.sample_id == IDS
    assert set(contents(source)) == {"x"}


@given(
    dtype=st.sampled_from(["?", "i1", "u1", "i2", "u4", "i8", "u8", "f2", "f4", "f8"]),
    shape=st.tuples(st.integers(1, 9), st.integers(0, 3), st.integers(1, 2)),
    batch_size=st.integers(1, 10),
    start=st.integers(0, 8),
)
@settings(max_examples=40)
def test_all_formats_hold_the_same_data(tmp_path_factory, dtype, shape, batch_size, start):
    folder = tmp_path_factory.mktemp("arrays")
    x = (np.arange(np.prod(shape)) % 3).reshape(shape).astype(dtype)
    expected = ArraySource({"x": x})
    for suffix in SUFFIXES:
        source = open_array_file(written(folder, suffix, {"x": x}), ONE)
        assert source.manifest == expected.manifest
        first = min(start, len(x) - 1)
        batches = zip(
            source.batches(first, batch_size), expected.batches(first, batch_size), strict=True
        )
        for found, wanted in batches:
            assert np.array_equal(found.inputs["x"], wanted.inputs["x"])
            assert found.inputs["x"].dtype == x.dtype


@pytest.mark.parametrize("suffix", [".npy", ".h5"])
def test_arrays_of_the_other_byte_order_reach_the_model_in_its_own(tmp_path, suffix):
    path = tmp_path / f"data{suffix}"
    if suffix == ".npy":
        np.save(path, X.astype(">f4"))
    else:
        written(tmp_path, suffix, {"x": X.astype(">f4")})
    found = contents(open_array_file(path, ONE))["x"]
    assert found.dtype == np.dtype("f4")
    assert np.array_equal(found, X)


def test_another_suffix_is_none_of_these(tmp_path):
    assert open_array_file(tmp_path / "data.csv", ONE) is None


@pytest.mark.parametrize("suffix", [".npy", ".NPZ", ".safetensors", ".h5", ".hdf5"])
def test_a_missing_file_is_named(tmp_path, suffix):
    with pytest.raises(MissingFileError, match="none"):
        open_array_file(tmp_path / f"none{suffix}", ONE)


@pytest.mark.parametrize("suffix", [".npy", *SUFFIXES])
@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"\xff" * 100, b"{}"], ids=repr)
def test_a_broken_file_is_refused(tmp_path, suffix, content):
    (tmp_path / f"a{suffix}").write_bytes(content)
    with pytest.raises(FileFormatError, match=f"a{suffix}"):
        open_array_file(tmp_path / f"a{suffix}", ONE)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_arrays_of_different_length_are_refused(tmp_path, suffix):
    with pytest.raises(DataError, match="x 10, y 9"):
        open_array_file(written(tmp_path, suffix, {"x": X, "y": Y[:9]}), TWO)


def raw_safetensors(path, kind, n_bytes, shape):
    header = {"x": {"dtype": kind, "shape": shape, "data_offsets": [0, n_bytes]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(n_bytes))


@pytest.mark.parametrize("kind", ["BF16", "F8_E4M3", "F8_E5M2", "C64"])
def test_tensors_of_types_that_numpy_lacks_are_refused(tmp_path, kind):
    n_bytes = {"BF16": 4, "C64": 16}.get(kind, 2)
    raw_safetensors(tmp_path / "a.safetensors", kind, n_bytes, [2])
    # An older safetensors does not know the type C64 and takes the file for broken.
    expected = rf"'x' has type {kind}|InvalidHeaderDeserialization"
    with pytest.raises((DataError, FileFormatError), match=expected):
        open_array_file(tmp_path / "a.safetensors", ONE)


@pytest.mark.parametrize(("n_bytes", "shape"), [(8, [3]), (8, [2**62, 2**62]), (4, [])])
def test_a_tensor_that_is_not_what_it_claims_is_refused(tmp_path, n_bytes, shape):
    raw_safetensors(tmp_path / "a.safetensors", "F32", n_bytes, shape)
    with pytest.raises((DataError, FileFormatError)):
        open_array_file(tmp_path / "a.safetensors", ONE)


def test_a_safetensors_file_without_tensors_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    with pytest.raises(DataError, match="no arrays"):
        open_array_file(tmp_path / "a.safetensors", ONE)


def test_without_safetensors_it_says_what_to_install(tmp_path, monkeypatch):
    path = written(tmp_path, ".safetensors", {"x": X})
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(MissingDependencyError, match=r"invert-core\[safetensors\]"):
        open_array_file(path, ONE)


def test_groups_of_hdf5_are_left_out_and_named(tmp_path, caplog):
    path = written(tmp_path, ".h5", {"x": X, "more/y": Y})
    with caplog.at_level("INFO"):
        assert set(contents(open_array_file(path, ONE))) == {"x"}
    assert "ignored the groups 'more'" in caplog.text


def elsewhere(file, kind):
    with h5py.File(file.filename + ".other", "w") as other:
        other["x"] = X
    if kind == "external link":
        file["y"] = h5py.ExternalLink(file.filename + ".other", "x")
    elif kind == "soft link":
        file["y"] = h5py.SoftLink("/x")
    elif kind == "raw storage":
        file.create_dataset("y", (10,), "u1", external=[("/etc/passwd", 0, 10)])
    else:
        layout = h5py.VirtualLayout(X.shape, X.dtype)
        layout[:] = h5py.VirtualSource(file.filename + ".other", "x", X.shape)
        file.create_virtual_dataset("y", layout)


@pytest.mark.parametrize("name", ["y", "sample_id"])
@pytest.mark.parametrize("kind", ["external link", "soft link", "raw storage", "virtual dataset"])
def test_hdf5_never_reads_another_file(tmp_path, kind, name):
    path = written(tmp_path, ".h5", {"x": X})
    with h5py.File(path, "r+") as file:
        elsewhere(file, kind)
        file.move("y", name)
    with pytest.raises(FileFormatError, match=r"is a link|in other files"):
        open_array_file(path, TWO)


@pytest.mark.parametrize(
    ("dtype", "value", "words"),
    [
        (h5py.string_dtype(), "a", "type object"),
        (h5py.vlen_dtype(np.float32), np.zeros(3), "type object"),
        (h5py.ref_dtype, h5py.Reference(), "type object"),
        (np.dtype([("a", "f4")]), (1.0,), "'y' has type"),
        (np.dtype("c8"), 1j, "type complex64"),
    ],
    ids=["strings", "ragged", "references", "compound", "complex"],
)
def test_datasets_that_are_no_numbers_are_refused(tmp_path, dtype, value, words):
    path = written(tmp_path, ".h5", {"x": X[:1]})
    with h5py.File(path, "r+") as file:
        file.create_dataset("y", (1,), dtype)[0] = value
    with pytest.raises(DataError, match=words):
        open_array_file(path, TWO)


def test_a_dataset_that_the_file_does_not_hold_is_refused(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (10**6, 1000), "f4", chunks=(1000, 1000))
    with pytest.raises(FileFormatError, match="which the file does not hold"):
        open_array_file(path, ONE)


def test_damage_to_a_dataset_is_named_where_it_is_read(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        values = np.random.default_rng(0).normal(size=(64, 100))
        file.create_dataset("x", data=values, chunks=(8, 100), compression="gzip", fletcher32=True)
        offset = file["x"].id.get_chunk_info(3).byte_offset
    with path.open("r+b") as file:
        file.seek(offset + 100)
        file.write(bytes(100))
    source = open_array_file(path, ONE)
    with pytest.raises(FileFormatError, match=r"a\.h5:/x is broken"):
        list(source.batches(0, 8))


def test_files_of_our_own_results_are_no_data(tmp_path):
    with ActivationWriter(tmp_path / "a.h5", Origin(2, {})) as writer:
        writer.write({"layer": np.zeros((2, 3), np.float32)})
        writer.finish()
    write_concepts(tmp_path / "c.h5", ConceptSet.from_arrays(np.eye(2, dtype=bool), id=["a", "b"]))
    for name, kind in (("a.h5", "activations"), ("c.h5", "concepts")):
        with pytest.raises(FileFormatError, match=f"holds {kind}, not inputs"):
            open_array_file(tmp_path / name, ONE)


@pytest.mark.parametrize("ids", [(b"a", b"\xff"), ("a", "a"), ("a", "")], ids=repr)
def test_ids_of_hdf5_that_are_none_are_refused(tmp_path, ids):
    path = written(tmp_path, ".h5", {"x": X[:2]}, ids)
    with pytest.raises((DataError, FileFormatError), match=r"id|utf-8"):
        open_array_file(path, ONE)


def test_the_arrays_stay_open_as_long_as_the_source_lives(tmp_path):
    path = written(tmp_path, ".h5", {"x": X})
    batches = open_array_file(path, ONE).batches(0, 4)
    assert sum(len(batch.rows) for batch in batches) == 10
    with h5py.File(path, "r+") as file:  # which h5py refuses for a file that is open
        file["x"][...] = 0


STATE = np.arange(40, dtype=np.float32).reshape(2, 10, 2)
RATE = np.array(16000)
WITH_STATE = (*ONE, ModelInput("state", batch_axis=1), ModelInput("rate", (), batch_axis=None))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_samples_are_counted_on_the_axis_of_their_input(tmp_path, suffix):
    path = written(tmp_path, suffix, {"x": X, "state": STATE, "rate": RATE})
    source = open_array_file(path, WITH_STATE)
    assert len(source) == 10
    assert {name: each.tolist() for name, each in source.constants.items()} == {"rate": 16000}
    for batch in source.batches(3, 4):
        assert set(batch.inputs) == {"x", "state"}
        assert np.array_equal(batch.inputs["x"], X[batch.rows])
        assert np.array_equal(batch.inputs["state"], STATE[:, batch.rows])
    assert source.example()["state"].shape == (2, 1, 2)
    in_memory = ArraySource({"x": X, "state": STATE}, batch_axes={"state": 1})
    assert source.manifest == in_memory.manifest
    assert source.manifest != ArraySource({"x": X, "state": STATE.swapaxes(0, 1)}).manifest


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_input_without_an_axis_of_samples_takes_a_whole_array(tmp_path, suffix):
    inputs = (*ONE, ModelInput("window", batch_axis=None))
    source = open_array_file(written(tmp_path, suffix, {"x": X, "window": STATE}), inputs)
    assert np.array_equal(source.constants["window"], STATE)
    assert [set(batch.inputs) for batch in source.batches(0, 10)] == [{"x"}]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_array_without_the_axis_of_the_samples_is_named(tmp_path, suffix):
    path = written(tmp_path, suffix, {"x": X, "state": Y})
    with pytest.raises(DataError, match=r"'state' has shape \(10,\), without an axis 1"):
        open_array_file(path, WITH_STATE)


def test_npy_feeds_the_only_input_that_samples_fill(tmp_path):
    np.save(tmp_path / "a.npy", X)
    inputs = (ModelInput("rate", (), batch_axis=None), *ONE)
    assert np.array_equal(contents(open_array_file(tmp_path / "a.npy", inputs))["x"], X)
