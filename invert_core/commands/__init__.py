"""The command line: each command parses its arguments, makes one library call, and prints.

The module of a command is imported when the command is used, and heavy packages only inside its
functions, so that ``invert --help`` answers at once.
"""

from typing import Any

import click
from click.shell_completion import add_completion_class

from invert_core import __version__
from invert_core.commands.completion import WholeWords
from invert_core.commands.console import messages, replace_unprintable, stdout_errors
from invert_core.commands.failures import told_failures
from invert_core.commands.late_group import LateGroup

COMMANDS = (
    "layers",
    "extract",
    "concepts",
    "label",
    "score",
    "probe",
    "show",
    "report",
    "compare",
    "check",
    "export",
    "backends",
    "doctor",
    "demo",
)

add_completion_class(WholeWords)


class CommandLine(LateGroup):
    """A group of commands that turns errors into one sentence and an exit code."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Parse the options before the command."""
        with told_failures(), stdout_errors():
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Parse the rest of the command line, and run the command."""
        replace_unprintable()
        with told_failures(ctx), messages():
            return super().invoke(ctx)


@click.group(
    cls=CommandLine,
    package=__name__,
    names=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: invert demo",
)
@click.version_option(__version__, prog_name="invert")
def main() -> None:
    """Tell what the neurons of a trained network detect.

    Extract the activations of a model over samples, describe the samples with concepts, and label
    each neuron with the formula of concepts that its activation separates best.
    """
