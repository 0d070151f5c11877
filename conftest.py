"""Documentation tests import every module; the backend for PyTorch needs torch."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["backends/torch"]
