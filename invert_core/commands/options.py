"""Options that several commands share, so that a flag has one spelling and one explanation."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from invert_core.commands.command import PATH, Decorated, TypedOption
from invert_core.commands.completion import complete, layers, layers_of_run
from invert_core.errors import InvertError

HDF5_SUFFIXES = (".h5", ".hdf5")


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
some_layers_option = click.option(
    "-l",
    "--layer",
    "layers",
    multiple=True,
    metavar="LAYER",
    shell_complete=complete(activations=layers, run=layers_of_run),
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
JOIN, MATCH = click.Choice(["strict", "inner"]), click.Choice(["exact", "name", "stem"])
join_option = click.option(
    "--join",
    type=JOIN,
    default="strict",
    show_default=True,
    help="Require the same sample ids in activations and concepts, or use the common ones.",
)
match_option = click.option(
    "--match",
    type=MATCH,
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
groups_option = click.option(
    "--groups",
    metavar="TABLE:COLUMN|id:REGEX",
    help="Which samples belong together, such as frames of one clip: a column of a table, a part "
    "of the sample ids, as in 'id:(.*)/.*', 'stored' for the groups of the activation file, or "
    "'none' if samples are independent.",
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
    "-n",
    "--top",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Number of rows in the printed table.",
)
first_option = click.option(
    "-n",
    "--top",
    type=click.IntRange(min=0),
    metavar="N",
    help="List only the first N. [default: all]",
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
    some_layers_option,
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
    groups_option,
    click.option(
        "--holdout",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="Hide this share of the samples from the search, such as 0.3, and test what it finds "
        "on them.",
    ),
    click.option(
        "--held-out",
        type=PATH,
        metavar="ACTIVATIONS",
        help="Test what the search finds on this file: the same units on other samples, of which "
        "CONCEPTS has labels, too.",
    ),
)
"""The same, which of the concepts are used, and what is held out."""


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
