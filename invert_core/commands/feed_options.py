"""Options for the inputs of a model that samples do not fill."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import click

from invert_core.commands import options
from invert_core.values import is_count


class Pair(click.ParamType):
    """A name and what it is given, as in ``sr=16000``."""

    name = "pair"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Split at the first equals sign."""
        if isinstance(value, tuple):
            return value
        name, equals, given = (part.strip() for part in str(value).partition("="))
        if not (name and equals and given):
            self.fail(f"{value!r} is not of the form {param and param.metavar}", param, ctx)
        return name, given


class AxisOfInput(Pair):
    """A name and an axis, as in ``state=1`` or ``table=none``."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, Any]:
        """Split at the first equals sign, and read the axis."""
        name, axis = super().convert(value, param, ctx)
        if axis != "none" and not is_count(axis):
            self.fail(f"{value!r} names no axis; count from 0, or say none", param, ctx)
        return name, None if axis == "none" else int(axis)


def _as_mapping(
    _ctx: click.Context, param: click.Parameter, pairs: Iterable[tuple[str, Any]]
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name, value in pairs:
        if name in given:
            raise click.BadParameter(f"{name!r} is given twice.", param=param)
        given[name] = value
    return given


def _pairs(flag: str, key: str, kind: click.ParamType, metavar: str, text: str) -> Any:
    return click.option(
        flag, key, multiple=True, type=kind, callback=_as_mapping, metavar=metavar, help=text
    )


constant_option = _pairs(
    "--constant",
    "constants",
    Pair(),
    "INPUT=VALUE",
    "Give all samples the same number in this input, as in sr=16000, or the array in a .npy file; "
    "may be repeated.",
)
zeros_option = click.option(
    "--zeros", multiple=True, metavar="INPUT", help="Fill this input with zeros; may be repeated."
)
batch_axis_option = _pairs(
    "--batch-axis",
    "batch_axes",
    AxisOfInput(),
    "INPUT=AXIS",
    "Axis that counts the samples in this input, or none; may be repeated. [default: as the model "
    "shows it]",
)
carry_option = _pairs(
    "--carry",
    "carry",
    Pair(),
    "TENSOR=INPUT",
    "Give each sample what the last one left in this tensor, as in stateN=state; may be repeated.",
)
groups_option = click.option(
    "--groups",
    metavar="TABLE:COLUMN",
    help="Groups of samples, such as the frames of a clip: a column of a table, or id:REGEX with "
    "parentheses around the part of the ids that names the group. State is carried within a group.",
)


def feed_options(*given: Callable[..., Any]) -> Callable[..., Any]:
    """Add some of these options, which a command gets as one `Feed`."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @options.together("feed", *given)
        @functools.wraps(function)
        def with_feed(feed: dict[str, Any], **values: Any) -> Any:
            from invert_core.extraction import Feed

            return function(feed=Feed(**feed), **values)

        return with_feed

    return decorate
