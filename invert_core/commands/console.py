"""What the commands share in talking to a person: messages, progress, tables."""

import contextlib
import csv
import io
import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import click

_log = logging.getLogger("invert")


@contextlib.contextmanager
def messages() -> Iterator[None]:
    """Print the library's messages on stderr while a command runs."""
    level, propagate = _log.level, _log.propagate
    handler = _MessageHandler()
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False
    try:
        yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)
        _log.propagate = propagate


def say(text: str) -> None:
    """Print a message on stderr, unless ``-q`` was given."""
    _log.info("%s", text)


def replace_unprintable() -> None:
    """Let stdout escape what its encoding lacks: results are not lost to the name of a concept."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


class _MessageHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Print one message."""
        prefix = "Warning: " if record.levelno >= logging.WARNING else ""
        click.echo(prefix + printable(record.getMessage()), err=True)


@contextlib.contextmanager
def progress(title: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left on stderr, for a library call that reports (done, total).

    Silent where stderr is not a terminal, and with ``-q``.
    """
    quiet = _log.level > logging.INFO
    bar = click.progressbar(
        length=1, label=title, file=sys.stderr, hidden=quiet or not sys.stderr.isatty()
    )
    with bar:

        def report(done: int, total: int) -> None:
            bar.length = total
            bar.update(done - bar.pos)

        yield report


def printable(text: str) -> str:
    """Text without characters that would steer a terminal: names come from files of strangers."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def echo_data(text: str) -> None:
    """Print what programs read as it is; only on a terminal without what would steer it."""
    if sys.stdout.isatty():
        text = "\n".join(map(printable, text.split("\n")))
    click.echo(text, nl=False)


def print_rows(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], style: str) -> None:
    """Print rows on stdout as a table for people, or as JSON or CSV for programs."""
    if style == "json":
        echo_data(json.dumps([dict(row) for row in rows], indent=2, ensure_ascii=False) + "\n")
    elif style == "csv":
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([row[name] for name in columns] for row in rows)
        echo_data(text.getvalue())
    else:
        click.echo(table(rows, columns))


def table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as aligned text; numbers to the right."""
    cells = [[_cell(row[name]) for name in columns] for row in rows]
    titles = [name.replace("_", " ") for name in columns]
    right = [
        bool(rows) and all(isinstance(row[name], int | float | None) for row in rows)
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
