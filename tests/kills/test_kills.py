"""Work that is killed goes on to the same bytes, and the comparison sees where it does not."""

import os
from dataclasses import replace

import pytest

from tests.needs import need

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="processes are not forked here"),
    pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning"),
]
need("onnx")
need("onnxruntime")
need("tokenizers")

from tests.kills.jobs import JOBS
from tests.kills.killing import Victim


@pytest.mark.parametrize("name", ["extract, dense and sparse", "label, overwrite"])
def test_a_few_kills_go_on_to_the_same_bytes(name):
    with Victim(name, JOBS[name], seed=0) as victim:
        counts = victim.kill(4)
    assert (counts["kills"], counts["same"], counts["wrong"]) == (4, 4, 0)


def test_what_is_left_over_or_differs_is_seen(capsys):
    job = JOBS["extract, dense"]

    def run_and_leave(folder):
        seen = folder.parent / "seen"
        n_runs = len(seen.read_bytes()) if seen.exists() else 0
        seen.write_bytes(b"." * (n_runs + 1))
        job.run(folder)
        if n_runs > 5:  # only when it goes on
            (folder / "left").touch()

    with Victim("leaving", replace(job, run=run_and_leave), seed=0) as victim:
        counts = victim.kill(6)
    assert counts["wrong"]
    assert "left is left over" in capsys.readouterr().err
