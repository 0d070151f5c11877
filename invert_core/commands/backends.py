"""The command ``invert backends``."""

from dataclasses import asdict

import click

from invert_core.commands import options
from invert_core.commands.command import command
from invert_core.commands.console import say
from invert_core.commands.model_options import described_options
from invert_core.commands.tables import Fit, print_rows


@command(epilog="Examples: invert backends --format json; invert backends torch")
@click.argument("name", required=False)
@options.format_option
@click.pass_context
def backends(ctx: click.Context, name: str | None, style: str) -> None:
    """List the backends that run models, built in or from packages.

    With NAME, list the options of that backend. 'invert layers' and 'invert extract' take them as
    options, and the library takes them as the keywords of model_options.
    """
    from invert_core.models.registry import backends as known_backends

    if name is not None:
        described = described_options(ctx, name)
        if described or style != "table":
            print_rows(described, ("option", "keyword", "help"), style, Fit(prose=("help",)))
        else:
            say(f"The backend {name!r} has no options.")
        return
    rows = [asdict(backend) for backend in known_backends()]
    print_rows(rows, list(rows[0]), style)
