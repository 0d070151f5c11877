"""Model files and external data: what is read, what is refused."""

import hashlib
import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from invert_core import extract
from invert_core.backends.onnx import OnnxBackend
from invert_core.errors import ChangedFileError, MissingFileError, ModelError
from tests.backends import models


def external(folder: Path, location="weights.bin", name="model.onnx"):
    """Save `network` with its weights in a second file, at any stated location."""
    proto = models.network()
    weights = b""
    for tensor in proto.graph.initializer:
        if tensor.name == "to_tokens":
            continue
        content = tensor.raw_data
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, entry in {
            "location": location,
            "offset": len(weights),
            "length": len(content),
        }.items():
            tensor.external_data.add(key=key, value=str(entry))
        weights += content
    folder.mkdir(exist_ok=True)
    return models.save(proto, folder, name), weights


def test_external_data_in_the_folder_are_used(tmp_path):
    path, weights = external(tmp_path / "model", "part/weights.bin")
    (tmp_path / "model" / "part").mkdir()
    (tmp_path / "model" / "part" / "weights.bin").write_bytes(weights)
    x = models.network_input()
    found = models.run(path, ["relu"], x)["relu"]
    right = models.network_layers(x)["relu"].mean((2, 3))
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)
    assert OnnxBackend.open(path).layers()[0].shape == (None, 4, 4, 5)


def test_external_data_are_found_from_another_folder(tmp_path, monkeypatch):
    path, weights = external(tmp_path / "model")
    (tmp_path / "model" / "weights.bin").write_bytes(weights)
    monkeypatch.chdir(tmp_path / "model")
    assert models.run(Path(path).name, ["relu"], models.network_input())["relu"].shape == (7, 4)
    monkeypatch.chdir(tmp_path)
    assert models.run("model/model.onnx", ["relu"], models.network_input())["relu"].shape == (7, 4)


@pytest.mark.parametrize(
    "location",
    [
        "../outside.bin",
        "part/../../outside.bin",
        "..\\outside.bin",
        "{folder}/outside.bin",
        "C:\\outside.bin",
        "\\outside.bin",
        "link.bin",
        "linked/outside.bin",
        "",
    ],
)
def test_external_data_outside_of_the_folder_are_refused(tmp_path, location):
    path, weights = external(tmp_path / "model", location.format(folder=tmp_path))
    (tmp_path / "outside.bin").write_bytes(weights)
    (tmp_path / "model" / "link.bin").symlink_to(tmp_path / "outside.bin")
    (tmp_path / "model" / "linked").symlink_to(tmp_path)
    with pytest.raises(ModelError, match="outside the model's folder"):
        OnnxBackend.open(path)


@pytest.mark.parametrize("location", ["null\0byte", "long" * 2000, "loop.bin"])
def test_external_data_at_impossible_places_are_refused(tmp_path, location):
    path, _ = external(tmp_path / "model", location)
    (tmp_path / "model" / "loop.bin").symlink_to("loop.bin")
    # From Python 3.13 on, a link to itself is not an error but simply not a file.
    with pytest.raises((ModelError, MissingFileError), match=r"not a usable path|file is missing"):
        OnnxBackend.open(path)


def test_external_data_of_inner_constants_are_checked_too(tmp_path):
    stolen = helper.make_tensor("stolen", TensorProto.FLOAT, [2], [0, 0])
    stolen.ClearField("float_data")
    stolen.data_location = TensorProto.EXTERNAL
    stolen.external_data.add(key="location", value="/etc/hostname")
    body = helper.make_graph(
        [models.node("Constant", "", "inner", value=stolen)],
        "body",
        [],
        [models.value("inner", None)],
    )
    proto = models.model(
        [models.node("If", "yes", "y", then_branch=body, else_branch=body)],
        [models.value("x", ["n", 2])],
        [models.value("y", None)],
        {"yes": np.array(True)},
    )
    with pytest.raises(ModelError, match="'/etc/hostname', which lies outside"):
        OnnxBackend.open(models.save(proto, tmp_path))


def test_missing_external_data_are_named(tmp_path):
    path, _ = external(tmp_path / "model")
    with pytest.raises(MissingFileError, match=r"'weights\.bin', but that file is missing"):
        OnnxBackend.open(path)


