"""Documentation tests import every module; some of them need torch."""

from importlib.util import find_spec

_OF_TORCH = ["backends/torch", "tests/backends/torch_models.py"]

collect_ignore = [] if find_spec("torch") else _OF_TORCH
