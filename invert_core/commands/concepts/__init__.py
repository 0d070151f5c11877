"""``invert concepts``: build, look at, and change concept files."""

import importlib

import click

from invert_core.errors import nearest

COMMANDS = ("build", "add", "show", "export")


class _Concepts(click.Group):
    """Imports the module of a command when it is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(
            importlib.import_module(f"{__name__}.{cmd_name}"), cmd_name
        )
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            known = nearest(args[0], COMMANDS) or f"The commands are {', '.join(COMMANDS)}."
            ctx.fail(f"There is no command {args[0]!r}. {known}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Concepts)
def concepts() -> None:
    """Build and look at concept files."""
