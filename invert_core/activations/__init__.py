"""Activations of layers over samples: values, readers of their files, and the writer."""

from invert_core.activations.reading import open_activations
from invert_core.activations.values import ActivationLayer, Activations
from invert_core.activations.writing.writer import ActivationWriter

__all__ = ["ActivationLayer", "ActivationWriter", "Activations", "open_activations"]
