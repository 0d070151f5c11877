"""Makes modules by calling a function of the user."""

import contextlib
import hashlib
import importlib
import importlib.util
import operator
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from invert_core.errors import ModelError
from invert_core.files.input_file import check_file
from invert_core.models.backend import ModelInput
from invert_core.wording import nearest

SPELLING = "Say package.module:function, or path/to/file.py:function."


def make_module(place: str, name: str) -> tuple[torch.nn.Module, Sequence[ModelInput] | None]:
    """Import a factory and call it.

    Parameters
    ----------
    place : str
        A dotted name, or the path of a ``.py`` file. Imports look first in the working folder, or
        in the folder of the file.
    name : str
        The function in it, or a finished torch.nn.Module.

    Returns
    -------
    torch.nn.Module
        The module.
    sequence of ModelInput, or None
        The inputs that the factory declares.
    """
    is_file = place.lower().endswith(".py")
    folder = Path(place).resolve().parent if is_file else Path.cwd()
    with contextlib.chdir(Path.cwd()), importable(folder):  # a factory may change the folder
        holder = _import_file(Path(place)) if is_file else _import(place)
        found = _attribute(holder, place, name)
        if isinstance(found, torch.nn.Module):
            return found, None
        if not callable(found):
            raise ModelError(f"{name!r} in {place!r} is not a function.", SPELLING)
        try:
            made = found()
        except (Exception, SystemExit) as error:
            raise ModelError(
                f"The factory {name!r} fails with {_said(error)}.",
                "It is called without arguments; correct it, or write a function around it.",
            ) from error
    inputs = None
    if isinstance(made, tuple) and len(made) == 2 and isinstance(made[1], list | tuple | None):
        made, inputs = made
    if not isinstance(made, torch.nn.Module):
        raise ModelError(
            f"The factory {name!r} returns {type(made).__name__!r}, not a torch.nn.Module.",
            "Let it return the module, or the module and a list of ModelInput.",
        )
    return made, inputs


@contextlib.contextmanager
def importable(folder: Path) -> Iterator[None]:
    """Let imports look into a folder first, until the context ends."""
    entry = str(folder)
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        with contextlib.suppress(ValueError):
            sys.path.remove(entry)


def _import(place: str) -> ModuleType:
    if not all(part.isidentifier() for part in place.split(".")):
        raise ModelError(f"{place!r} is not the name of a Python module.", SPELLING)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(place)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and _is_part(error.name, place):
            raise ModelError(
                f"There is no Python module {error.name!r}.",
                "Run this in the folder that it is in, or install it. " + SPELLING,
            ) from error
        raise _import_fails(place, error) from error


def _import_file(path: Path) -> ModuleType:
    check_file(path)
    # Files of the same name are different modules; `inspect` finds their source by this name.
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()
    name = f"{path.stem}_{digest[:16]}"
    spec = importlib.util.spec_from_file_location(name, path.resolve())
    if spec is None or spec.loader is None:
        raise ModelError(f"{str(path)!r} cannot be imported.", SPELLING)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _import_fails(str(path), error) from error
    return module


def _attribute(holder: ModuleType, place: str, name: str) -> Any:
    try:
        return operator.attrgetter(name)(holder)
    except AttributeError as error:
        known = [each for each, value in vars(holder).items() if callable(value)]
        raise ModelError(
            f"There is no {name!r} in {place!r}.", nearest(name, known) or SPELLING
        ) from error


def _is_part(name: str | None, place: str) -> bool:
    return name is not None and (place == name or place.startswith(f"{name}."))


def _import_fails(place: str, error: BaseException) -> ModelError:
    return ModelError(
        f"{place!r} cannot be imported: it fails with {_said(error)}.",
        "Correct it, or install what it needs.",
    )


def _said(error: BaseException) -> str:
    said = str(error).strip()
    return type(error).__name__ + (f": {said.splitlines()[0].rstrip('.')}" if said else "")
