import time

import pytest

from bench import structures
from bench.tables import Results, Timing, machine
from invert_core import label

_RESULTS = pytest.StashKey[Results]()
N_UNITS = 512


def pytest_configure(config):
    config.stash[_RESULTS] = Results()


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.ensure_newline()
    structure = f"ImageNet-val: {structures.hierarchy().made_of}"
    for line in [machine(), structure, *config.stash[_RESULTS].tables()]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def results(request):
    return request.config.stash[_RESULTS]


@pytest.fixture
def measure(benchmark, results):
    """Time a function and check what it returns; only then does the time count."""

    def run(workload, way, function, check, *, rounds=3, part=1.0, remark="", table="timings"):
        used = []

        def timed():
            before = time.perf_counter(), time.process_time()
            result = function()
            used.append((time.perf_counter() - before[0], time.process_time() - before[1]))
            return result

        benchmark.group = workload
        benchmark.extra_info.update(part=part, remark=remark)
        check(benchmark.pedantic(timed, rounds=rounds))
        passed, busy = min(used)
        getattr(results, table).append(Timing(workload, way, passed, busy / passed, part, remark))

    return run


@pytest.fixture(scope="session")
def data_of(tmp_path_factory):
    """Return data by the name of their structure, after labelling one unit to compile the code."""
    made = {}

    def get(name):
        if name not in made:
            made.clear()  # one at a time: each is hundreds of megabytes
            made[name] = (
                structures.digits(tmp_path_factory.mktemp("digits") / "run")
                if name == "digits"
                else getattr(structures, name)(N_UNITS)
            )
            label(made[name].activations[:, :1], made[name].concepts)
        return made[name]

    return get
