"""The programs of bench/ say how they are called, and what is missing."""

import importlib
import sys

import pytest
from click.testing import CliRunner

PROGRAMS = (
    *(
        "certificates",
        "compare",
        "concept_tables",
        "cuda",
        "digests",
        "page",
        "report",
        "scale",
        "tables",
        "tails",
    ),
)


@pytest.mark.parametrize("name", PROGRAMS)
def test_help_needs_no_torch_and_breaks_no_name(monkeypatch, name):
    monkeypatch.setitem(sys.modules, "torch", None)
    module = importlib.import_module(f"bench.{name}")
    done = CliRunner().invoke(module.main, ["--help"])
    assert done.exit_code == 0, done.output
    words = done.output.split()
    assert set(getattr(module, "WORKLOADS", ())) <= {word.rstrip(",.:;") for word in words}


def test_a_comparison_without_torch_ends_in_a_sentence(monkeypatch):
    from bench import cuda

    monkeypatch.setitem(sys.modules, "torch", None)
    done = CliRunner().invoke(cuda.main)
    assert done.exit_code == 1
    assert done.output.startswith("Error: torch cannot be imported. Install it with: ")
