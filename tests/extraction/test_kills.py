"""An extraction that is killed at any moment goes on and makes the same bytes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here"),
]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """What `killer` did: at random moments, and before and after every step."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.extraction.killer", tmp_path_factory.mktemp("killed")],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_killed_at_random_moments(report):
    kept = report["kept at random"]
    assert len(kept) >= 15
    assert len(set(kept)) >= 5
    assert all(0 < rows < report["samples"] for rows in kept)
    assert report["random files are equal"]
    assert all(report["random files are equal"])


def test_killed_before_and_after_every_step(report):
    wrong = [
        name
        for name, (killed, _, nothing_else_is_left, equal) in report["steps"].items()
        if not (killed and nothing_else_is_left and equal)
    ]
    assert not wrong
    kept = [rows for _, rows, *_ in report["steps"].values() if rows]
    assert sum(0 < rows < report["samples"] for rows in kept) >= 15
    assert any(rows == report["samples"] for rows in kept), "never killed in making columns"
    assert any(rows % 1024 for rows in kept), "never killed within a stripe"
