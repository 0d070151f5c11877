"""What `invert --help` says."""

from invert_core.commands import COMMANDS
from tests.command_line import invert


def test_every_command_has_a_summary_that_is_not_cut_off():
    commands = invert("--help").stdout.partition("Commands:\n")[2].splitlines()
    summaries = {line.split()[0]: line for line in commands[: len(COMMANDS)]}
    assert tuple(summaries) == COMMANDS
    for summary in summaries.values():
        assert summary.endswith(".")
        assert not summary.endswith("..."), "the first sentence of the docstring is too long"
