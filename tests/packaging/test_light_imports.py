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
