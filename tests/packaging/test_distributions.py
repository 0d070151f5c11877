"""What the wheel and the sdist contain, and what they say about themselves."""

import configparser
import email
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

import invert_core

pytestmark = [pytest.mark.packaging, pytest.mark.slow]


def files_below(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and ".egg-info" not in str(path)
    }


@pytest.fixture(scope="session")
def wheel_files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if not name.endswith("/")}


@pytest.fixture(scope="session")
def dist_info():
    return f"invert_core-{invert_core.__version__}.dist-info"


@pytest.fixture(scope="session")
def metadata(wheel, dist_info):
    with zipfile.ZipFile(wheel) as archive:
        return email.message_from_bytes(archive.read(f"{dist_info}/METADATA"))


def test_the_wheel_holds_the_library_with_the_backends_inside_and_nothing_else(
    wheel_files, dist_info, checkout
):
    expected = {f"invert_core/{name}" for name in files_below(checkout / "invert_core")}
    expected |= {f"invert_core/backends/{name}" for name in files_below(checkout / "backends")}
    code = {name for name in wheel_files if not name.startswith(dist_info)}
    assert code == expected
    assert {"invert_core/py.typed", "invert_core/demo/digits.onnx"} <= code
    assert "invert_core/backends/onnx/__init__.py" in code


def test_every_package_is_listed_in_setup_cfg(checkout):
    setup = configparser.ConfigParser()
    setup.read(checkout / "setup.cfg")
    listed = setup["options"]["packages"].split()
    found = {
        PurePosixPath(top, name).parent.as_posix().replace("/", ".")
        for top, folder in (("invert_core", "invert_core"), ("invert_core/backends", "backends"))
        for name in files_below(checkout / folder)
        if name.endswith(".py")
    }
    assert listed == sorted(found)


def test_the_wheel_says_what_it_is(metadata):
    assert metadata["Name"] == "invert-core"
    assert metadata["Version"] == invert_core.__version__
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Summary"]
    assert metadata.get_payload().strip(), "the README is missing"


def test_the_wheel_offers_these_extras(metadata):
    assert set(metadata.get_all("Provides-Extra")) == {
        "onnx",
        "onnx-gpu",
        "onnx-gpu-libs",
        "torch",
        "parquet",
        "plot",
        "safetensors",
        "text",
        "bench",
        "dev",
    }


def test_the_wheel_carries_its_licence(wheel, dist_info, checkout):
    with zipfile.ZipFile(wheel) as archive:
        licence = archive.read(f"{dist_info}/licenses/LICENSE")
    assert licence == (checkout / "LICENSE").read_bytes()


def test_the_wheel_installs_one_command(wheel, dist_info):
    with zipfile.ZipFile(wheel) as archive:
        entries = configparser.ConfigParser()
        entries.read_string(archive.read(f"{dist_info}/entry_points.txt").decode())
    assert dict(entries["console_scripts"]) == {"invert": "invert_core.entry:main"}


def test_the_sdist_holds_everything_that_development_needs(sdist, checkout):
    with tarfile.open(sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    expected = {
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "Makefile",
        "README.md",
        "cli.py",
        "constraints.txt",
        "pyproject.toml",
        "setup.cfg",
    }
    for folder in ("invert_core", "backends", "tests", "bench", "docs", "examples"):
        expected |= {f"{folder}/{name}" for name in files_below(checkout / folder)}
    assert expected - names == set()


def test_the_sdist_holds_no_compiled_leftovers(sdist):
    with tarfile.open(sdist) as archive:
        suffixes = {PurePosixPath(name).suffix for name in archive.getnames()}
    assert suffixes.isdisjoint({".pyc", ".nbi", ".nbc"})
