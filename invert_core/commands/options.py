"""Options that several commands share, so that a flag has one spelling and one explanation."""

import functools
import logging
import shlex
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
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

HDF5_SUFFIXES = (".h5", ".hdf5")


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
    return [str(part) for part in parts] if option.multiple else ",".join(map(str, parts))


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
    type=click.Path(path_type=Path),
    expose_value=False,
    is_eager=True,
    callback=_take_config,
    metavar="FILE.toml",
    help="Read options from a file, as in: min-fraction = 0.01",
)


class UnitsText(click.ParamType):
    """Numbers and names of units, such as 0-63,70; names are looked up later."""

    name = "units"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> str | tuple[int, ...]:
        """Parse numbers and ranges, both ends included; leave a text with names as it is."""
        from invert_core.values import as_numbers, looks_like_numbers

        if not isinstance(value, str) or not looks_like_numbers(value):
            return value
        try:
            return tuple(sorted(as_numbers(value)))
        except ValueError as error:
            self.fail(str(error), param, ctx)


def together(name: str, *given: Callable[[Decorated], Decorated]) -> Callable[..., Any]:
    """Add options and arguments to a command, which gets them as one mapping called `name`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def gathered(**values: Any) -> Any:
            values[name] = {key: values.pop(key) for key in keys}
            return function(**values)

        before = len(getattr(gathered, "__click_params__", ()))
        for option in reversed(given):
            gathered = option(gathered)
        keys = [param.name for param in gathered.__click_params__[before:]]  # type: ignore[attr-defined]
        return gathered

    return decorate


layer_option = click.option(
    "-l",
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    help="Extract this layer; may be repeated.",
)
_all_or_some_layers_option = click.option(
    "-l",
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    callback=lambda _ctx, _param, layers: layers or None,
    help="Use only this layer, or all that fit a pattern, as in 'block.*'; may be repeated. "
    "[default: all]",
)
units_option = click.option(
    "--units",
    type=UnitsText(),
    metavar="0-63,70",
    help="Use only these units of each layer, by number or by name.",
)
join_option = click.option(
    "--join",
    type=click.Choice(["strict", "inner"]),
    default="strict",
    show_default=True,
    help="Require the same sample ids in activations and concepts, or use the common ones.",
)
match_option = click.option(
    "--match",
    type=click.Choice(["exact", "name", "stem"]),
    default="exact",
    show_default=True,
    help="Join samples whose ids are equal, or whose file names are, or these without suffix.",
)


class MissingText(click.ParamType):
    """What happens to missing labels, such as exclude, or blank=negative,-1=exclude."""

    name = "missing"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check the text, and leave it as it is."""
        from invert_core.concepts.sets.missing import check_missing

        try:
            check_missing(value)
        except InvertError as error:
            self.fail(str(error), param, ctx)
        return str(value)


missing_option = click.option(
    "--missing",
    type=MissingText(),
    default="error",
    show_default=True,
    metavar="error|negative|exclude",
    help="Missing labels (blank, NaN, -1): refuse them, take them for 0, or compare without them; "
    "or each kind by itself, as in blank=negative,-1=exclude,absent=exclude.",
)
jobs_option = click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Number of threads. [default: all cores]"
)
backend_option = click.option(
    "--backend",
    metavar="NAME",
    help="Backend that opens MODEL, which may also be NAME:PATH; 'invert backends NAME' lists its "
    "options. [default: from the model's suffix]",
)
follow_links_option = click.option(
    "--follow-links",
    cls=TypedOption,
    is_flag=True,
    help="Folders: follow symbolic links, wherever they lead.",
)
overwrite_option = click.option(
    "--overwrite",
    cls=TypedOption,
    is_flag=True,
    help="Replace the output if it exists and is of the same kind.",
)
format_option = click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="Format of what is printed on stdout.",
)
top_option = click.option(
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Number of rows in the printed table.",
)


@dataclass(frozen=True)
class Table:
    """How rows are printed: the first `top` as a table for people, or all rows for programs."""

    style: str
    top: int


def table_options(function: Decorated) -> Callable[..., Any]:
    """Add --top and --format, which a command gets as one `Table`."""

    @together("table", top_option, format_option)
    @functools.wraps(function)
    def with_table(table: dict[str, Any], **values: Any) -> Any:
        return function(table=Table(**table), **values)

    return with_table


formula_option = click.option(
    "--formula",
    required=True,
    help="Concepts, by id or by name, joined as in: box & ~(cup | letter box)",
)
names_option = click.option(
    "--names",
    type=PATH,
    metavar="TABLE.csv",
    help="Table of the concepts' names, with columns concept_id,name,definition.",
)


_inputs = (
    click.argument("activations", type=PATH),
    click.argument("concepts", type=PATH),
    _all_or_some_layers_option,
    units_option,
    names_option,
    join_option,
    match_option,
    missing_option,
)
inputs_options = together("inputs", *_inputs)
"""Activations and concepts, and which parts of them to compare: the fields of `Inputs`."""

searched_options = together(
    "inputs",
    *_inputs,
    click.option(
        "--concepts",
        "include",
        multiple=True,
        metavar="CONCEPT",
        callback=lambda _ctx, _param, named: named or None,
        help="Use only this concept, by id or name, or all that fit a pattern, as in 'rms.*'; may "
        "be repeated. [default: all]",
    ),
    click.option(
        "--without",
        "exclude",
        multiple=True,
        metavar="CONCEPT",
        callback=lambda _ctx, _param, named: named or None,
        help="Leave out this concept, or all that fit a pattern; may be repeated.",
    ),
)
"""The same, and which of the concepts are used."""


def output_option(what: str, required: bool = True) -> Callable[[Decorated], Decorated]:
    """Add -o/--output; the help text `what` says what is written."""
    return click.option("-o", "--output", type=PATH, required=required, metavar="PATH", help=what)


def hdf5_option(what: str) -> Callable[[Decorated], Decorated]:
    """Add -o/--output for a file that other commands recognise by its suffix."""
    return click.option(
        "-o",
        "--output",
        type=PATH,
        required=True,
        metavar="FILE.h5",
        callback=_check_suffix,
        help=what,
    )


def _check_suffix(_ctx: click.Context, _param: click.Parameter, value: Path) -> Path:
    if value.suffix.lower() not in HDF5_SUFFIXES:
        raise click.BadParameter(
            f"{str(value)!r} does not end in .h5 or .hdf5, which other commands need."
        )
    return value
