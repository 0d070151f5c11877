"""Makes `invert_core.backends` importable in a source checkout that was not installed."""

import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType


class _BackendsFinder:
    def __init__(self, folder: Path):
        self.folder = folder

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "invert_core.backends":
            return None
        return importlib.util.spec_from_file_location(
            name, self.folder / "__init__.py", submodule_search_locations=[str(self.folder)]
        )


def find_backends_in(folder: Path) -> None:
    """Let ``import invert_core.backends`` find the package in `folder`.

    It comes before all other finders, because the finder of an editable installation would answer
    with its own folder.
    """
    sys.meta_path.insert(0, _BackendsFinder(folder))
