"""Reads the files of an ONNX model: the model file, and weights that are stored beside it."""

import hashlib
import ntpath
from collections.abc import Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, Message

from invert_core.backends.onnx.functions import check_functions
from invert_core.backends.onnx.graph import walk_nodes
from invert_core.errors import MissingFileError, ModelError
from invert_core.files.input_file import check_file
from invert_core.files.unchanged import unchanged

_LARGEST = 2**31 - 1
"""The most bytes that protobuf reads."""


def read_model(path: Path) -> tuple[onnx.ModelProto, str]:
    """Read a model file without its external data.

    Parameters
    ----------
    path : Path
        The model file.

    Returns
    -------
    onnx.ModelProto
        The model.
    str
        SHA-256 of the file, in hex.
    """
    check_file(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise ModelError(
                f"The model file {str(path)!r} has more than 2 GB, which no ONNX file can have.",
                "Keep the weights in a second file (external data).",
            )
        with unchanged(path):
            content = path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"The model file {str(path)!r} cannot be read: {error.strerror}.",
            "Give the path of a readable .onnx file.",
        ) from error
    try:
        proto = onnx.load_model_from_string(content)
    except DecodeError as error:
        raise _not_onnx(path) from error
    if not (proto.ir_version and proto.opset_import and _is_text(proto)):
        raise _not_onnx(path)
    if not proto.graph.node:
        raise ModelError(
            f"The model {str(path)!r} has no nodes, so it has no layers.",
            "Export the model again.",
        )
    check_functions(proto)
    _free_axes(proto.graph)
    return proto, hashlib.sha256(content).hexdigest()


def external_files(proto: onnx.ModelProto, folder: Path) -> dict[str, Path]:
    """Find the files that hold the model's external data.

    Parameters
    ----------
    proto : onnx.ModelProto
        The model without its external data.
    folder : Path
        The folder of the model file.

    Returns
    -------
    dict of str to Path
        The files by the locations that the model names, in sorted order.
    """
    locations = {
        entry.value
        for tensor in _tensors(proto)
        if tensor.data_location == onnx.TensorProto.EXTERNAL
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return {location: _inside(folder, location) for location in sorted(locations)}


def fingerprint(digest: str, external: dict[str, Path]) -> str:
    """Return the SHA-256 of a model file and its external data.

    Parameters
    ----------
    digest : str
        SHA-256 of the model file, in hex, which is returned if there are no external data.
    external : dict of str to Path
        The files that `external_files` found.

    Returns
    -------
    str
        The SHA-256 in hex.
    """
    if not external:
        return digest
    whole = hashlib.sha256(digest.encode())
    for location, file in external.items():
        with open(file, "rb") as stream:
            part = hashlib.file_digest(stream, "sha256").hexdigest()
        whole.update(f"\n{part} {location}".encode())
    return whole.hexdigest()


def _free_axes(graph: onnx.GraphProto) -> None:
    """Leave open the lengths that a model writes as -1, which means any."""
    for value in (*graph.input, *graph.value_info, *graph.output):
        if value.type.HasField("tensor_type"):
            for dim in value.type.tensor_type.shape.dim:
                if dim.HasField("dim_value") and dim.dim_value == -1:
                    dim.ClearField("dim_value")


def _not_onnx(path: Path) -> ModelError:
    return ModelError(
        f"{str(path)!r} is not an ONNX model.",
        "Give a model saved in ONNX's binary format; one of more than 2 GB must keep its "
        "weights in a second file (external data).",
    )


def _is_text(message: Message) -> bool:
    """Return whether all names in a message are text; protobuf returns bytes for invalid UTF-8."""
    for field, content in message.ListFields():
        values = [content] if isinstance(content, (str, bytes, Message)) else content
        if field.type == field.TYPE_STRING and not all(isinstance(each, str) for each in values):
            return False
        if field.type == field.TYPE_MESSAGE and not all(map(_is_text, values)):
            return False
    return True


def _inside(folder: Path, location: str) -> Path:
    parts = location.replace("\\", "/").split("/")
    absolute = parts[0] == "" or ntpath.splitdrive(location)[0]
    file = folder / location
    try:
        leaves = not file.resolve().is_relative_to(folder.resolve())
        there = file.is_file()
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelError(
            f"The model keeps weights in {location[:99]!r}, which is not a usable path: {error}.",
            "Export the model again.",
        ) from error
    if absolute or leaves or ".." in parts:
        raise ModelError(
            f"The model keeps weights in {location!r}, which lies outside the model's folder.",
            "Copy the model and its weights as plain files into one folder, "
            "or do not use this model if you do not know where it comes from.",
        )
    if not there:
        raise MissingFileError(
            f"The model keeps weights in {location!r}, but that file is missing.",
            f"Put it into {str(folder)!r}.",
        )
    return file


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    for graph, nodes in walk_nodes(proto):
        if graph is not None:
            yield from graph.initializer
            for sparse in graph.sparse_initializer:
                yield from (sparse.values, sparse.indices)
        for node in nodes:
            for attribute in node.attribute:
                yield from (attribute.t, *attribute.tensors)
                for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                    yield from (sparse.values, sparse.indices)
