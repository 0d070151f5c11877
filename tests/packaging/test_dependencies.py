"""What the code imports against what setup.cfg declares and constraints.txt pins."""

import ast
import configparser
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.lowest import SETUP, declared, lowest

ROOT = Path(__file__).resolve().parents[2]

DISTRIBUTION = {"PIL": "pillow", "google": "onnx"}
"""Where it is not called like the module; protobuf's messages are part of onnx's interface."""

EXTRA = {
    "backends/onnx/": "onnx",
    "backends/torch/": "torch",
    "invert_core/data/arrays/array_files.py": "safetensors",
    "invert_core/tables/parquet_table.py": "parquet",
    "invert_core/data/texts/": "text",
    "invert_core/results/export.py": "parquet",
    "invert_core/report/probe_picture.py": "plot",
    "invert_core/testing/": "dev",
}
"""The extra that a file may rely on; every other file has the core's dependencies alone."""


@pytest.fixture(scope="module")
def setup():
    parser = configparser.ConfigParser()
    parser.read(ROOT / "setup.cfg")
    return parser


def requirements(text: str) -> list[Requirement]:
    return [Requirement(line) for line in text.split("\n") if line]


def names(text: str) -> set[str]:
    return {canonicalize_name(each.name) for each in requirements(text)}


def imported() -> dict[str, set[str]]:
    """Third-party distributions that each source file imports."""
    found: dict[str, set[str]] = {}
    for top in ("invert_core", "backends"):
        for path in sorted((ROOT / top).rglob("*.py")):
            modules: set[str] = set()
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.Import):
                    modules |= {alias.name.partition(".")[0] for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    assert node.level == 0, f"{path} imports relatively"
                    modules.add((node.module or "").partition(".")[0])
            modules -= {*sys.stdlib_module_names, "invert_core"}
            found[path.relative_to(ROOT).as_posix()] = {
                DISTRIBUTION.get(module, module) for module in modules
            }
    return found


def test_every_file_imports_only_what_is_declared_for_it(setup):
    core = names(setup["options"]["install_requires"])
    undeclared = {}
    for path, distributions in imported().items():
        allowed = set(core)
        for prefix, extra in EXTRA.items():
            if path.startswith(prefix):
                allowed |= names(setup["options.extras_require"][extra])
        if distributions - allowed:
            undeclared[path] = distributions - allowed
    assert undeclared == {}


def test_every_declared_dependency_of_the_core_is_imported_somewhere(setup):
    core = names(setup["options"]["install_requires"])
    assert core - set().union(*imported().values()) == set()


def test_both_onnx_runtimes_come_with_the_same_companions(setup):
    extras = setup["options.extras_require"]
    companions = {
        extra: {str(each) for each in requirements(extras[extra]) if "onnxruntime" not in each.name}
        for extra in ("onnx", "onnx-gpu", "onnx-gpu-libs")
    }
    assert companions["onnx"] == companions["onnx-gpu"] == companions["onnx-gpu-libs"]


@pytest.fixture(scope="module")
def pinned():
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    constraints = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(each.name): each.specifier for each in constraints}


def test_constraints_pin_one_version_of_each_package(pinned):
    assert all(str(specifier).startswith("==") for specifier in pinned.values())


def test_constraints_pin_everything_that_make_installs(setup, pinned):
    if not pinned["numpy"].contains(metadata.version("numpy")):
        pytest.skip("needs the pinned versions: others may require other packages")
    extras = setup["options.extras_require"]
    waiting = requirements(
        "\n".join([setup["options"]["install_requires"], extras["onnx"], extras["dev"]])
    )
    seen: set[tuple[str, frozenset[str]]] = set()
    unpinned = set()
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        key = (name, frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        if name not in pinned:
            unpinned.add(name)
        for line in metadata.requires(name) or ():
            further = Requirement(line)
            marker = further.marker
            contexts = [{"extra": extra} for extra in ("", *wanted.extras)]
            if marker is None or any(marker.evaluate(context) for context in contexts):
                waiting.append(further)
    assert unpinned == set()


def test_constraints_agree_with_what_is_declared(pinned):
    for wanted in map(Requirement, declared(SETUP.read_text("utf-8"))):
        specifier = pinned.get(canonicalize_name(wanted.name))
        if specifier is not None:
            (version,) = (each.version for each in specifier)
            assert wanted.specifier.contains(version), f"{wanted} against {specifier}"


def test_the_lowest_versions_are_allowed_and_nothing_below_them_is():
    text = SETUP.read_text("utf-8")
    constraints = map(Requirement, lowest(text))
    versions = {each.name: next(iter(each.specifier)).version for each in constraints}
    for wanted in map(Requirement, declared(text)):
        assert wanted.specifier.contains(versions[wanted.name]), wanted
        assert not wanted.specifier.contains(f"{versions[wanted.name]}.dev0", prereleases=True)


@pytest.mark.parametrize(
    ("requirements", "words"),
    [
        ("numpy", "names no lowest version of 'numpy'. Add one with >="),
        ("numpy<3", "names no lowest version of 'numpy<3'"),
        ("numpy>=2\n    numpy>=2.1", "names two lowest versions of numpy. Keep one."),
    ],
)
def test_a_package_without_one_lowest_version_is_named(requirements, words):
    setup = f"[options]\ninstall_requires =\n    {requirements}\n[options.extras_require]\n"
    with pytest.raises(SystemExit, match=re.escape(words)):
        lowest(setup)
