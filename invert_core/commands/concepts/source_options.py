"""What commands share that read sources of concepts; the options are the fields of `Reading`."""

import math
from typing import Any

import click

from invert_core.commands import options


class ColumnAndNumber(click.ParamType):
    """A column and a number, such as age:4; the last colon divides them."""

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
            fits = bool(column) and math.isfinite(number)
        except (ValueError, OverflowError):
            fits = False
        if not fits:
            self.fail(f"{value!r} is not of the form age:4", param, ctx)
        return column, number


_READING = (
    click.option(
        "--id-column", metavar="COLUMN", help="Tables: sample ids. [default: sample_id, or first]"
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
        help="Tables: between the concepts of a cell. [default: blanks]",
    ),
    click.option(
        "--classes",
        multiple=True,
        metavar="COLUMN",
        help="Tables: a column whose every value is a concept COLUMN.VALUE; may be repeated.",
    ),
    click.option(
        "--bin",
        "bins",
        multiple=True,
        type=ColumnAndNumber(int),
        metavar="COLUMN:N",
        help="Tables: cut a column of numbers into N groups of equal size; may be repeated.",
    ),
    click.option(
        "--threshold",
        "thresholds",
        multiple=True,
        type=ColumnAndNumber(float),
        metavar="COLUMN:X",
        help="Tables: a concept that is true where the number is at least X; may be repeated.",
    ),
    click.option(
        "--supercategories",
        is_flag=True,
        help="COCO: the supercategories are concepts, too.",
    ),
    click.option(
        "--min-area",
        type=click.FloatRange(min=0),
        default=0.0,
        metavar="PIXELS",
        help="COCO: leave out objects with a smaller area.",
    ),
)


reading_options = options.together("reading", *_READING)
"""How sources are read: the fields of `Reading`."""

sources_options = options.together(
    "sources",
    click.argument("sources", nargs=-1, required=True, type=options.PATH, metavar="SOURCE..."),
    options.names_option,
    options.missing_option,
    click.option(
        "--join",
        type=click.Choice(["strict", "inner", "outer"]),
        default="strict",
        show_default=True,
        help="Samples that some sources lack: refuse, leave out, or keep with labels missing.",
    ),
)
"""Sources and how they are joined: parameters of `build_concepts` and `add_samples`."""


_HIERARCHY = (
    click.option(
        "--hierarchy",
        metavar="WHERE",
        help="Add all that the concepts are kinds of, by: wordnet, a folder with WordNet's "
        "data.noun, or a table child,parent.",
    ),
    click.option(
        "--min-chains",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        metavar="N",
        help="Hierarchy: leave out what fewer than N shortest chains of parents lead up to.",
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
        help="Leave out concepts that are true on fewer samples.",
    ),
)


hierarchy_options = options.together("ancestors", *_HIERARCHY)
"""Concepts that follow from others: parameters of `build_concepts`."""
