"""Times and peak memory of a command, in a process that inherits nothing large.

A process starts with the peak memory of the process that made it, so a small process starts the
command: this file, run as a script.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

_BYTES_PER_UNIT = 1 if sys.platform == "darwin" else 1024
COMMAND_LINE = Path(__file__).resolve().parents[1] / "cli.py"


class Usage(NamedTuple):
    """What a process used, start-up and children included: seconds and bytes."""

    wall: float
    processor: float
    peak_bytes: int


def run_label(*arguments: object) -> Usage:
    """Run `invert label`."""
    return run_command("label", *arguments)


def run_command(*arguments: object) -> Usage:
    """Run `invert`."""
    command = [sys.executable, COMMAND_LINE, *arguments]
    done = subprocess.run(
        [sys.executable, "-I", __file__, *map(str, command)], stdout=subprocess.PIPE, check=True
    )
    return Usage(*json.loads(done.stdout))


def _main() -> None:
    start = time.perf_counter()
    process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    code = os.waitstatus_to_exitcode(status)
    if code:
        sys.exit(f"{' '.join(sys.argv[1:])} exited with {code}")
    processor = usage.ru_utime + usage.ru_stime
    print(json.dumps([seconds, processor, usage.ru_maxrss * _BYTES_PER_UNIT]))


if __name__ == "__main__":
    _main()
