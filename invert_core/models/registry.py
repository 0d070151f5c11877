"""The backends that exist: built-in ones from a table, others from the entry points of packages.

A package adds a backend with an entry point in the group ``invert.backends`` that leads to a
subclass of `invert_core.models.backend.Backend`. The backend is the default for the file suffixes
that it names.
"""

import importlib
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from itertools import combinations
from pathlib import Path
from typing import Any

from invert_core.errors import (
    InvertError,
    MissingDependencyError,
    MissingFileError,
    SettingError,
    UnknownNameError,
)
from invert_core.files.input_file import input_path
from invert_core.models.backend import Backend, Model
from invert_core.models.built_in import BUILT_IN, BuiltIn
from invert_core.models.options import Option
from invert_core.wording import missing_extra, nearest

_log = logging.getLogger("invert")

GROUP = "invert.backends"
_LIST_ALL = "`invert backends` lists all backends."
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]+")
"""At least two characters, so that the drive of a Windows path is not taken for a backend."""


@dataclass(frozen=True)
class BackendInfo:
    """One backend.

    Attributes
    ----------
    name : str
        Name of the backend.
    origin : str
        "built-in", or the distribution that brought the backend.
    status : {"installed", "missing", "broken"}
        A built-in backend is missing if a package that it needs is not installed.
    hint : str
        Why the backend cannot be used, and what to do; "" if it is installed.
    """

    name: str
    origin: str
    status: str
    hint: str


def backends() -> list[BackendInfo]:
    """Return all backends, built-in ones first, and whether they can be imported."""
    plugins = _plugins()
    found = []
    for name in (*BUILT_IN, *plugins):
        origin = _distribution(plugins[name]) if name in plugins else "built-in"
        try:
            _load(name, plugins)
        except InvertError as error:
            waits = name in BUILT_IN and isinstance(error.__cause__, ModuleNotFoundError)
            found.append(BackendInfo(name, origin, "missing" if waits else "broken", str(error)))
        else:
            found.append(BackendInfo(name, origin, "installed", ""))
    return found


def load_backend(name: str) -> type[Backend]:
    """Import the backend that `backends` lists under this name."""
    return _load(name, _plugins())


def find_backend(model: str, backend: str | None = None) -> str:
    """Return the name of the backend with which `open_model` would open a model."""
    return _choose(model, backend, _plugins(warn=False))[0]


def backend_options(name: str) -> tuple[Option, ...]:
    """Return the options of a backend; a built-in one need not be installed."""
    if name in BUILT_IN:
        return BUILT_IN[name].options
    return _load(name, _plugins(warn=False)).options


