"""Interrupts of a command: Ctrl-C, and the signals by which systems end programs.

Python cannot raise an exception in a callback from C, such as LLVM makes while Numba compiles: it
prints a traceback, and the work goes on or fails in some odd way.
"""

import _thread
import contextlib
import logging
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from typing import Any

_log = logging.getLogger("invert")

_SECONDS = 0.05
"""Wait before an interrupt is sent again.

By then the callback has returned; if another has begun, the interrupt is lost and sent once more.
"""

_USUAL = {signal.SIGINT: signal.default_int_handler} | {
    signal.Signals[name]: signal.SIG_DFL for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
}
"""The signals that interrupt a command, and what Python or the system does with each."""


class Ended(KeyboardInterrupt):
    """A signal other than the one of Ctrl-C asks the program to end.

    Parameters
    ----------
    number : int
        Number of the signal.
    """

    def __init__(self, number: int):
        super().__init__()
        self.signal = signal.Signals(number)


@contextlib.contextmanager
def raised_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt for Ctrl-C and its subclass `Ended` for the other signals.

    An interrupt that is lost in a callback is raised again. An exception that follows a lost
    interrupt counts as its consequence, and so does an exception that an interrupt caused, as when
    a module written in C fails to import. A signal that is ignored, as under nohup, stays ignored.
    """
    usual = sys.unraisablehook
    arrived: list[int] = []
    again: list[threading.Timer] = []
    lost_signals: list[int] = []

    def raise_it(number: int, _frame: object) -> None:
        arrived.append(number)
        raise _interrupt(number)

    def send_again(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            # An object that was interrupted while it was made may fail to be deleted.
            if arrived:
                _log.debug("After an interrupt, this was ignored: %r", lost.exc_value)
            else:
                usual(lost)
            return
        number = lost.exc_value.signal if issubclass(lost.exc_type, Ended) else signal.SIGINT
        timer = threading.Timer(_SECONDS, _thread.interrupt_main, [number])
        timer.daemon = True
        timer.start()
        again.append(timer)
        lost_signals.append(number)

    is_main = threading.current_thread() is threading.main_thread()
    try:
        if is_main:  # only this thread gets signals
            sys.unraisablehook = send_again
        with _handled_by(raise_it) if is_main else contextlib.nullcontext():
            yield
    except KeyboardInterrupt as raised:
        # What was interrupted while it was made is deleted here, where the hook keeps silent.
        traceback.clear_frames(raised.__traceback__)
        raise
    except Exception as error:
        interrupt = _interrupt(lost_signals[-1]) if lost_signals else _interrupt_behind(error)
        if interrupt is None:
            raise
        for note in getattr(error, "__notes__", ()):
            interrupt.add_note(note)
        raise interrupt from error
    finally:
        sys.unraisablehook = usual
        for timer in again:
            timer.cancel()


@contextlib.contextmanager
def _handled_by(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Let a function handle the signals that interrupt, except those handled elsewhere already."""
    usual = {each: of for each, of in _USUAL.items() if signal.getsignal(each) is of}
    try:
        for each in usual:
            signal.signal(each, handler)
        yield
    finally:
        for each, of in usual.items():
            signal.signal(each, of)


def _interrupt(number: int) -> KeyboardInterrupt:
    return KeyboardInterrupt() if number == signal.SIGINT else Ended(number)


def _interrupt_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error
