"""The class of all commands: -q, --debug, --config, and the arguments as they were typed."""

import logging
import shlex
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from invert_core.commands.advice import OPTIONS_AT_HAND, options_of
from invert_core.commands.console import stdout_errors
from invert_core.errors import InvertError
from invert_core.files.text_files import read_whole
from invert_core.wording import nearest

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class _Path(click.Path):
    """A path; an empty one, as of a variable that is not set, would mean the current folder."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Refuse an empty path."""
        if value == "":
            self.fail("an empty path; give the path of a file or folder", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)
"""A path that click does not check further, because the messages of the library say more."""


def command(
    cls: type[click.Command] | None = None, **attributes: Any
) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a click command that also knows -q, --debug and --config."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        for option in (_config, _debug, _quiet):
            function = option(function)
        return click.command(cls=cls or Command, **attributes)(function)

    return decorate


def typed_command(ctx: click.Context, without: str) -> str:
    """Return the command line as the user can type it again, without one of its flags."""
    arguments = [word for word in ctx.meta[_TYPED] if word != without]
    return shlex.join(["invert", str(ctx.info_name), *arguments])


_TYPED = "invert.typed"


class TypedOption(click.Option):
    """An option that drops a protection, so that a person must type it: no --config gives it."""

    typed_only = True


class Command(click.Command):
    """A command that remembers the arguments that were typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, and remember the arguments."""
        ctx.meta[_TYPED] = tuple(args)
        ctx.meta[OPTIONS_AT_HAND] = options_of(ctx)
        self._refuse_repeats(ctx, args)
        with stdout_errors():  # --help prints during parsing
            return super().parse_args(ctx, args)

    def _refuse_repeats(self, ctx: click.Context, args: list[str]) -> None:
        """Refuse an option that takes one value and is given twice; click would take the last."""
        if ctx.resilient_parsing or not set(args).isdisjoint(ctx.help_option_names):
            return
        _, _, given = self.make_parser(ctx).parse_args(list(args))
        for param, count in Counter(given).items():
            single = isinstance(param, click.Option) and not (param.multiple or param.is_flag)
            if single and count > 1:
                raise click.UsageError(
                    f"{param.opts[-1]} is given {'twice' if count == 2 else f'{count} times'}, but "
                    "takes one value. Give it once.",
                    ctx,
                )

    def unknown_option(
        self, ctx: click.Context, name: str, known: Iterable[str], where: str = ""
    ) -> Exception:
        """Return the error for an unknown option."""
        return click.UsageError(
            f"{where}{name!r} is not an option of {ctx.command_path!r}. "
            f"{nearest(name, known) or 'See --help.'}"
        )


def _set_quiet(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        logging.getLogger("invert").setLevel(logging.WARNING)


def _set_debug(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta["debug"] = True


_LONGEST_LINE = 2**14
"""The most characters of a line of a --config file; tomllib takes squared time for dotted keys."""


def read_config(path: Path) -> dict[str, Any]:
    """Read the settings in a --config file, without checking them."""
    try:
        text = read_whole(path)
        if any(len(line) > _LONGEST_LINE for line in text.splitlines()):
            raise ValueError(f"a line has more than {_LONGEST_LINE:,} characters")
        return tomllib.loads(text)
    except (InvertError, OSError, ValueError, RecursionError) as error:
        said = getattr(error, "strerror", None) or error
        reason = error if isinstance(error, InvertError) else f"{said}."
        raise click.UsageError(f"Cannot read {str(path)!r} as TOML: {reason}") from error


def _take_config(ctx: click.Context, _param: click.Parameter, value: Path | None) -> None:
    if value is None:
        return
    config = read_config(value)
    known = {
        name.lstrip("-"): param
        for param in ctx.command.get_params(ctx)
        if isinstance(param, click.Option)
        for name in param.opts
        if name.startswith("--")
    }
    settings: dict[str, Any] = {}
    for name, setting in config.items():
        if name in ("config", "help"):
            raise click.UsageError(f"{str(value)!r}: {name!r} is for the command line only.")
        if name not in known:
            assert isinstance(ctx.command, Command)
            raise ctx.command.unknown_option(ctx, name, known, where=f"{str(value)!r}: ")
        try:
            settings[str(known[name].name)] = _as_typed(known[name], setting)
        except ValueError as error:
            raise click.UsageError(f"{str(value)!r}: {name} {error}") from error
        if setting and getattr(known[name], "typed_only", False):
            raise click.UsageError(
                f"{str(value)!r}: {name!r} drops a protection, so it is for the command line only. "
                f"Take it out of the file, and type --{name} if you mean it."
            )
    ctx.default_map = settings


def _as_typed(option: click.Option, setting: Any) -> Any:
    """Return a setting as it is typed on the command line, so that click checks it the same way."""
    if option.is_flag:
        if not isinstance(setting, bool):
            raise ValueError("must be true or false.")
        return setting
    parts = setting if isinstance(setting, list) else [setting]
    if any(isinstance(part, bool | list | dict) for part in parts):
        raise ValueError("must be text, a number, or a list of these.")
    if any("\0" in str(part) for part in parts):
        raise ValueError("holds a NUL character.")
    is_list = option.multiple or option.nargs > 1
    return [str(part) for part in parts] if is_list else ",".join(map(str, parts))


_quiet = click.option(
    "-q",
    "--quiet",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_set_quiet,
    help="Print results, warnings and errors only.",
)
_debug = click.option(
    "--debug",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_set_debug,
    help="Print a traceback when something fails.",
)
_config = click.option(
    "--config",
    type=PATH,
    expose_value=False,
    is_eager=True,
    callback=_take_config,
    metavar="FILE.toml",
    help="Read options from a file, as in: min-fraction = 0.01",
)
