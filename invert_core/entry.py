"""The entry point of `invert` and ``python cli.py``.

It catches a Ctrl-C that arrives before the command line, which handles all later ones, is imported.
"""

import gc
import os
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
    try:
        run()
    finally:
        _end_what_was_left_behind()


def _end_what_was_left_behind() -> None:
    """End the process at once if a call into another language still runs, which would crash it."""
    parallel = sys.modules.get("invert_core.parallel")
    ended = sys.exception()
    if parallel is None or not parallel.is_left_behind() or not isinstance(ended, SystemExit):
        return
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    os._exit(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
