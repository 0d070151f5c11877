"""`invert` installed from a wheel, in editable form, and uninstalled, run from other folders."""

import csv
import io
import shutil
from pathlib import Path

import pytest

import invert_core
from invert_core.kernels._cache import CACHE

pytestmark = [pytest.mark.packaging, pytest.mark.slow]

WHERE = """
import invert_core, invert_core.backends.onnx
print(invert_core.__file__)
print(invert_core.backends.onnx.__file__)
"""


@pytest.fixture
def occupied(tmp_path):
    """A folder with modules of the user's own that are called like parts of the checkout."""
    for name in ("backends/__init__.py", "tests/__init__.py", "bench/__init__.py", "cli.py"):
        module = tmp_path / name
        module.parent.mkdir(exist_ok=True)
        module.write_text("raise RuntimeError('imported a module of the user')\n")
    return tmp_path


def test_the_library_and_its_backends_come_from_the_installation(installation, tmp_path):
    done = installation.execute(WHERE, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    library, onnx = map(Path, done.stdout.split())
    assert library == installation.library / "__init__.py"
    assert onnx == installation.backends / "onnx" / "__init__.py"


def test_modules_of_the_user_are_not_taken_for_ours(installation, occupied):
    done = installation.execute(WHERE, cwd=occupied)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.split()[1]).is_relative_to(installation.backends)
    listed = installation.invert("backends", "--format", "csv", cwd=occupied)
    assert listed.returncode == 0, listed.stderr
    assert "onnx,built-in,installed," in listed.stdout


def test_modules_of_the_user_stay_importable(installation, occupied):
    code = (
        "import invert_core.backends.onnx\n"
        "for name in ('backends', 'cli', 'tests'):\n"
        "    try:\n"
        "        __import__(name)\n"
        "    except RuntimeError as error:\n"
        "        print(error)\n"
    )
    done = installation.execute(code, cwd=occupied)
    assert done.stdout.splitlines() == ["imported a module of the user"] * 3, done.stderr


def test_the_command_answers_in_an_empty_folder(installation, tmp_path):
    version = installation.invert("--version", cwd=tmp_path)
    assert version.stdout.strip() == f"invert, version {invert_core.__version__}"
    usage = installation.invert("--help", cwd=tmp_path)
    assert usage.returncode == 0, usage.stderr
    assert "doctor" in usage.stdout


@pytest.mark.parametrize("name", ["invert_core.tests", "invert_core.bench", "invert_core.cli"])
def test_what_stands_beside_the_library_is_not_part_of_it(installation, tmp_path, name):
    done = installation.execute(f"import {name}", cwd=tmp_path)
    assert f"No module named '{name}'" in done.stderr


def test_a_checkout_takes_its_own_backends_where_another_one_is_installed(
    editable, checkout, tmp_path
):
    other = tmp_path / "other"
    for folder in ("invert_core", "backends"):
        shutil.copytree(checkout / folder, other / folder)
    done = editable.execute(WHERE, cwd=tmp_path, path=str(other))
    assert done.returncode == 0, done.stderr
    assert all(Path(line).is_relative_to(other) for line in done.stdout.split())


def test_the_demo_runs_from_the_wheel(installed, tmp_path):
    # The sources of the kernels are the same as here, and so is their machine code.
    compiled = {} if CACHE is None else {"NUMBA_CACHE_DIR": str(CACHE.parent)}
    done = installed.invert("demo", "-o", "run", cwd=tmp_path, **compiled)
    assert done.returncode == 0, done.stderr
    assert "output:7" in done.stdout
    assert (tmp_path / "run" / "labels.csv").is_file()


def test_the_doctor_finds_nothing_broken(installed, tmp_path):
    done = installed.invert("doctor", "--format", "csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    states = {row["subject"]: row["state"] for row in csv.DictReader(io.StringIO(done.stdout))}
    assert states["backend onnx: onnx"] == "ok"
    assert "broken" not in states.values()


@pytest.fixture
def without_onnx(tmp_path):
    """A folder for the search path that makes the extra `onnx` look uninstalled."""
    folder = tmp_path / "missing"
    folder.mkdir()
    for name in ("onnx", "onnxruntime"):
        message = f"No module named '{name}'"
        (folder / f"{name}.py").write_text(f"raise ModuleNotFoundError({message!r}, name={name!r})")
    return str(folder)


def test_backends_lists_onnx_as_missing_without_its_extra(installed, tmp_path, without_onnx):
    done = installed.invert("backends", cwd=tmp_path, path=without_onnx)
    assert done.returncode == 0, done.stderr
    assert "No module named 'onnx'" in done.stdout
    assert 'pip install "invert-core[onnx]"' in done.stdout


@pytest.mark.parametrize("command", [("layers", "model.onnx"), ("demo", "-o", "run")])
def test_a_command_that_needs_the_extra_onnx_says_how_to_install_it(
    installed, tmp_path, without_onnx, command
):
    (tmp_path / "model.onnx").write_bytes(b"")
    done = installed.invert(*command, cwd=tmp_path, path=without_onnx)
    assert done.returncode == 1
    assert 'pip install "invert-core[onnx]"' in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_labelling_works_where_no_machine_code_can_be_kept(installed, tmp_path):
    # Files stand where folders would have to be made: that stops even a superuser.
    library = tmp_path / "site" / "invert_core"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(installed.library, library, ignore=ignored)
    (library / "kernels" / "__pycache__").write_text("")
    (tmp_path / "home").write_text("")
    nowhere = str(tmp_path / "home" / "below")
    code = (
        "import invert_core\n"
        "assert invert_core.__file__.startswith({site!r})\n"
        "few = invert_core.Settings(length=1, permutations=0, evidence=False, objective='auc')\n"
        "units, concepts = [[0.0], [1.0], [2.0], [3.0]], {{'high': [0, 0, 1, 1]}}\n"
        "labels = invert_core.label(units, concepts, settings=few)\n"
        "from invert_core.kernels._cache import CACHE\n"
        "print(labels.rows[0].formula, labels.rows[0].auc, CACHE)\n"
    )
    done = installed.execute(
        code.format(site=str(library.parent)),
        cwd=tmp_path,
        path=str(library.parent),
        HOME=nowhere,
        XDG_CACHE_HOME=nowhere,
        LOCALAPPDATA=nowhere,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["high", "1.0", "None"]
