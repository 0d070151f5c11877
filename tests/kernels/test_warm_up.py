"""Who compiles what: a process and its helper, several processes at once, and a filled cache."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time

import numba
import numpy as np
import pytest

from invert_core.kernels import _cache, warm_up
from invert_core.kernels import jobs as all_jobs
from tests.command_line import COMMAND

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="nothing is compiled")

COUNTED = """
import sys
import numpy as np
from numba.core import event
from invert_core.search.beam_search import BeamSearch
from invert_core.concepts import read_concepts
from invert_core.executors.threads import Threads
from invert_core.metrics.concept_auc import ConceptAUC
from invert_core.metrics.evidence import EvidenceMaker
from invert_core.search.exhaustive_search import ExhaustiveSearch
from invert_core.search.masked_search import MaskedSearch
from invert_core.search.measured_search import MeasuredSearch
from invert_core.search.several import Several
from invert_core.activations.groups import Groups
from invert_core.nulls.correcting import Correct
from invert_core.nulls.shared import SharedNulls
from invert_core.settings import Settings

kind, _, objective = sys.argv[1].partition(" by ")
searches = {"beam": BeamSearch, "exhaustive": ExhaustiveSearch, "masked": MaskedSearch}
searches["measured"] = MeasuredSearch
concepts = read_concepts(sys.argv[2], missing="exclude")
limit = None if objective else 2
settings = Settings(direction="both", limit_search=limit, objective=objective or "auc")
alone = searches[kind](concepts, settings, map(np.dtype, ("float32", "float64")))
maker = EvidenceMaker(concepts, settings, map(np.dtype, ("float32", "float64")))
make = lambda units, found: maker(units, found.results)
# Groups of different sizes, within which all labels are constant.
groups = Groups.of([str(atom) for atom in alone.atoms.of_sample])
for of in (None, groups):
    search = alone
    if of is not None:
        search = Correct(alone, SharedNulls(alone, concepts, 1), of, 100).search
    search = Several([search], ConceptAUC(concepts, settings, 4))
    counted = event.RecordingListener()
    with event.install_listener("numba:compile", counted):
        for float_type in (np.float32, np.float64):
            values = np.load("activations.npy").T.astype(float_type, order="C")
            pieces = list(Threads(1).pieces(search, [values], make=make))
    assert sum(map(len, pieces)) == values.shape[0]
    print([e.data["dispatcher"].py_func.__name__ for _, e in counted.buffer])
"""

HELD_OUT = """
import itertools
import sys
import numpy as np
import scipy.sparse
from numba.core import event
from invert_core import Settings, label, read_concepts
from invert_core.labelling.held_out_rows import held_out_test, with_held_out
from invert_core.labelling.inputs import Inputs

concepts = read_concepts(sys.argv[1], missing="exclude")
values = np.load("activations.npy")
counted = event.RecordingListener()
groups = [f"g{number // 2}" for number in range(len(values))]
for given, of in itertools.product(
    (values, values.astype(np.float64), scipy.sparse.csc_array(values)), (None, groups)
):
    inputs = Inputs(given, concepts, missing="exclude", groups=of)
    # The same samples serve as held-out ones.
    labels = label(given, concepts, missing="exclude", settings=Settings(permutations=0))
    with inputs.open() as work, held_out_test(work, 1, independent=True) as test:
        with event.install_listener("numba:compile", counted):
            for table in labels.tables:
                assert np.isfinite(with_held_out(table, test, 0.01).array("auc_held_out")).all()
