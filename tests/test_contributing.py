"""What CONTRIBUTING.md shows to add works: it is added to a copy, and its tests pass."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from invert_core.models.registry import open_model
from tests import house

ROOT = Path(__file__).parents[1]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
GUIDES = ("Add a source of concepts", "Add a metric", "Add a command")
OTHERS = {
    "Add a metric": (
        "tests/results/test_run_directory.py::test_the_golden_run_of_version_1_is_read",
        "tests/commands/test_export.py::test_the_golden_run_of_version_1_is_exported_to_the_byte_"
        "with_what_it_did_not_say",
    ),
    "Add a command": (
        "tests/commands/test_help.py::test_every_command_has_a_summary_that_is_not_cut_off",
    ),
}
"""Tests elsewhere that fail if what the guide says to add is not all that is needed."""


def block(kind: str, start: str) -> str:
    """Return the one block of a kind that begins in this way."""
    (found,) = re.findall(
        rf"^```{kind}\n({re.escape(start)}.*?)^```", CONTRIBUTING, flags=re.DOTALL | re.MULTILINE
    )
    return found


def write_package(folder):
    for name in ("my_package.py", "test_my_package.py"):
        (folder / name).write_text(block("python", f'"""{name}"""\n'), encoding="utf-8")
    (folder / "pyproject.toml").write_text(block("toml", "[project]"), encoding="utf-8")


@pytest.mark.slow
def test_the_backend_of_the_guide_passes_the_suite(tmp_path):
    write_package(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\b\d\d passed\b", done.stdout)


def test_the_entry_point_of_the_guide_leads_to_its_backend(tmp_path, monkeypatch):
    write_package(tmp_path)
    # What `pip install` does first: it refuses a folder that setuptools cannot make sense of.
    run(tmp_path, "-c", "import setuptools; setuptools.setup()", "-q", "egg_info")
    monkeypatch.syspath_prepend(str(tmp_path))
    np.save(tmp_path / "model.npy", np.eye(3))
    for spec in (f"mine:{tmp_path / 'model.npy'}", str(tmp_path / "model.npy")):
        assert [layer.n_units for layer in open_model(spec).layers()] == [3]


def blocks_of(section):
    """Language, path and content of the blocks that name a file."""
    _, text = CONTRIBUTING.split(f"## {section}\n")
    return re.findall(
        r"^```(\w+) (\S+)\n(.*?)^```", text.partition("\n## ")[0], flags=re.DOTALL | re.MULTILINE
    )


def apply(path, difference):
    """Put lines with a plus behind the line above them, or in place of it if it has a minus."""
    content = path.read_text("utf-8")
    for mark, above, added in re.findall(r"^([ -])(.+\n)\+(.+\n)", difference, flags=re.MULTILINE):
        before, after = content.split(above)
        content = before + (above if mark == " " else "") + added + after
    path.write_text(content, "utf-8")


@pytest.fixture
def copy(tmp_path):
    """The package, and what the tests of commands need, in a folder of their own."""
    no_caches = shutil.ignore_patterns("__pycache__")
    for folder in ("invert_core", "backends", "tests/golden/run_v1"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=no_caches)
    others = {test.partition("::")[0] for tests in OTHERS.values() for test in tests}
    helpers = (
        *("tests/command_line.py", "tests/commands/conftest.py", "tests/golden/columns.py"),
        "tests/results/changed_files.py",
    )
    for file in ("setup.cfg", *helpers, *others):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def run(copy, *words):
    done = subprocess.run(
        [sys.executable, *words],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": str(copy), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("section", GUIDES)
def test_what_is_added_passes_the_tests_of_the_guide(copy, section):
    added = blocks_of(section)
    assert len(added) >= 3
    for kind, name, content in added:
        path = copy / name
        assert path.exists() == (kind == "diff")
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "diff":
            apply(path, content)
        else:
            path.write_text(content, "utf-8")
    tests = [name for _, name, _ in added if name.startswith("tests/")]
    # Kernels as plain Python wrap around aloud, which machine code does in silence.
    options = ("-q", "-p", "no:cacheprovider", "-W", "ignore:overflow encountered:RuntimeWarning")
    others = OTHERS.get(section, ())
    told = run(copy, "-m", "pytest", *options, *tests, *others)
    assert f"{2 + len(others)} passed" in told
    assert house.against_the_rule(copy) == []


def test_files_that_the_guide_names_are_there():
    prose = re.sub(r"^```\w* \S+\n.*?^```", "", CONTRIBUTING, flags=re.DOTALL | re.MULTILINE)
    tops = "invert_core|backends|tests|bench|docs|examples"
    named = set(re.findall(rf"(?<![\w/])(?:{tops})/[\w./-]*\w/?", prose))
    made = {name for section in GUIDES for _, name, _ in blocks_of(section)}
    assert len(named) > 10
    assert [name for name in sorted(named - made) if not (ROOT / name).exists()] == []
