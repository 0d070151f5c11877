"""Reads what an ONNX file says about itself, such as the names of its classes."""

import onnx


def metadata(proto: onnx.ModelProto) -> dict[str, str]:
    """Return the metadata of a model; of entries with the same key, the last one counts."""
    return {entry.key: entry.value for entry in proto.metadata_props}
