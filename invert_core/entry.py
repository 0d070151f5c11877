"""What `invert` and ``python cli.py`` start: an early Ctrl-C finds no command line to catch it."""

import gc
import sys


def main() -> None:
    """Import the command line, which takes longer than a person to change their mind, and run it.

    Raises
    ------
    SystemExit
        Always, with the exit code of the command.
    """
    # Imports make many objects and hardly any garbage: looking for it takes a tenth of their time.
    gc.set_threshold(100_000)
    try:
        from invert_core.commands import main as run
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("Interrupted. Nothing was written.\n")
        sys.exit(130)
    run()
