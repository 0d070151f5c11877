"""The commands ``invert concepts``, which build, show and change concept files."""

import click

from invert_core.commands.late_group import LateGroup

COMMANDS = ("build", "show", "add", "export")


@click.group(cls=LateGroup, package=__name__, names=COMMANDS)
def concepts() -> None:
    """Build, show, extend and export concept files."""
