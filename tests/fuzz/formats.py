"""What a format is to the fuzzer, and the list of all formats."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fuzz.mutations import Mutation


@dataclass(frozen=True)
class Format:
    """A kind of input.

    Parameters
    ----------
    make : callable
        Writes a small valid input into a folder.
    use : callable
        Reads or uses the input in a folder, as a user would; what it returns is compared.
    targets : mapping of file name to bool
        The files to damage, and whether damage to their bytes can be known, because a checksum
        covers them.
    structured : mutation, optional
        Writes another file of the same kind, which need not be known for damaged.
    in_parent : bool
        Whether the valid input may be used before processes are forked, so that kernels are loaded
        once. It may not if that leaves threads behind, which a forked process lacks.
    """

    make: Callable[[Path], None]
    use: Callable[[Path], Any]
    targets: Mapping[str, bool]
    structured: Mutation | None = None
    in_parent: bool = True


_HOMES = ("own", "tables", "samples", "models")


def all_formats() -> dict[str, Format]:
    """The formats, keyed by the name that the command line takes."""
    found: dict[str, Format] = {}
    for home in _HOMES:
        found |= importlib.import_module(f"tests.fuzz.{home}").FORMATS
    return found
