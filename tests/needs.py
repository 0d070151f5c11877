"""Packages that some tests need and a plain test environment lacks."""

import importlib
import os
from types import ModuleType

import pytest

REQUIRED = os.environ.get("INVERT_TESTS_NEED", "").split()
"""Import names that must be there; CI sets it, so that nothing is skipped unnoticed."""


def need(name: str) -> ModuleType:
    """Import a package; skip the test module where it is absent, or fail where it is required."""
    if name.partition(".")[0] in REQUIRED:
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"needs {name}, which is not installed")


def need_torchvision() -> ModuleType:
    """Import torchvision, also one that was built for another torch and lacks its operators.

    Pillow images and the reading of data sets need none. They are named while it is imported.
    """
    torch = need("torch")
    try:
        return need("torchvision")
    except RuntimeError:
        library = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return need("torchvision")