def test_short_external_data_are_refused(tmp_path):
    path, weights = external(tmp_path / "model")
    (tmp_path / "model" / "weights.bin").write_bytes(weights[:-8])
    with pytest.raises(ModelError):
        models.run(path, ["logits"], models.network_input())


def test_the_fingerprint_is_that_of_the_file(tmp_path):
    path = models.save(models.network(), tmp_path)
    right = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert OnnxBackend.open(path).fingerprint == right


def test_the_fingerprint_follows_external_data(tmp_path):
    path, weights = external(tmp_path / "model")
    file = tmp_path / "model" / "weights.bin"
    file.write_bytes(weights)
    before = OnnxBackend.open(path).fingerprint
    assert OnnxBackend.open(path).fingerprint == before
    file.write_bytes(weights[:-1] + bytes([weights[-1] ^ 1]))
    assert OnnxBackend.open(path).fingerprint != before


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(MissingFileError, match="is a folder"):
        OnnxBackend.open(str(tmp_path))


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(MissingFileError, match="is a pipe"):
        OnnxBackend.open(str(tmp_path / "model.onnx"))


def test_a_file_of_more_than_2_gb_is_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(2**31)
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("it was read"))
    with pytest.raises(ModelError, match="more than 2 GB"):
        OnnxBackend.open(str(path))


def test_a_model_without_nodes_is_called_so(tmp_path):
    values = [models.value("x", ["batch", 3])]
    with pytest.raises(ModelError, match="has no nodes"):
        OnnxBackend.open(models.save(models.model([], values, values), tmp_path))


def test_a_truncated_model_is_refused(tmp_path):
    content = models.network().SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ModelError, match="is not an ONNX model"):
        OnnxBackend.open(str(path))


def test_names_that_are_no_text_are_refused(tmp_path):
    content = models.network().SerializeToString().replace(b"tokens", b"t\xffkens")
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not an ONNX model"):
        OnnxBackend.open(str(path))


def test_an_input_of_an_unknown_type_is_refused(tmp_path):
    proto = models.network()
    proto.graph.input[0].type.tensor_type.elem_type = 79
    with pytest.raises(ModelError, match="'x' is not a tensor"):
        OnnxBackend.open(models.save(proto, tmp_path))


def test_an_input_that_is_no_tensor_is_refused(tmp_path):
    proto = models.network()
    sequence = helper.make_tensor_sequence_value_info("many", TensorProto.FLOAT, None)
    proto.graph.input.append(sequence)
    with pytest.raises(ModelError, match="'many' is not a tensor"):
        OnnxBackend.open(models.save(proto, tmp_path))


def test_an_input_without_a_shape_is_refused(tmp_path):
    proto = models.network()
    proto.graph.input.append(models.value("open", None))
    with pytest.raises(ModelError, match="how many axes its input 'open' has"):
        OnnxBackend.open(models.save(proto, tmp_path))


def test_onnx_itself_saves_models_that_can_be_read(tmp_path):
    onnx.save(
        models.network(),
        tmp_path / "model.onnx",
        save_as_external_data=True,
        location="model.onnx.data",
        size_threshold=0,
    )
    found = models.run(str(tmp_path / "model.onnx"), ["logits"], models.network_input())["logits"]
    right = models.network_layers(models.network_input())["logits"]
    np.testing.assert_allclose(found, right, rtol=1e-5, atol=1e-6)


def test_external_data_that_change_before_the_end_are_refused(tmp_path):
    path, weights = external(tmp_path / "model")
    stored = tmp_path / "model" / "weights.bin"
    stored.write_bytes(weights)

    def replaced(*_):
        copy = stored.with_name("copy")
        copy.write_bytes(weights)
        copy.replace(stored)

    x, output = models.network_input(), tmp_path / "acts.h5"
    with pytest.raises(ChangedFileError, match=r"weights\.bin' was replaced"):
        extract(path, x, output, ["relu"], batch_size=2, progress=replaced)
    assert not output.exists()


def test_a_model_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = models.save(models.network(), tmp_path)
    read = Path.read_bytes

    def and_then_touched(self):
        content = read(self)
        os.utime(self, ns=(0, 0))
        return content

    monkeypatch.setattr(Path, "read_bytes", and_then_touched)
    with pytest.raises(ChangedFileError):
        OnnxBackend.open(path)
