"""Ctrl-C that Python loses in a callback from C comes back."""

import ctypes
import sys
import time

import pytest

from invert_core.commands.interrupts import raised_interrupts


@ctypes.CFUNCTYPE(None)
def callback():
    raise KeyboardInterrupt


@ctypes.CFUNCTYPE(None)
def failing():
    raise ZeroDivisionError


def fail():
    raise RuntimeError("no compiled object yet")


def lose_an_interrupt_and(go_on):
    callback()
    go_on()


def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(0.001)


def test_a_lost_interrupt_stops_the_work(capsys):
    with pytest.raises(KeyboardInterrupt), raised_interrupts():
        lose_an_interrupt_and(lambda: work(30))
    assert capsys.readouterr().err == ""


def test_what_fails_after_a_lost_interrupt_was_interrupted():
    with pytest.raises(KeyboardInterrupt) as caught, raised_interrupts():
        lose_an_interrupt_and(fail)
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_no_interrupt_comes_after_the_end():
    with raised_interrupts():
        callback()
    work(0.2)


def test_other_errors_go_where_they_went(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: seen.append(lost.exc_type))
    with raised_interrupts():
        failing()
        work(0.1)
    assert seen == [ZeroDivisionError]
    with pytest.raises(RuntimeError), raised_interrupts():
        raise RuntimeError
