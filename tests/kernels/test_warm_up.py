"""Processes that start at once with an empty cache, and one that finds it filled."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from tests.command_line import COMMAND

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled"),
]

COUNTED = """
import sys
import numpy as np
from numba.core import event
from invert_core.search.beam_search import BeamSearch
from invert_core.concepts import read_concepts
from invert_core.executors.threads import Threads
from invert_core.search.exhaustive_search import ExhaustiveSearch
from invert_core.search.masked_search import MaskedSearch
from invert_core.settings import Settings

searches = {"beam": BeamSearch, "exhaustive": ExhaustiveSearch, "masked": MaskedSearch}
concepts = read_concepts(sys.argv[2], missing="exclude")
search = searches[sys.argv[1]](concepts, Settings(direction="both", limit_search=2))
counted = event.RecordingListener()
with event.install_listener("numba:compile", counted):
    for float_type in (np.float32, np.float64):
        values = np.load("activations.npy").T.astype(float_type, order="C")
        pieces = list(Threads(1).pieces(search, [values]))
assert sum(map(len, pieces)) == values.shape[0]
print([e.data["dispatcher"].py_func.__name__ for _, e in counted.buffer])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an activation file, a concept file and an empty cache."""
    folder = tmp_path_factory.mktemp("start")
    rng = np.random.default_rng(7)
    labels = rng.random((200, 5)) < 0.3
    np.save(folder / "activations.npy", rng.normal(size=(200, 4)) + 2 * labels[:, :4])
    rows = [["sample", *"abcde"], *([f"s{i}", *map(int, row)] for i, row in enumerate(labels))]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    (folder / "concepts.csv").write_text(text, encoding="utf-8")
    (folder / "blanks.csv").write_text(text.replace("\ns1,0", "\ns1,"), encoding="utf-8")
    return folder


def started(folder, *command):
    return subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"NUMBA_CACHE_DIR": str(folder / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def labelling(folder, run):
    return started(folder, *COMMAND, "label", "activations.npy", "concepts.csv", "-o", run)


@pytest.fixture(scope="module")
def at_once(folder):
    """What two labellings said that began at once with an empty cache."""
    both = [labelling(folder, run) for run in ("one", "two")]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    return said


def test_processes_that_compile_at_once_give_one_result(at_once, folder):
    one, two = ((folder / run / "labels.csv").read_bytes() for run in ("one", "two"))
    assert one == two
    assert one.count(b"\n") > 4


def test_compiling_is_announced_first_and_not_where_it_is_done_already(at_once, folder):
    for said in at_once:
        assert said.startswith("Compiling kernels")
    again = labelling(folder, "again")
    assert "ompiling" not in again.communicate()[1]
    assert again.returncode == 0
    assert (folder / "again" / "labels.csv").read_bytes() == (
        folder / "one" / "labels.csv"
    ).read_bytes()


@pytest.mark.parametrize(
    ("search", "concepts"),
    [("beam", "concepts.csv"), ("exhaustive", "concepts.csv"), ("masked", "blanks.csv")],
)
def test_nothing_is_compiled_after_a_search_is_made_ready(at_once, folder, search, concepts):
    counting = started(folder, sys.executable, "-c", COUNTED, search, concepts)
    printed, said = counting.communicate()
    assert counting.returncode == 0, said
    assert printed.strip() == "[]"
