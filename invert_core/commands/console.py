"""What all commands print with: messages on stderr, lines on stdout."""

import contextlib
import io
import logging
import math
import os
import sys
import time
from collections.abc import Iterator

import click

from invert_core.errors import InvertError, SettingError, StorageError

SECONDS = "INVERT_PROGRESS_SECONDS"
"""Environment variable: the seconds between two lines where stderr is no terminal."""
_USUAL_SECONDS = 60.0

_log = logging.getLogger("invert")
_steps = logging.getLogger("invert.steps")


@contextlib.contextmanager
def messages() -> Iterator[None]:
    """Print the library's messages on stderr while a command runs."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_handled(_log, _MessageHandler(), logging.INFO))
        if sys.stderr is not None and sys.stderr.isatty():
            stack.enter_context(_handled(_steps, _StepHandler(), logging.DEBUG))
        else:
            lines = StepLines(seconds_between_lines())
            stack.enter_context(_handled(_log, lines, logging.INFO))
            stack.enter_context(_handled(_steps, lines, logging.DEBUG))
        yield


@contextlib.contextmanager
def _handled(logger: logging.Logger, handler: logging.Handler, level: int) -> Iterator[None]:
    """Let a handler alone handle what a logger logs from a level on."""
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before[0])
        logger.propagate = before[1]


def is_quiet() -> bool:
    """Return whether ``-q`` was given."""
    return _log.level > logging.INFO


def say(text: str) -> None:
    """Print a message on stderr, unless ``-q`` was given."""
    _log.info("%s", text)


def warn(text: str) -> None:
    """Print a warning on stderr, even with ``-q``."""
    _log.warning("%s", text)


def replace_unprintable() -> None:
    """Let stdout escape what its encoding lacks, so that the name of a concept costs no result."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def report(text: str) -> None:
    """Print a line on stderr if possible; work does not end because a message cannot be printed."""
    try:
        click.echo(printable(text), err=True)
    except (OSError, ValueError):
        sys.stderr = None  # as with 2>&-


class _MessageHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        prefix = "Warning: " if record.levelno >= logging.WARNING else ""
        report(prefix + record.getMessage())


class _StepHandler(logging.Handler):
    """Draws one line in a terminal, over and over; an empty message removes it."""

    def emit(self, record: logging.LogRecord) -> None:
        """Draw one message, unless ``-q`` was given."""
        if not is_quiet():
            with contextlib.suppress(OSError, ValueError):
                click.echo(f"\r\x1b[K{record.getMessage()}", nl=False, err=True)


class StepLines(logging.Handler):
    """Prints how far a step is, on a line of its own, if nothing was printed for a while.

    Parameters
    ----------
    seconds : float
        How long a while is. Messages, which others print, count as well.
    """

    def __init__(self, seconds: float):
        super().__init__()
        self._seconds = seconds
        self._last = time.monotonic()

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line, unless ``-q`` was given or it is too early."""
        is_early = time.monotonic() - self._last < self._seconds
        if record.levelno >= logging.INFO:
            self._last = time.monotonic()
        elif not is_early and not is_quiet() and record.getMessage():
            self._last = time.monotonic()
            report(record.getMessage())


def seconds_between_lines() -> float:
    """Return the seconds between two lines, as the environment says."""
    text = os.environ.get(SECONDS, "")
    if not text.strip():
        return _USUAL_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingError(
            f"{SECONDS} is {text!r}.", "Give a number of seconds, such as 60; 0 says all there is."
        )
    return seconds


def printable(text: str) -> str:
    """Escape characters that would control a terminal: names come from untrusted files."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def echo_data(text: str) -> None:
    """Print data for programs as UTF-8; on a terminal, escape what would control it."""
    with stdout_errors():
        if sys.stdout is not None and sys.stdout.isatty():
            click.echo("\n".join(map(printable, text.split("\n"))), nl=False)
        else:
            click.echo(text.encode(), nl=False)


def echo_line(text: str) -> None:
    """Print a line for people on stdout."""
    with stdout_errors():
        click.echo(text)


@contextlib.contextmanager
def stdout_errors() -> Iterator[None]:
    """Turn the system's error into a sentence when stdout cannot be written.

    A closed pipe passes unchanged, because a reader may stop early; so does an `InvertError`, and
    an error that names a file, because stdout has no name.
    """
    try:
        yield
    except (BrokenPipeError, InvertError):
        raise
    except OSError as error:
        if error.filename is not None:
            raise
        sys.stdout = None  # as with >&-: else Python flushes it at exit, and fails again
        raise StorageError(
            f"Cannot write to stdout: {error.strerror}.", "Send the output elsewhere."
        ) from error


@contextlib.contextmanager
def written(what: str) -> Iterator[None]:
    """Add the sentence `what` about files already on disk, if printing fails or is interrupted."""
    try:
        yield
    except (KeyboardInterrupt, StorageError) as error:
        error.add_note(what)
        raise
