"""The command line: each command parses, makes one library call, and prints.

A command's module is imported when the command is used, and heavy packages only inside it, so
that ``invert --help`` answers at once.
"""

import errno
import importlib
from typing import Any

import click

from invert_core import __version__
from invert_core.commands.console import messages, printable, replace_unprintable
from invert_core.commands.interrupts import raised_interrupts
from invert_core.errors import InvertError, SettingError, nearest

COMMANDS = (
    "layers",
    "extract",
    "concepts",
    "label",
    "score",
    "show",
    "export",
    "backends",
    "doctor",
    "demo",
)


class CommandLine(click.Group):
    """Finds commands by name and turns errors into one sentence and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Commands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"invert_core.commands.{cmd_name}")
        command: click.Command = getattr(module, cmd_name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; if there is none of the name, say which ones are near."""
        if args[0] not in COMMANDS:
            known = nearest(args[0], COMMANDS) or f"The commands are {', '.join(COMMANDS)}."
            ctx.fail(f"There is no command {args[0]!r}. {known}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what goes wrong ends in a message on stderr, without a traceback."""
        replace_unprintable()
        try:
            with messages(), raised_interrupts():
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except KeyboardInterrupt as interrupt:
            kept = " ".join(getattr(interrupt, "__notes__", ["Nothing was written."]))
            click.echo(f"Interrupted. {printable(kept)}", err=True)
            ctx.exit(130)
        except Exception as error:
            if ctx.meta.get("debug") or _is_closed_pipe(error):
                raise
            click.echo(f"Error: {printable(_sentence(error))}", err=True)
            ctx.exit(2 if isinstance(error, SettingError) else 1)


@click.group(
    cls=CommandLine,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: invert demo",
)
@click.version_option(__version__, prog_name="invert")
def main() -> None:
    """Tell what the neurons of a trained network detect.

    Extract the activations of a model over samples, describe the samples with concepts, and label
    each neuron with the formula of concepts that its activation separates best.
    """


def _is_closed_pipe(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _sentence(error: Exception) -> str:
    if isinstance(error, InvertError):
        return str(error)
    if isinstance(error, MemoryError):
        return (
            "There is not enough memory. Give fewer samples, or a smaller --beam or --batch-size."
        )
    if isinstance(error, OSError) and error.strerror:
        where = f" {str(error.filename)!r}" if error.filename else ""
        return f"The system refuses{where}: {error.strerror}. Check the path, its rights and space."
    return (
        f"Something unforeseen happened ({type(error).__name__}: {error}). "
        "Run the command again with --debug and report what it prints."
    )
