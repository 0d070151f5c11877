"""How a command that fails or is interrupted ends: one sentence on stderr and an exit code."""

import contextlib
import errno
from collections.abc import Iterator, Sequence

import click

from invert_core.commands.advice import OPTIONS_AT_HAND, where_to_type
from invert_core.commands.console import report
from invert_core.commands.interrupts import Ended, raised_interrupts
from invert_core.errors import InvertError, SettingError

_FOR_MEMORY = ("--beam", "--batch-size")
"""Options of which a smaller value takes less memory."""

LONGEST = 600
"""Most characters of a message; names and values from untrusted files have any length."""


@contextlib.contextmanager
def told_failures(ctx: click.Context | None = None) -> Iterator[None]:
    """Tell the user what goes wrong, without a traceback except with ``--debug``, and exit.

    Errors in the command line pass through, because click reports them.
    """
    try:
        with raised_interrupts():
            yield
    except click.BadParameter as error:
        raise click.UsageError(shortened(error.format_message()), error.ctx) from error
    except (click.ClickException, click.exceptions.Exit, click.Abort):
        raise
    except KeyboardInterrupt as interrupt:
        signal = interrupt.signal if isinstance(interrupt, Ended) else None
        how = f"Ended by {signal.name}" if signal else "Interrupted"
        report(how + _kept(interrupt, ctx))
        raise click.exceptions.Exit(128 + signal if signal else 130) from interrupt
    except Exception as error:
        if (ctx and ctx.meta.get("debug")) or _is_closed_pipe(error):
            raise
        parts = [_told(error, ctx), *getattr(error, "__notes__", ())]
        if ctx and isinstance(error, InvertError):
            parts += filter(None, [where_to_type(ctx, " ".join(parts))])
        report(f"Error: {' '.join(map(shortened, parts))}")
        raise click.exceptions.Exit(2 if isinstance(error, SettingError) else 1) from error


def shortened(message: str) -> str:
    """Cut a message in the middle: it starts with what is wrong and ends with what to type next."""
    if len(message) <= LONGEST:
        return message
    half = LONGEST // 2
    return f"{message[:half]}…{message[-half:]}"


def _kept(interrupt: KeyboardInterrupt, ctx: click.Context | None) -> str:
    notes = list(filter(None, getattr(interrupt, "__notes__", ())))
    if notes:
        return f". {' '.join(notes)}"
    if ctx and ctx.invoked_subcommand in ("extract", "label"):
        return " before anything was saved."
    return "; no output was written."


def _is_closed_pipe(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno == errno.EPIPE


def _told(error: Exception, ctx: click.Context | None) -> str:
    if isinstance(error, InvertError):
        return " ".join(part for part in (error.message, error.hint) if part)
    at_hand = ctx.meta.get(OPTIONS_AT_HAND, ()) if ctx else ()
    return _sentence(error, [each for each in _FOR_MEMORY if each in at_hand])


def _sentence(error: Exception, smaller: Sequence[str]) -> str:
    if isinstance(error, MemoryError):
        return "There is not enough memory. Give fewer samples or concepts" + (
            f", or a smaller {' or '.join(smaller)}." if smaller else "."
        )
    if isinstance(error, RuntimeError) and "start new thread" in str(error):
        return "The system cannot start another thread. Raise the limits: ulimit -u, ulimit -v."
    if isinstance(error, OSError) and error.strerror:
        where = f" {str(error.filename)!r}" if error.filename else ""
        return (
            f"The system refuses{where}: {error.strerror}. "
            "Check the path, its permissions and the free space."
        )
    return (
        f"Something unexpected happened ({type(error).__name__}: {error}). "
        "Run the command again with --debug and report what it prints."
    )
