"""What a format is to the fuzzer; the lists of formats are in `own`, `tables`, `samples`, `models`."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
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
    """

    make: Callable[[Path], None]
    use: Callable[[Path], Any]
    targets: Mapping[str, bool]
    structured: Mutation | None = None
    modules: tuple[str, ...] = field(default=())
    """Modules to import before the processes are forked."""


_HOMES = ("own", "tables", "samples", "models")


def all_formats() -> dict[str, Format]:
    """The formats, keyed by the name that the command line takes."""
    found: dict[str, Format] = {}
    for home in _HOMES:
        found |= importlib.import_module(f"tests.fuzz.{home}").FORMATS
    return found
