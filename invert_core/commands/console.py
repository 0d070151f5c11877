"""The output that all commands share: messages, progress bars and tables."""

import contextlib
import csv
import io
import itertools
import json
import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import click

from invert_core.errors import InvertError, StorageError

_log = logging.getLogger("invert")
_steps = logging.getLogger("invert.steps")
T = TypeVar("T")

_ROWS_AT_ONCE = 1000
_STEPS = 1000
"""Steps of the bar for each item of work; click counts in whole steps."""


@contextlib.contextmanager
def messages() -> Iterator[None]:
    """Print the library's messages on stderr while a command runs."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(_handled(_log, _MessageHandler(), logging.INFO))
        if sys.stderr is not None and sys.stderr.isatty():
            stack.enter_context(_handled(_steps, _StepHandler(), logging.DEBUG))
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
        if _log.level <= logging.INFO:
            with contextlib.suppress(OSError, ValueError):
                click.echo(f"\r\x1b[K{record.getMessage()}", nl=False, err=True)


@contextlib.contextmanager
def progress(title: str, what: str = "") -> Iterator[Callable[[float, int], None]]:
    """Show a bar with the time left on stderr, for a library call that reports (done, total).

    There is no bar with ``-q``, if stderr is not a terminal, or for work that was done before. It
    starts at the first report and leaves out what was done by then, so that the time left fits the
    rest of the work. It ends when all is done, so that messages come on lines of their own. If
    `what` names the items, such as "samples", the bar also shows how many are done per second, and
    starts again when the count does, as when all images are read once before the work.
    """
    quiet = _log.level > logging.INFO
    if quiet or sys.stderr is None or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    with contextlib.ExitStack() as drawn:
        begun: list[tuple[float, float, Any]] = []

        last = 0.0
        is_done = False

        def advance(done: float, total: int) -> None:
            nonlocal last, is_done
            if what and done < last:
                drawn.close()
                begun.clear()
                is_done = False
            last = done
            if is_done:
                return
            is_done = done >= total
            if is_done and not begun:
                return
            if not begun:
                bar = click.progressbar(
                    length=1,
                    label=title,
                    file=sys.stderr,
                    item_show_func=lambda rate: rate,
                )
                begun.append((done, time.monotonic(), drawn.enter_context(bar)))
            first, clock, bar = begun[0]
            seconds = time.monotonic() - clock
            rate = f"{rounded((done - first) / seconds)} {what}/s" if what and seconds else None
            bar.length = max(1, int((total - first) * _STEPS))
            bar.update(max(0, int((done - first) * _STEPS) - bar.pos), rate)
            if is_done:
                drawn.close()

        yield advance


def rounded(number: float) -> str:
    """Write a number with the digits that people want to see.

    >>> rounded(0.1234), rounded(1234.5)
    ('0.12', '1,234')
    """
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


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


class Number(str):
    """A number that is already written; in a table it stands to the right."""

    __slots__ = ()


def print_rows(rows: Iterable[Mapping[str, Any]], columns: Sequence[str], style: str) -> None:
    """Print rows on stdout as a table for people, or as JSON or CSV for programs.

    Only a table needs all rows at once.
    """
    if style == "json":
        _print_json(rows)
    elif style == "csv":
        _print_csv(itertools.chain([columns], ([row[name] for name in columns] for row in rows)))
    else:
        echo_line(table(list(rows), columns))


def _print_json(rows: Iterable[Mapping[str, Any]]) -> None:
    """Print a list of objects as `json.dumps` does, some of them at a time."""
    before = "[\n"
    for some in _batched(rows):
        written = json.dumps([dict(row) for row in some], indent=2, ensure_ascii=False)
        echo_data(before + written.removeprefix("[\n").removesuffix("\n]"))
        before = ",\n"
    echo_data("[]\n" if before == "[\n" else "\n]\n")


def _print_csv(lines: Iterable[Sequence[Any]]) -> None:
    for some in _batched(lines):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(some)
        echo_data(text.getvalue())


def _batched(items: Iterable[T]) -> Iterator[list[T]]:
    items = iter(items)
    while some := list(itertools.islice(items, _ROWS_AT_ONCE)):
        yield some


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Align rows as text, with numbers to the right."""
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    titles = [name.replace("_", " ") for name in columns]
    right = [
        bool(rows) and all(isinstance(row[name], int | float | Number | None) for row in rows)
        for name in columns
    ]
    widths = [max(map(len, column)) for column in zip(titles, *cells, strict=True)]
    lines = []
    for line in [titles, *cells]:
        padded = [
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ]
        lines.append("  ".join(padded).rstrip())
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return printable(str(value))
