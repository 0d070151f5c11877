"""The suite can be collected where optional packages are absent, as after ``make test``."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

COLLECT_WITHOUT = """
import sys

ABSENT = {"onnxscript", "torch", "torchvision", "transformers"}

class Hiding:
    def __init__(self, finder):
        self.finder = finder

    def __getattr__(self, name):
        return getattr(self.finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in ABSENT:
            return self.finder.find_spec(name, path, target)

sys.meta_path[:] = map(Hiding, sys.meta_path)

import pytest

sys.exit(pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider"]))
"""


@pytest.mark.slow
def test_everything_can_be_collected_without_torch():
    done = subprocess.run(
        [sys.executable, "-c", COLLECT_WITHOUT],
        cwd=ROOT,
        env={**os.environ, "INVERT_TESTS_NEED": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    assert "tests/backends/torch/test_suite" not in done.stdout
