"""The entry point of `invert` and ``python cli.py``.

It catches a Ctrl-C that arrives before the command line, which handles all later ones, is imported.
"""

import gc
import sys


def main() -> None:
    """Import the command line and run it; it exits with the exit code of the command."""
    # Imports make many objects and little garbage; collecting it would take a tenth of their time.
    gc.set_threshold(300_000)
    try:
        from invert_core.commands import main as run
    except KeyboardInterrupt:
        if sys.stderr is not None:
            sys.stderr.write("Interrupted. Nothing was written.\n")
        sys.exit(130)
    run()
