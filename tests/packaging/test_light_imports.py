"""What must answer at once imports nothing heavy, not even where it is not installed."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
RUN = ROOT / "tests" / "golden" / "run_v1"

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


COMMAND = """
from invert_core.entry import main

sys.argv = ["invert", *{words}]
main()
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


def run_command(*words: object) -> subprocess.CompletedProcess[str]:
    return run(COMMAND.format(words=list(map(str, words))))


@pytest.fixture
def certified(tmp_path):
    """The golden run as an exhaustive search would have written it."""
    folder = shutil.copytree(RUN, tmp_path / "certified")
    info = json.loads((folder / "run.json").read_text("utf-8"))
    info["settings"]["search"] = "exhaustive"
    (folder / "run.json").write_text(json.dumps(info), "utf-8")
    labels = folder / "labels.jsonl"
    rows = [json.loads(line) | {"gap": 0.0} for line in labels.read_text("utf-8").splitlines()]
    labels.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


@pytest.mark.parametrize("style", ["table", "csv", "json"])
@pytest.mark.parametrize("unit", [(), ("layer4.1.relu:0",)])
def test_a_run_is_shown_without_anything_heavy(style, unit):
    done = run_command("show", RUN, *unit, "-q", "--format", style)
    assert (done.returncode, done.stderr) == (0, "")
    assert "box" in done.stdout


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_run_is_exported_without_anything_heavy(kind, tmp_path):
    done = run_command("export", RUN, "-q", "-o", tmp_path / f"labels.{kind}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "box" in (tmp_path / f"labels.{kind}").read_text("utf-8")


def test_runs_are_compared_without_anything_heavy(certified):
    done = run_command("compare", RUN, certified)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("optimal in ")


def test_samples_are_copied_with_pillow_and_h5py_alone(tmp_path):
    Image.new("L", (3, 2)).save(tmp_path / "a.png")
    (tmp_path / "texts.csv").write_text("text\none\n")
    np.save(tmp_path / "a.npy", np.zeros((1, 1, 8, 8)))
    places = {"images": tmp_path, "texts": tmp_path / "texts.csv", "arrays": tmp_path / "a.npy"}
    sources = [{"kind": kind, "path": str(place)} for kind, place in places.items()]
    code = """
HEAVY -= {{"PIL", "h5py"}}
from invert_core import shown_samples
for source in {sources}:
    made = shown_samples({{0: "a.png"}}, source)
    assert made.picture or made.text, made.missing
"""
    done = run(code.format(sources=sources))
    assert done.returncode == 0, done.stderr


def test_a_heavy_import_is_noticed():
    assert " is imported" in run("import invert_core; invert_core.mann_whitney").stderr


def test_a_heavy_import_of_a_command_is_noticed(tmp_path):
    done = run_command("export", RUN, "-o", tmp_path / "labels.parquet")
    assert done.returncode == 1
    assert "pyarrow is imported" in done.stderr


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
