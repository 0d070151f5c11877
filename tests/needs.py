"""Packages that some tests need and that a plain test environment lacks."""

import importlib
import os
from types import ModuleType

import pytest

REQUIRED = os.environ.get("INVERT_TESTS_NEED", "").split()
"""Import names of packages that must be installed; CI sets them, so that no test is skipped."""


def need(name: str) -> ModuleType:
    """Import a package; if it is absent, skip the test module, or fail if it is required."""
    if name.partition(".")[0] in REQUIRED:
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"needs {name}, which is not installed")


def need_torchvision() -> ModuleType:
    """Import torchvision, even if it was built for another torch and lacks its operators.

    Pillow images and data sets need no operators, but the import fails unless they are declared.
    """
    torch = need("torch")
    try:
        return need("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return need("torchvision")