def open_model(
    model: str | Path | object,
    backend: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Open a model with the backend that fits it.

    Parameters
    ----------
    model : str, path or object
        What the backend opens, usually a path; ``name:target`` with the name of a backend; or a
        model in memory that a backend knows, such as a ``torch.nn.Module``.
    backend : str, optional
        Name of a backend, which then gets all of `model`. Without it, the name in `model` decides,
        or else the suffix of the file or the class of the object.
    options : mapping, optional
        Values of the options that the backend declares; a value None counts as not given.

    Returns
    -------
    Model
    """
    plugins = _plugins()
    given = {name: value for name, value in dict(options or {}).items() if value is not None}
    if not isinstance(model, str | Path):
        return _adopt(model, backend, given, plugins)
    name, target = _choose(str(model), backend, plugins)
    loaded = _load(name, plugins)
    _refuse_options(name, loaded, given)
    return loaded.open(target, **given)


def _choose(spec: str, backend: str | None, plugins: dict[str, EntryPoint]) -> tuple[str, str]:
    """Return the name of the backend for `spec`, and the target that it opens."""
    prefix, colon, target = spec.partition(":")
    if backend is not None:
        if colon and prefix == backend and not Path(spec).exists():
            raise SettingError(
                f"The backend {backend!r} is named twice: as the backend and in {spec!r}.",
                f"Leave out the prefix: {target!r}.",
            )
        return backend, spec
    if colon and (prefix in BUILT_IN or prefix in plugins):
        return prefix, target
    looks_like_a_name = colon and _NAME.fullmatch(prefix) and not Path(spec).exists()
    if looks_like_a_name and (Path(target).exists() or nearest(prefix, [*BUILT_IN, *plugins])):
        raise _unknown(prefix, plugins)
    return _by_suffix(spec, plugins), spec


def _adopt(
    model: object, backend: str | None, given: dict[str, Any], plugins: dict[str, EntryPoint]
) -> Model:
    ancestors = {f"{each.__module__}.{each.__qualname__}" for each in type(model).__mro__}
    known = [name for name, entry in BUILT_IN.items() if ancestors.intersection(entry.classes)]
    settled = [backend] if backend is not None else known
    unknown = UnknownNameError(
        f"No backend takes an object of the class {type(model).__qualname__!r} as a model.",
        "Give a torch.nn.Module, the path of a model, or an open Model.",
    )
    for name in settled or plugins:
        try:
            loaded = _load(name, plugins)
        except MissingDependencyError as error:
            if settled:
                raise
            unknown.add_note(error.message)
            continue
        if not settled and loaded.adopt(model) is None:
            continue  # before its options are checked: they are meant for another backend
        _refuse_options(name, loaded, given)
        adopted = loaded.adopt(model, **given)
        if adopted is not None:
            return adopted
    raise unknown


def _refuse_options(name: str, backend: type[Backend], given: dict[str, Any]) -> None:
    known = [option.name for option in backend.options]
    for option in given:
        if option not in known:
            raise SettingError(
                f"The backend {name!r} has no option {option!r}.",
                f"{nearest(option, known) or 'Leave it out.'} "
                f"The options of this backend are: {', '.join(known) or 'none'}.",
            )


def _load(name: str, plugins: dict[str, EntryPoint]) -> type[Backend]:
    if name in BUILT_IN:
        return _load_built_in(name, BUILT_IN[name])
    if name in plugins:
        return _load_plugin(name, plugins[name])
    raise _unknown(name, plugins)


def _load_built_in(name: str, entry: BuiltIn) -> type[Backend]:
    module, _, attribute = entry.target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except ImportError as error:
        if (error.name or "").startswith("invert_core"):
            raise
        raise missing_extra(f"The backend {name!r}", entry.extra, error) from error


def _load_plugin(name: str, entry: EntryPoint) -> type[Backend]:
    distribution = _distribution(entry)
    try:
        found = entry.load()
    except (Exception, SystemExit) as error:  # code of another package may fail in any way
        reason = f"{type(error).__name__}: {error}".removesuffix(": ")
        raise MissingDependencyError(
            f"The backend {name!r} of the package {distribution!r} cannot be imported: {reason}.",
            f"Install what it needs, or run `pip uninstall {distribution}`.",
        ) from error
    problem = _problem(name, distribution, found)
    if problem:
        raise MissingDependencyError(
            problem, f"Tell its authors, or run `pip uninstall {distribution}`."
        )
    return found


def _problem(name: str, distribution: str, found: Any) -> str:
    """Say why what an entry point leads to cannot serve as a backend; "" if it can."""
    if not (isinstance(found, type) and issubclass(found, Backend)):
        return (
            f"The entry point {name!r} of the package {distribution!r} is not a subclass of "
            "invert_core.models.backend.Backend."
        )
    options: Any = found.options
    backend = f"the backend {name!r} of the package {distribution!r}"
    if not (isinstance(options, tuple | list) and all(isinstance(o, Option) for o in options)):
        return (
            f"The options of {backend} are not a tuple of objects of the class "
            "invert_core.models.backend.Option."
        )
    for first, second in combinations(options, 2):
        if first.name == second.name or _flags(name, first) & _flags(name, second):
            return (
                f"The options {first.name!r} ({first.flag}) and {second.name!r} ({second.flag}) of "
                f"{backend} cannot be told apart: names and flags must differ, also where "
                f"--{name}- begins a flag that a command has, too."
            )
    return ""


def _flags(backend: str, option: Option) -> set[str]:
    """Return the spellings that the flag of an option may get on the command line."""
    return {option.flag, f"--{backend}-{option.flag[2:]}"}


def _plugins(warn: bool = True) -> dict[str, EntryPoint]:
    found: dict[str, EntryPoint] = {}
    for entry in sorted(
        entry_points(group=GROUP), key=lambda each: (each.name, _distribution(each))
    ):
        if entry.name in BUILT_IN:
            reason = "a built-in backend has that name"
        elif entry.name in found:
            reason = f"the package {_distribution(found[entry.name])!r} has one of that name"
        elif not _NAME.fullmatch(entry.name):
            reason = "a backend cannot have that name"
        else:
            found[entry.name] = entry
            continue
        if warn:
            _log.warning(
                "The backend %r of the package %r is not used: %s.",
                entry.name,
                _distribution(entry),
                reason,
            )
    return found


def _distribution(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "unknown"


def _by_suffix(spec: str, plugins: dict[str, EntryPoint]) -> str:
    suffix = Path(spec).suffix.lower()
    for name, entry in BUILT_IN.items():
        if suffix in entry.suffixes:
            return name
    if not input_path(spec).exists():
        hint = "Check the path."
        if ":" in spec:
            hint += f" A function that makes a PyTorch module is named by `torch:{spec}`."
        raise MissingFileError(f"There is no model {spec!r}.", hint)
    fitting = []
    broken = []
    for name in plugins:
        try:
            if suffix in _load(name, plugins).suffixes:
                fitting.append(name)
        except MissingDependencyError as error:
            broken.append(error.message)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        choices = " or ".join(f"`{name}:{spec}`" for name in fitting)
        raise SettingError(f"Several backends open {suffix} files.", f"Say which: {choices}.")
    unknown = UnknownNameError(
        f"No backend is known to open {spec!r}.",
        f"Say which one opens it: `name:{spec}`. {_LIST_ALL}",
    )
    for message in broken:
        unknown.add_note(message)
    raise unknown


def _unknown(name: str, plugins: dict[str, EntryPoint]) -> UnknownNameError:
    hint = nearest(name, [*BUILT_IN, *plugins], _LIST_ALL)
    return UnknownNameError(f"There is no backend {name!r}.", hint)
