"""Calls of `invert` as a user makes them, and checks that hold whenever it refuses to work."""

import functools
import inspect
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
from click.testing import CliRunner, Result

from invert_core.commands import main

CHECKOUT = Path(__file__).resolve().parents[1]
COMMAND = (sys.executable, str(CHECKOUT / "cli.py"))
# Click 8.1 mixes stderr into stdout unless it is told not to; later ones cannot be told.
_APART = {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}


def invert(*arguments) -> Result:
    """Run a command in this process; it must succeed."""
    result = call(*arguments)
    assert result.exit_code == 0, result.stderr
    return result


def call(*arguments) -> Result:
    words = [str(argument) for argument in arguments]
    return CliRunner(**_APART).invoke(main, words, prog_name="invert")


def refused(*arguments, code=1) -> str:
    """Run a command that must fail, in the current folder; return its one sentence."""
    before = tree(Path.cwd())
    result = call(*arguments)
    assert tree(Path.cwd()) == before, "something was left behind"
    assert result.stdout == ""
    said = sentence(result.exit_code, result.stderr, code)
    if "is an option of neither" not in said and "Invalid value for" not in said:
        check_advice([str(argument) for argument in arguments], said)
    return said


def check_advice(words: list[str], said: str) -> None:
    """Check that every option that a message names is one of the command or of one it names."""
    known = {flag for flag in words if flag.startswith("-")} | {"--debug", "--version", "--help"}
    for path, flags in options_of_commands().items():
        if path == " ".join(words[: len(path.split())]) or f"invert {path}" in said:
            known |= flags
    of_others = re.sub(r"(pip|apt-get|iconv) .*", "", said)
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", of_others))
    known |= {word.partition("=")[0] for word in words}
    assert named <= known, f"{sorted(named - known)} cannot be typed here: {said}"


@functools.cache
def options_of_commands() -> dict[str, set[str]]:
    """The options of every command, those of the built-in backends included."""

    def walk(group, path):
        for name in group.list_commands(None):
            command = group.get_command(None, name)
            if isinstance(command, click.Group):
                yield from walk(command, f"{path}{name} ")
            else:
                context = click.Context(command, help_option_names=["-h", "--help"])
                params = command.get_params(context)
                yield f"{path}{name}", {flag for param in params for flag in param.opts}

    return dict(walk(main, ""))


def sentence(exit_code: int, stderr: str, code=1) -> str:
    """Check that one message says what went wrong, and return it."""
    assert exit_code == code, stderr
    lines = stderr.splitlines()
    assert [line for line in lines if line.startswith("Error: ")] == lines[-1:], stderr
    assert "Traceback" not in stderr
    assert "Something unexpected" not in stderr
    assert lines[-1].isprintable()
    return lines[-1]


def tree(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder: files by their content, folders as None."""
    return {
        os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def process(*arguments, **options) -> subprocess.CompletedProcess:
    """Run a command in a process of its own, with buffers on stdout as users have them."""
    environment = {name: text for name, text in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        **{"capture_output": True, "text": True, "timeout": 120, "env": environment} | options,
    )


def assert_prints_what_is_shown(guide: str) -> None:
    """Run the commands in the console blocks of a guide, and find the lines below each."""
    blocks = re.findall(r"^```console\n(.*?)^```", guide, flags=re.DOTALL | re.MULTILINE)
    assert blocks
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            name, *words = shlex.split(command)
            assert name == "invert"
            done = call(*words)
            assert done.exit_code == 0, f"{command}: {done.output}"
            printed = [line.split() for line in done.stdout.splitlines()]
            for line in shown:
                if line != "...":
                    assert line.split() in printed, f"{command}: {line}\n{done.stdout}"
