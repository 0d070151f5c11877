"""``invert backends``."""

from dataclasses import asdict

from invert_core.commands import options
from invert_core.commands.console import print_rows


@options.command(epilog="Example: invert backends --format json")
@options.format_option
def backends(style: str) -> None:
    """List what can run models, built in or added by packages."""
    from invert_core.models.registry import backends as known_backends

    rows = [asdict(backend) for backend in known_backends()]
    print_rows(rows, list(rows[0]), style)
