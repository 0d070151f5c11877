"""What `invert` and ``python cli.py`` start: an early Ctrl-C finds no command line to catch it."""

import sys


def main() -> None:
    """Import the command line, which takes longer than a person to change their mind, and run it.

    Raises
    ------
    SystemExit
        Always, with the exit code of the command.
    """
    try:
        from invert_core.commands import main as run
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("Interrupted. Nothing was written.\n")
        sys.exit(130)
    run()
