"""Runs PyTorch modules."""

from invert_core.backends.torch.model import TorchBackend, TorchModel

__all__ = ["TorchBackend", "TorchModel"]
