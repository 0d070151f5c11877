"""What checksums cost: files of activations and concepts with and without them, read and written.

Files without checksums are of the formats before: HDF5 selects the values of dense layers, which
takes longer than to read whole chunks. So reading is also compared with the same way of reading
that compares nothing, and writing with the same writer that computes and reads back nothing.
"""

import contextlib
from unittest import mock

import h5py
import numpy as np
import pytest

from bench.measuring import Way
from invert_core import Settings, extract, label, open_activations
from invert_core.activations import stored_matrix
from invert_core.activations.writing import dense_rows, writer
from invert_core.activations.writing.contents import Origin
from invert_core.activations.writing.writer import ActivationWriter
from invert_core.concepts import ConceptSet, write_concepts
from invert_core.concepts.hdf5_file import read_hdf5
from invert_core.files import hdf5_checksums

N_SAMPLES = 50_000
N_UNITS = 512
N_CONCEPTS = 2_000
ROWS = 1_000
WORKLOAD = f"{N_SAMPLES:,} samples, {N_UNITS} units, float32"


@pytest.fixture(scope="module")
def values():
    return np.random.default_rng(0).normal(size=(N_SAMPLES, N_UNITS)).astype(np.float32)


def write(path, values, sparse=()):
    origin = Origin(N_SAMPLES, {"model": "none"}, sparse=sparse)
    with ActivationWriter(path, origin, overwrite=True) as out:
        for row in range(0, N_SAMPLES, ROWS):
            out.write({"layer": values[row : row + ROWS]})
        out.finish()


@contextlib.contextmanager
def nothing_computed():
    with (
        mock.patch.object(dense_rows, "block_checksum", return_value=0),
        mock.patch.object(writer, "verify"),
    ):
        yield


@contextlib.contextmanager
def nothing_compared():
    """Let every checksum be right."""
    with (
        mock.patch.object(stored_matrix, "block_checksum", return_value=0),
        mock.patch.object(stored_matrix, "stored_checksums", lambda _, shape: np.zeros(shape)),
        mock.patch.object(hdf5_checksums, "block_checksums", return_value=np.zeros(0)),
        mock.patch.object(hdf5_checksums.np, "array_equal", return_value=True),
    ):
        yield


def as_before(path, version):
    """Make a file of the format before of one of the present format."""
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = version
        del file.attrs["checksum"]
    return path


def read_all(path):
    total = 0.0
    with open_activations(path) as activations:
        layer = activations.layers["layer"]
        for unit in range(0, N_UNITS, layer.units_at_once):
            block = layer.read(unit, unit + layer.units_at_once)
            total += float(block.data[0] if layer.is_sparse else block[0, 0])
    return total


def within(context, function, *given):
    def call():
        with context():
            return function(*given)

    return call


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_reading_activations(alternate, tmp_path, values, kind):
    if kind == "sparse":
        values = np.where(values > 1.5, values, 0)
    sparse = ["layer"] if kind == "sparse" else []
    write(tmp_path / "now.h5", values, sparse)
    write(tmp_path / "before.h5", values, sparse)
    as_before(tmp_path / "before.h5", 1)
    expected = read_all(tmp_path / "now.h5")
    ways = {
        "version 2, with checksums": lambda: read_all(tmp_path / "now.h5"),
        "version 1, without": lambda: read_all(tmp_path / "before.h5"),
        "version 2, nothing compared": within(nothing_compared, read_all, tmp_path / "now.h5"),
    }

    def check(found):
        assert found == expected

    workload = f"reading {kind} activations: {WORKLOAD}"
    alternate(workload, [Way(*way, check) for way in ways.items()], table="checksums")


def test_writing_activations(alternate, tmp_path, values):
    path = tmp_path / "x.h5"
    ways = {
        "with checksums, read back": lambda: write(path, values),
        "nothing computed, nothing read back": within(nothing_computed, write, path, values),
    }
    alternate(
        f"writing dense activations: {WORKLOAD}",
        [Way(*way) for way in ways.items()],
        table="checksums",
    )


def test_extracting(alternate, tmp_path, values):
    """A model of a single product of matrices: of all models it spends the least on a sample."""
    onnx = pytest.importorskip("onnx")
    weights = np.random.default_rng(2).normal(size=(N_UNITS, N_UNITS)).astype(np.float32)
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["layer"])],
        "product",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", N_UNITS])],
        [onnx.helper.make_tensor_value_info("layer", onnx.TensorProto.FLOAT, ["n", N_UNITS])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    opset = [onnx.helper.make_opsetid("", 17)]
    onnx.save(onnx.helper.make_model(graph, opset_imports=opset, ir_version=8), tmp_path / "m.onnx")
    settings = {"batch_size": ROWS, "device": "cpu", "overwrite": True}

    def run():
        extract(tmp_path / "m.onnx", values, tmp_path / "x.h5", ["layer"], **settings)

    ways = {
        "with checksums, read back": run,
        "nothing computed, nothing read back": within(nothing_computed, run),
    }
    alternate(
        f"`invert extract`, one product of matrices: {WORKLOAD}",
        [Way(*way) for way in ways.items()],
        table="checksums",
    )


def test_labelling(alternate, tmp_path, values):
    for name in ("now.h5", "before.h5"):
        write(tmp_path / name, values)
    as_before(tmp_path / "before.h5", 1)
    labels = np.random.default_rng(1).random((N_SAMPLES, N_CONCEPTS), np.float32) < 0.02
    concepts = ConceptSet.from_arrays(labels, id=[f"c{number}" for number in range(N_CONCEPTS)])
    settings = Settings(length=1, objective="auc")
    expected = label(tmp_path / "now.h5", concepts, settings=settings, units="0-63").to_csv()

    def check(found):
        assert found.to_csv() == expected

    ways = {
        f"version {version}": lambda name=name: label(
            tmp_path / name, concepts, settings=settings, units="0-63"
        )
        for name, version in (("now.h5", "2, with checksums"), ("before.h5", "1, without"))
    }
    alternate(
        f"`label`, 64 units, length 1, {N_CONCEPTS:,} concepts: {WORKLOAD}",
        [Way(*way, check) for way in ways.items()],
        table="checksums",
    )


def test_concepts(alternate, tmp_path):
    labels = np.random.default_rng(1).random((N_SAMPLES, N_CONCEPTS), np.float32) < 0.02
    ids = [f"concept {number}" for number in range(N_CONCEPTS)]
    concepts = ConceptSet.from_arrays(labels, id=ids)
    for name in ("now.h5", "before.h5"):
        write_concepts(tmp_path / name, concepts)
    as_before(tmp_path / "before.h5", 1)

    def check(found):
        np.testing.assert_array_equal(found.bits, concepts.bits)

    ways = {
        "version 3, with checksums": lambda: read_hdf5(tmp_path / "now.h5"),
        "version 1, without": lambda: read_hdf5(tmp_path / "before.h5"),
    }
    alternate(
        f"reading {N_CONCEPTS:,} concepts on {N_SAMPLES:,} samples",
        [Way(*way, check) for way in ways.items()],
        table="checksums",
    )
