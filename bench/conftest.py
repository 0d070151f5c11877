import os
from pathlib import Path

import pytest

from bench import measuring, structures, tables
from bench.measuring import Way
from bench.results import Results, Timing
from invert_core import label

_RESULTS = pytest.StashKey[Results]()
N_UNITS = 512


def pytest_addoption(parser):
    parser.addoption("--json", type=Path, help="Write the results to this file, too.")


def pytest_configure(config):
    # Polars ranks with several threads in three times the processor time, and in no less wall time.
    os.environ.setdefault("POLARS_MAX_THREADS", "1")
    structure = f"ImageNet-val: {structures.hierarchy().made_of}."
    config.stash[_RESULTS] = Results.begun(structure)


def pytest_terminal_summary(terminalreporter, config):
    results, path = config.stash[_RESULTS], config.getoption("json")
    terminalreporter.ensure_newline()
    for line in tables.lines(results):
        terminalreporter.write_line(line)
    if path is not None:
        results.write(path)
        terminalreporter.write_line(f"\nWritten: {path}")


@pytest.fixture(scope="session")
def results(request):
    return request.config.stash[_RESULTS]


@pytest.fixture
def alternate(results):
    """Time ways in turns, and keep the rounds of each if all results pass their checks."""

    def run(workload, ways, *, rounds=5, table="timings"):
        for way, spent in zip(ways, measuring.alternate(ways, rounds), strict=True):
            results.timings.append(
                Timing(workload, way.name, spent, way.part, way.remark, table=table)
            )

    return run


@pytest.fixture
def measure(alternate):
    """Time one function alone, where there is nothing to alternate with."""

    def run(workload, way, function, check, *, rounds=3, part=1.0, remark="", table="timings"):
        alternate(workload, [Way(way, function, check, part, remark)], rounds=rounds, table=table)

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
