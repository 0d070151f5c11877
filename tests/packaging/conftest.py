"""Distributions built from a copy of the checkout, and `invert` in fresh environments."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Installation:
    """One way to have `invert`: how it is called, and where its code must come from."""

    command: tuple[str, ...]
    python: Path
    path: str
    library: Path
    backends: Path

    def invert(self, *arguments, cwd, **variables):
        return self._run([*self.command, *arguments], cwd, variables)

    def execute(self, code, *, cwd, **variables):
        return self._run([self.python, "-c", code], cwd, variables)

    def _run(self, command, cwd, variables):
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "NUMBA", "COV"))
        }
        path = os.pathsep.join(filter(None, [variables.pop("path", ""), self.path]))
        return subprocess.run(
            list(map(str, command)),
            cwd=cwd,
            env=environment | {"PYTHONPATH": path} | variables,
            capture_output=True,
            text=True,
            timeout=300,
        )


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of the checkout, so that a build leaves nothing in the original."""
    copy = tmp_path_factory.mktemp("checkout") / "invert"
    leftovers = (".*", "__pycache__", "*.egg-info", "build", "dist", "htmlcov", "invert-demo")
    shutil.copytree(CHECKOUT, copy, ignore=shutil.ignore_patterns(*leftovers))
    return copy


@pytest.fixture(scope="session")
def distributions(checkout, tmp_path_factory):
    """A folder with the sdist, and the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("distributions")
    _check("-m", "build", "--no-isolation", "--outdir", folder, checkout)
    return folder


@pytest.fixture(scope="session")
def wheel(distributions):
    (found,) = distributions.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def sdist(distributions):
    (found,) = distributions.glob("*.tar.gz")
    return found


@pytest.fixture(scope="session")
def installed(wheel, tmp_path_factory):
    environment = tmp_path_factory.mktemp("installed")
    site = _fresh_environment(environment)
    _install(environment, wheel)
    _lend_dependencies(site)
    library = site / "invert_core"
    return Installation(
        (_program(environment, "invert"),),
        _program(environment, "python"),
        "",
        library,
        library / "backends",
    )


@pytest.fixture(scope="session")
def editable(checkout, tmp_path_factory):
    environment = tmp_path_factory.mktemp("editable")
    _lend_dependencies(_fresh_environment(environment))
    _install(environment, "--no-build-isolation", "--editable", checkout)
    return Installation(
        (_program(environment, "invert"),),
        _program(environment, "python"),
        "",
        checkout / "invert_core",
        checkout / "backends",
    )


@pytest.fixture(scope="session")
def uninstalled(checkout, tmp_path_factory):
    environment = tmp_path_factory.mktemp("uninstalled")
    _lend_dependencies(_fresh_environment(environment))
    python = _program(environment, "python")
    return Installation(
        (python, checkout / "cli.py"),
        python,
        str(checkout),
        checkout / "invert_core",
        checkout / "backends",
    )


@pytest.fixture(params=["installed", "editable", "uninstalled"])
def installation(request):
    return request.getfixturevalue(request.param)


def _fresh_environment(folder):
    """Make an environment without pip; return its site-packages."""
    venv.create(folder, with_pip=False, symlinks=os.name != "nt")
    variables = {"base": str(folder), "platbase": str(folder)}
    return Path(sysconfig.get_path("purelib", "venv", variables))


def _lend_dependencies(site):
    """Let an environment import what is installed here, so that nothing must be fetched.

    The line adds a folder to the search path but not what its own .pth files name: an editable
    installation of invert-core stays unseen.
    """
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "lent.pth").write_text("".join(f"{folder}\n" for folder in sorted(folders)))


def _install(environment, *arguments):
    python = _program(environment, "python")
    _check("-m", "pip", "--python", python, "install", "--no-deps", "--no-index", *arguments)


def _program(environment, name):
    return Path(sysconfig.get_path("scripts", "venv", {"base": str(environment)})) / name


def _check(*arguments):
    """Run Python with arguments; what it printed is shown where it fails."""
    done = subprocess.run(
        [sys.executable, *map(str, arguments)], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
