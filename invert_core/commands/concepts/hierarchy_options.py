"""Options of concepts that follow from others; they are parameters of `build_concepts`."""

from collections.abc import Callable
from typing import Any

import click

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


def hierarchy_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a hierarchy."""
    for option in reversed(_HIERARCHY):
        function = option(function)
    return function
