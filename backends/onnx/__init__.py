"""Runs ONNX models with ONNX Runtime."""

from invert_core.backends.onnx.model import OnnxBackend

__all__ = ["OnnxBackend"]
