"""The lowest versions that setup.cfg allows, as constraints for pip."""

import configparser
import re
import sys
from pathlib import Path

SETUP = Path(__file__).resolve().parents[2] / "setup.cfg"


def declared(setup: str) -> list[str]:
    """What the package and all of its extras require, in the order of setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read_string(setup)
    groups = [parser["options"]["install_requires"], *parser["options.extras_require"].values()]
    return [line for group in groups for line in group.split("\n") if line]


def lowest(setup: str) -> list[str]:
    """One constraint a package.

    >>> extras = "[options.extras_require]\\ngpu =\\n    runtime[cuda]>=1.24.1\\n"
    >>> lowest("[options]\\ninstall_requires =\\n    numba>=0.61,<0.70\\n" + extras)
    ['numba==0.61', 'runtime==1.24.1']
    """
    versions: dict[str, str] = {}
    for requirement in declared(setup):
        bound = re.match(r"([\w.-]+)(?:\[.*\])?>=([\w.]+)", requirement)
        if bound is None:
            sys.exit(f"setup.cfg names no lowest version of {requirement!r}. Add one with >=.")
        name, version = bound.groups()
        if versions.setdefault(name, version) != version:
            sys.exit(f"setup.cfg names two lowest versions of {name}. Keep one.")
    return [f"{name}=={version}" for name, version in versions.items()]


if __name__ == "__main__":
    print("\n".join(lowest(SETUP.read_text("utf-8"))))