print([e.data["dispatcher"].py_func.__name__ for _, e in counted.buffer])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with an activation file, a concept file and an empty cache."""
    folder = tmp_path_factory.mktemp("start")
    rng = np.random.default_rng(7)
    labels = rng.random((200, 5)) < 0.3
    activations = rng.normal(size=(200, 4)) + 2 * labels[:, :4]
    np.save(folder / "activations.npy", activations.astype(np.float32))
    rows = [["sample_id", *"abcde"], *([f"s{i}", *map(int, row)] for i, row in enumerate(labels))]
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


@pytest.mark.slow
def test_processes_that_compile_at_once_give_one_result(at_once, folder):
    one, two = ((folder / run / "labels.csv").read_bytes() for run in ("one", "two"))
    assert one == two
    assert one.count(b"\n") > 4


@pytest.mark.slow
def test_compiling_is_announced_first_and_not_where_it_is_done_already(at_once, folder):
    for said in at_once:
        assert "Compiling kernels" in said.partition("Labelling: all")[0]
    again = labelling(folder, "again")
    assert "ompiling" not in again.communicate()[1]
    assert again.returncode == 0
    assert (folder / "again" / "labels.csv").read_bytes() == (
        folder / "one" / "labels.csv"
    ).read_bytes()


IMPORTED = """
import sys
from invert_core import label_files
label_files("activations.npy", "concepts.csv", "imported", overwrite=True)
print(*sys.modules)
"""


@pytest.mark.slow
def test_a_labelling_with_compiled_kernels_imports_no_compiler_of_random_numbers(at_once, folder):
    # Numba imports it, and all else that it can compile, when it compiles anything.
    printed, said = started(folder, sys.executable, "-c", IMPORTED).communicate()
    assert "numba" in printed.split(), said
    assert "numba.np.random.generator_methods" not in printed.split()


NOT_PLAIN = ("exhaustive.", "pairs.", "triples.", "bounds.", "subsets.", "codes.shorten", "planes.")


@pytest.mark.slow
def test_a_plain_labelling_compiles_no_kernel_of_other_searches_and_float_types(at_once, folder):
    kept = {path.name for path in (folder / "cache").rglob("*-*")}
    assert any(name.startswith("beam_search.search_all-") for name in kept)
    assert [name for name in kept if name.startswith(NOT_PLAIN)] == []
    done = {path.stem for path in (folder / "cache").rglob("*.done")}
    assert done == {
        all_jobs.SEARCH,
        all_jobs.MEASURED_SEARCH,
        all_jobs.DRAWS,
        all_jobs.RANKS,
        all_jobs.INDEX,
        all_jobs.ATOMS,
        all_jobs.TAILS,
        all_jobs.SHUFFLES,
        all_jobs.EVIDENCE,
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("search", "concepts"),
    [
        ("beam", "concepts.csv"),
        ("exhaustive", "concepts.csv"),
        ("masked", "blanks.csv"),
        ("measured by phi", "concepts.csv"),
        ("measured by mad", "concepts.csv"),
    ],
)
def test_nothing_is_compiled_after_a_search_is_made_ready(at_once, folder, search, concepts):
    counting = started(folder, sys.executable, "-c", COUNTED, search, concepts)
    printed, said = counting.communicate()
    assert counting.returncode == 0, said
    assert printed.split("\n") == ["[]", "[]", ""]  # alone, and with samples in groups


@pytest.mark.slow
@pytest.mark.parametrize("concepts", ["concepts.csv", "blanks.csv"])
def test_nothing_is_compiled_after_held_out_samples_are_made_ready(at_once, folder, concepts):
    counting = started(folder, sys.executable, "-c", HELD_OUT, concepts)
    printed, said = counting.communicate()
    assert counting.returncode == 0, said
    assert printed.strip() == "[]"


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """An empty cache and three jobs that compile nothing; the names of those called here."""
    called = []
    monkeypatch.setattr(_cache, "CACHE", tmp_path)
    monkeypatch.setattr(_cache, "_lost", [])
    monkeypatch.setattr(warm_up, "_compiled_here", set())
    monkeypatch.setattr(warm_up, "JOBS", {name: lambda n=name: called.append(n) for name in "abc"})
    return called


def no_helper(*given):
    raise OSError(12, "no more processes")


def test_jobs_are_called_in_their_order_and_once(jobs, monkeypatch):
    monkeypatch.setattr(warm_up, "_start", no_helper)
    warm_up.compile_jobs("b", "a")
    assert jobs == ["b", "a"]
    warm_up.compile_jobs("a", "b", "c")
    assert jobs == ["b", "a", "c"]


def test_jobs_that_another_process_has_done_are_not_called(jobs, monkeypatch):
    monkeypatch.setattr(warm_up, "_start", no_helper)
    _cache.note_done("a")
    warm_up.compile_jobs("a", "b")
    assert jobs == ["b"]


def test_where_nothing_can_be_kept_a_process_still_calls_each_job_once(jobs, monkeypatch):
    monkeypatch.setattr(_cache, "CACHE", None)
    warm_up.compile_jobs("a", "b")
    warm_up.compile_jobs("a", "b")
    assert jobs == ["a", "b"]


def helper(monkeypatch, source):
    """Let the helper run other code."""
    monkeypatch.setattr(warm_up, "_can_have_helper", lambda: True)
    monkeypatch.setattr(warm_up, "_HELPER", source)


def test_a_helper_that_fails_is_told_of_and_its_jobs_are_done_here(jobs, monkeypatch, caplog):
    helper(monkeypatch, "raise RuntimeError('this helper breaks')")
    started = threading.Event()
    monkeypatch.setitem(warm_up.JOBS, "a", lambda: jobs.append("a") or started.wait(5))
    warm_up.compile_jobs("a", "b", "c")
    assert jobs == ["a", "b", "c"]
    assert "this one did its work: RuntimeError: this helper breaks" in caplog.text


def test_a_helper_that_cannot_be_started_is_no_failure(jobs, monkeypatch, caplog):
    helper(monkeypatch, "")
    monkeypatch.setattr(warm_up, "_start", no_helper)
    warm_up.compile_jobs("a", "b")
    assert jobs == ["a", "b"]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_a_single_job_needs_no_helper(jobs, monkeypatch):
    helper(monkeypatch, "")
    monkeypatch.setattr(warm_up, "_start", lambda *given: pytest.fail("a helper was started"))
    warm_up.compile_jobs("a")
    assert jobs == ["a"]


def test_jobs_of_a_helper_are_waited_for_in_silence_and_not_done_again(jobs, monkeypatch, caplog):
    helper(
        monkeypatch,
        "import sys, time; sys.path[:] = sys.argv[1].split('\\n')\n"
        "from pathlib import Path\n"
        "from invert_core.kernels import _cache\n"
        f"_cache.CACHE = Path({str(_cache.CACHE)!r})\n"
        "with _cache.claimed('c'):\n"
        "    (_cache.CACHE / 'begun').touch()\n"
        "    time.sleep(0.5)\n"
        "    _cache.note_done('c')\n",
    )

    def slow():
        jobs.append("a")
        while not (_cache.CACHE / "begun").exists():
            time.sleep(0.01)

    monkeypatch.setitem(warm_up.JOBS, "a", slow)
    with caplog.at_level("INFO", "invert"):
        warm_up.compile_jobs("a", "b", "c")
    assert jobs == ["a", "b"]
    assert "waiting" not in caplog.text


def test_a_second_process_says_that_it_waits_and_goes_on_after_the_first(jobs, monkeypatch, caplog):
    monkeypatch.setattr(warm_up, "_start", no_helper)
    with caplog.at_level("INFO", "invert"):
        with _cache.claimed("b"):
            waiting = threading.Thread(target=warm_up.compile_jobs, args="ab")
            waiting.start()
            while "Another process is compiling kernels; waiting for it." not in caplog.text:
                time.sleep(0.01)
            assert jobs == ["a"]
        waiting.join(60)
    assert jobs == ["a", "b"]


def test_each_step_is_told_where_steps_are_shown(jobs, monkeypatch, caplog):
    monkeypatch.setattr(warm_up, "_start", no_helper)

    def until_told():
        while "1 of 2" not in caplog.text:
            time.sleep(0.01)

    monkeypatch.setitem(warm_up.JOBS, "b", until_told)
    with caplog.at_level("DEBUG", "invert.steps"):
        warm_up.compile_jobs("a", "b")
    assert "Compiling kernels: b (1 of 2 done; only once for each)" in caplog.messages
    assert caplog.messages[-1] == ""


def test_an_application_with_python_inside_is_not_started_again(monkeypatch):
    monkeypatch.setattr(warm_up.os, "cpu_count", lambda: 8)
    monkeypatch.setattr(warm_up.os, "sched_getaffinity", lambda of: range(8), raising=False)
    assert warm_up._can_have_helper()
    monkeypatch.setattr(sys, "executable", "/opt/blender/blender")
    assert not warm_up._can_have_helper()


ABANDONED = """
import sys, time
from invert_core.kernels import warm_up
warm_up._start(["search"], sys.stderr)
time.sleep(600)
"""


def wait_until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def is_free(job):
    with _cache.claimed(job) as free:
        return free


@pytest.mark.slow
def test_a_helper_ends_with_the_process_that_started_it_even_if_that_is_killed(
    tmp_path, monkeypatch
):
    parent = started(tmp_path, sys.executable, "-c", ABANDONED)
    wait_until(lambda: list(tmp_path.rglob("search.lock")))
    [lock] = tmp_path.rglob("search.lock")
    monkeypatch.setattr(_cache, "CACHE", lock.parent)
    time.sleep(0.5)
    assert not is_free("search")
    parent.kill()
    parent.communicate()
    wait_until(lambda: is_free("search"))
    assert not _cache.is_done("search")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is another event there")
def test_ctrl_c_while_kernels_are_compiled_ends_both_processes_cleanly(folder, tmp_path):
    process = subprocess.Popen(
        [*COMMAND, "label", "activations.npy", "concepts.csv", "-o", str(tmp_path / "run")],
        cwd=folder,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: list(tmp_path.rglob("search.lock")))
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    assert process.returncode == 130
    assert "Interrupted" in said
    assert "Traceback" not in said
    for lock in tmp_path.rglob("*.lock"):
        with lock.open("ab") as file:
            assert _cache.try_lock(file.fileno())


def test_jobs_of_two_calls_are_counted_together(jobs, monkeypatch):
    monkeypatch.setattr(warm_up, "_start", no_helper)
    _cache.note_done("a")
    n_compiled = warm_up.compile_jobs("a", "b", later="c")
    assert n_compiled == 1
    assert warm_up.compile_jobs("c", n_before=n_compiled) == 2


def test_a_process_that_stopped_while_it_compiled_is_not_waited_for_without_end(
    jobs, monkeypatch, caplog
):
    monkeypatch.setattr(warm_up, "_start", no_helper)
    monkeypatch.setattr(warm_up, "_PATIENCE", 0.2)
    with _cache.claimed("b"):
        warm_up.compile_jobs("a", "b")
    assert jobs == ["a", "b"]
    assert "has not finished b, so this one compiles, too" in caplog.text
