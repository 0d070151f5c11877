"""Options of the commands that read sources of concepts."""

import math
from typing import Any

import click

from invert_core.commands import options
from invert_core.commands.command import PATH


class ColumnAndNumber(click.ParamType):
    """A column and a number, such as age:4; the last colon separates them."""

    name = "column"

    def __init__(self, number: type[int] | type[float]):
        self._number = number

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Parse column and number."""
        if isinstance(value, tuple):
            return value
        column, _, text = str(value).rpartition(":")
        try:
            number = self._number(text)
            fits = bool(column) and math.isfinite(number) and "_" not in text
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            self.fail(f"{value!r} is not of the form age:4", param, ctx)
        return column, number


_READING = (
    click.option(
        "--id-column",
        metavar="COLUMN",
        help="Tables: column of the sample ids. [default: sample_id, or the first]",
    ),
    click.option(
        "--tags",
        multiple=True,
        metavar="COLUMN",
        help="Tables: a column with several concepts in a cell; may be repeated.",
    ),
    click.option(
        "--separator",
        metavar="TEXT",
        help="Tables: text between the concepts of a cell, or 'list' for lists as JSON and Python "
        "write them. [default: blanks]",
    ),
    click.option(
        "--classes",
        multiple=True,
        metavar="COLUMN",
        help="Tables: make every value of a column a concept COLUMN.VALUE; may be repeated.",
    ),
    click.option(
        "--marks",
        multiple=True,
        metavar="COLUMN",
        help="Tables: a column of 0 and 1 beside others, or all that fit a pattern as in '*'; may "
        "be repeated.",
    ),
    click.option(
        "--bin",
        "bins",
        multiple=True,
        type=ColumnAndNumber(int),
        metavar="COLUMN:N",
        help="Tables: cut a column of numbers at its quantiles into N groups, or fewer, as equal "
        "numbers stay together; may be repeated.",
    ),
    click.option(
        "--threshold",
        "thresholds",
        multiple=True,
        type=ColumnAndNumber(float),
        metavar="COLUMN:X",
        help="Tables: add a concept that is true if the number is at least X; may be repeated.",
    ),
    click.option(
        "--edges",
        type=PATH,
        metavar="FILE.h5",
        help="Tables: cut the same columns at the edges that another concept file has.",
    ),
    click.option(
        "--supercategories",
        is_flag=True,
        help="COCO: add the supercategories as concepts.",
    ),
    click.option(
        "--min-area",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="PIXELS",
        help="COCO: leave out objects with a smaller area.",
    ),
    click.option(
        "--min-confidence",
        type=click.FloatRange(0, 1),
        metavar="X",
        help="Open Images: leave out labels of machines with a lower confidence.",
    ),
    options.follow_links_option,
)


reading_options = options.together("reading", *_READING)
"""How sources are read: the fields of `Reading`."""

sources_options = options.together(
    "sources",
    click.argument("sources", nargs=-1, required=True, type=PATH, metavar="SOURCE..."),
    options.names_option,
    options.missing_option,
    click.option(
        "--join",
        type=click.Choice(["strict", "inner", "outer"]),
        default="strict",
        show_default=True,
        help="Samples that some sources lack: refuse them, leave them out, or keep them with "
        "missing labels.",
    ),
    options.match_option,
)
"""Sources and how they are joined: parameters of `build_concepts` and `add_samples`."""


_HIERARCHY = (
    click.option(
        "--hierarchy",
        metavar="WHERE",
        help="Add the ancestors of the concepts, from: wordnet, a folder with WordNet's data.noun, "
        "a table child,parent, or the .json of Open Images.",
    ),
    click.option(
        "--min-chains",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Hierarchy: leave out ancestors that fewer than N shortest chains of parents reach.",
    ),
    click.option(
        "--keep-equal",
        is_flag=True,
        help="Hierarchy: do not merge concepts into a child that has the same labels.",
    ),
    click.option(
        "--min-count",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        metavar="N",
        help="Leave out concepts that are true on fewer than N samples.",
    ),
)


hierarchy_options = options.together("ancestors", *_HIERARCHY)
"""Concepts that follow from others: parameters of `build_concepts`."""
