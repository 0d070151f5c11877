"""The command ``invert doctor``."""

import click

from invert_core.commands import options
from invert_core.commands.command import command
from invert_core.commands.tables import Fit, print_rows


@command(epilog="Example: invert doctor")
@options.format_option
def doctor(style: str) -> None:
    """Say what works on this machine and what does not.

    Check versions, cores, the kernel cache and the backends. The exit code is 1 if something is
    broken.
    """
    from invert_core.diagnosis import diagnose

    findings = diagnose()
    columns = ("subject", "state", "finding")
    print_rows(map(vars, findings), columns, style, Fit(prose=("finding",)))
    if any(finding.state == "broken" for finding in findings):
        click.get_current_context().exit(1)
