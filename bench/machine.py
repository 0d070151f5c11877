"""What the numbers depend on besides the code: the machine, the versions, and what else it did."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from invert_core.parallel import available_cores

_ROOT = Path(__file__).resolve().parents[1]
_PACKAGES = ("numpy", "numba", "scipy", "polars", "illico", "pysubgroup")


def describe() -> dict[str, Any]:
    """Return the machine as JSON holds it; `load` is the load average of the last minute."""
    return {
        "processor": _processor(),
        "cores": available_cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "load": round(os.getloadavg()[0], 2),
        "versions": {"Python": platform.python_version(), **_versions()},
    }


def line(machine: dict[str, Any]) -> str:
    """Return the machine in a line."""
    versions = ", ".join(f"{name} {of}" for name, of in machine["versions"].items())
    return (
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load']} at the start; "
        f"{versions}"
    )


def here() -> str:
    """Return this machine in a line."""
    return line(describe())


def commit() -> str:
    """Return the commit of the checkout, with `-dirty` if files differ; empty outside Git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=_ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def now() -> str:
    """Return date and time in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8").splitlines() if cpuinfo.is_file() else []
    models = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found
