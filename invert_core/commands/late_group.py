"""A group that imports each of its commands when it is used."""

import importlib
from collections.abc import Sequence
from typing import Any

import click

from invert_core.wording import nearest


class LateGroup(click.Group):
    """A group that finds its commands by name, and answers an unknown name with the nearest ones.

    Parameters
    ----------
    package : str
        Package of the commands: the command ``x`` is called ``x`` in the module ``package.x``.
    names : sequence of str
        Names of the commands, in the order in which people use them.
    """

    def __init__(self, *args: Any, package: str, names: Sequence[str], **attributes: Any):
        super().__init__(*args, **attributes)
        self._package = package
        self._names = names

    def list_commands(self, ctx: click.Context) -> list[str]:
        """List the commands in the order in which people use them."""
        return list(self._names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in self._names:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command, or fail with the nearest names."""
        if args[0] not in self._names and not ctx.resilient_parsing:
            hint = nearest(args[0], self._names, f"The commands are {', '.join(self._names)}.")
            ctx.fail(f"There is no command {args[0]!r}. {hint}")
        return super().resolve_command(ctx, args)
