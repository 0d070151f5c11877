"""Ctrl-C that falls into a callback from C, as LLVM makes them while Numba compiles.

Python cannot raise there: it prints a traceback, and the work goes on or fails in some odd way.
"""

import _thread
import contextlib
import sys
import threading
from collections.abc import Iterator
from typing import Any

_SECONDS = 0.05
"""By then the callback has returned; if another has begun, the interrupt is lost and sent again."""


@contextlib.contextmanager
def raised_interrupts() -> Iterator[None]:
    """Raise KeyboardInterrupt again where it was lost in a callback.

    An exception that follows a lost interrupt is taken for its consequence.

    Raises
    ------
    KeyboardInterrupt
    """
    usual = sys.unraisablehook
    again: list[threading.Timer] = []

    def send_again(lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            usual(lost)
            return
        timer = threading.Timer(_SECONDS, _thread.interrupt_main)
        timer.daemon = True
        timer.start()
        again.append(timer)

    sys.unraisablehook = send_again
    try:
        yield
    except Exception as error:
        if again:
            raise KeyboardInterrupt from error
        raise
    finally:
        sys.unraisablehook = usual
        for timer in again:
            timer.cancel()
