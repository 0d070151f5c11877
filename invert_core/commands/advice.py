"""Says which command has an option that a message names, if the command at hand lacks it.

The library words its advice once, for all commands and callers; not every command has every option.
"""

import re
from collections.abc import Iterator

import click

OPTIONS_AT_HAND = "invert.options"
"""Key in `Context.meta` of the options of the command that runs."""

_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9]*(?:-[a-z0-9]+)*(?![\w-])")
_OTHER_PROGRAM = re.compile(r"\b(?:pip|apt-get|iconv) [^.]*")


def where_to_type(ctx: click.Context, message: str) -> str:
    """Return a sentence about the options in a message that the running command does not have.

    It is "" if there are none, or if the message itself names a command that has them.
    """
    at_hand = ctx.meta.get(OPTIONS_AT_HAND)
    if at_hand is None:
        return ""
    named = dict.fromkeys(_OPTION.findall(_OTHER_PROGRAM.sub("", message)))
    missing = [option for option in named if option not in at_hand]
    if not missing:
        return ""
    commands = dict(_commands(ctx.find_root()))
    sentences = []
    for option in missing:
        having = [f"'{path}'" for path, options in commands.items() if option in options]
        if having and not any(path.strip("'") in message for path in having):
            sentences.append(f"{option} is an option of {', '.join(having)}.")
    return " ".join(sentences)


def _commands(ctx: click.Context) -> Iterator[tuple[str, set[str]]]:
    """Yield the path of every command below a group, and its options."""
    assert isinstance(ctx.command, click.Group)
    for name in ctx.command.list_commands(ctx):
        command = ctx.command.get_command(ctx, name)
        assert command is not None
        below = click.Context(command, parent=ctx, info_name=name)
        if isinstance(command, click.Group):
            yield from _commands(below)
        else:
            yield below.command_path, options_of(below)


def options_of(ctx: click.Context) -> set[str]:
    """Return the spellings of all options of a command."""
    return {flag for param in ctx.command.get_params(ctx) for flag in param.opts}
