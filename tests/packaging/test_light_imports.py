"""What must answer at once imports nothing heavy, not even where it is not installed."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

REFUSE_HEAVY = """
import sys

HEAVY = {
    "PIL", "h5py", "matplotlib", "numba", "onnx", "onnxruntime", "pandas", "pyarrow", "scipy",
    "safetensors", "sklearn", "tokenizers", "torch",
}

class Refuse:
    # No ImportError: an optional import that is caught counts too.
    @staticmethod
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] in HEAVY:
            raise AssertionError(f"{name} is imported")

sys.meta_path.insert(0, Refuse)
"""

EVERY_HELP = """
import click
from invert_core.commands import main

def show_help(command, words):
    try:
        command.main([*words, "--help"], prog_name="invert", standalone_mode=False)
    except BaseException as error:
        raise AssertionError(f"invert {' '.join(words)} --help: {error}") from error

def commands(command, words=()):
    yield words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*words, name))

for words in commands(main):
    show_help(main, words)
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", REFUSE_HEAVY + code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize(
    "code",
    ["import invert_core; dir(invert_core); invert_core.__version__", EVERY_HELP],
    ids=["import invert_core", "invert COMMAND --help"],
)
def test_nothing_heavy_is_imported(code):
    done = run(code)
    assert done.returncode == 0, done.stderr


def test_a_heavy_import_is_noticed():
    assert " is imported" in run("import invert_core; invert_core.mann_whitney").stderr


def test_a_labelling_of_arrays_loads_neither_readers_of_sources_nor_the_writer():
    code = """
import sys
import numpy as np
import invert_core
invert_core.label(np.eye(8), {"a": np.arange(8) < 3})
print(*(name for name in sys.modules if name.startswith("invert_core.")))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    loaded = done.stdout.split()
    unwanted = ("concepts.sources", "concepts.hierarchy", "activations.writing", "data", "tables")
    assert "invert_core.concepts.sets.concept_set" in loaded
    assert [
        name
        for name in loaded
        if name.startswith(tuple(f"invert_core.{room}" for room in unwanted))
    ] == []


def test_a_package_names_what_it_gives():
    from invert_core import activations, concepts

    for package in (activations, concepts):
        assert all(hasattr(package, name) for name in package.__all__)
        with pytest.raises(AttributeError, match="has no attribute 'absent'"):
            _ = package.absent
