"""Packages and programs that some tests need and that a plain test environment lacks."""

import importlib
import os
import shutil
from types import ModuleType

import pytest

REQUIRED = os.environ.get("INVERT_TESTS_NEED", "").split()
"""What must be installed, packages by import name; CI sets it, so that no test is skipped."""


def need(name: str) -> ModuleType:
    """Import a package; if it is absent, skip the test module, or fail if it is required."""
    if name.partition(".")[0] in REQUIRED:
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f"needs {name}, which is not installed")


def need_program(name: str) -> str:
    """Return the path of a program; if it is absent, skip the test, or fail if it is required."""
    path = shutil.which(name)
    if path is None:
        reason = f"needs {name}, which is not installed"
        if name in REQUIRED:
            raise FileNotFoundError(f"{reason}; install it with: apt-get install {name}")
        pytest.skip(reason)
    return path


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
