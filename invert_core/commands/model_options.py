"""The options that backends declare, made into options of the command line."""

import functools
import importlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from invert_core.commands.command import PATH
from invert_core.models.built_in import BUILT_IN
from invert_core.models.options import Option
from invert_core.wording import first_line

_OPENING = ("layers", "extract")
"""The commands that open a model."""

_TYPES = {str: click.STRING, int: click.INT, float: click.FLOAT, Path: PATH}


class BackendOption(click.Option):
    """An option of a backend; `keyword` is the argument of `Backend.open` that it becomes."""

    def __init__(self, flag: str, option: Option) -> None:
        self.keyword = option.name
        self.typed_only = option.typed_only
        kind: dict[str, Any] = {"is_flag": True}
        if option.kind is not bool:
            kind = {"type": _click_type(option.kind), "metavar": option.metavar}
        super().__init__([flag], help=option.help, multiple=option.repeated, **kind)


class _Parsed(click.ParamType):
    """A value that a function makes from the text."""

    name = "value"

    def __init__(self, parse: Callable[[str], Any]) -> None:
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return what the function makes of the text."""
        try:
            return self._parse(value)
        except Exception as error:  # code of another package may fail in any way
            self.fail(first_line(error), param, ctx)


def built_in_params() -> dict[str, list[BackendOption]]:
    """Return the options of every built-in backend, by its name."""
    return {name: _as_params(name, entry.options) for name, entry in BUILT_IN.items()}


def load_params(backend: str) -> list[BackendOption]:
    """Return the options of a backend, which is imported unless it is built in."""
    from invert_core.models.registry import backend_options

    return _as_params(backend, backend_options(backend))


def described_options(ctx: click.Context, backend: str) -> list[dict[str, str]]:
    """Return a table of the options of a backend: option, keyword in the library, and help."""
    rows = []
    for param in load_params(backend):
        option, explained = param.get_help_record(ctx) or ("", "")
        rows.append({"option": option, "keyword": param.keyword, "help": explained})
    return rows


def _as_params(backend: str, declared: Sequence[Option]) -> list[BackendOption]:
    return [BackendOption(_flag(backend, option), option) for option in declared]


def _flag(backend: str, option: Option) -> str:
    """Return the flag of an option; if a command has that flag, the backend's name precedes it."""
    return f"--{backend}-{option.flag[2:]}" if option.flag in _taken() else option.flag


@functools.cache
def _taken() -> frozenset[str]:
    """Return the flags of the commands themselves, and the names of their parameters as flags."""
    taken = {"--help"}
    for command in _OPENING:
        module = importlib.import_module(f"{__package__}.{command}")
        for param in getattr(module, command).params:
            name = param.name.replace("_", "-")
            taken.update(param.opts, param.secondary_opts, [f"--{name}"])
    return frozenset(taken)


def _click_type(kind: Any) -> click.ParamType:
    if isinstance(kind, tuple):
        return click.Choice(kind)
    return _TYPES.get(kind) or _Parsed(kind)
