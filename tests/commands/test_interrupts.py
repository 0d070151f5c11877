"""Interrupts that Python loses in a callback from C come back, and other signals interrupt too."""

import ctypes
import signal
import sys
import threading
import time

import pytest
from click.testing import CliRunner

from invert_core.commands import main
from invert_core.commands.interrupts import Ended, raised_interrupts
from invert_core.errors import MissingDependencyError


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


def test_what_an_interrupt_caused_was_interrupted():
    def fail_to_import():
        try:
            try:
                raise Ended(signal.SIGTERM)
            except KeyboardInterrupt as interrupt:
                raise ImportError("initialization failed") from interrupt
        except ImportError as error:
            raise MissingDependencyError("A package is broken.") from error

    with pytest.raises(Ended), raised_interrupts():
        fail_to_import()


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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_signals_that_end_programs_interrupt_the_work(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt) as caught, raised_interrupts():
        signal.raise_signal(number)
    assert caught.value.signal == number
    assert signal.getsignal(number) is before


def test_a_lost_signal_comes_back_as_what_it_was():
    @ctypes.CFUNCTYPE(None)
    def ended():
        signal.raise_signal(signal.SIGTERM)

    def lose_it_and(go_on):
        ended()
        go_on()

    for go_on in (lambda: work(30), fail):
        with pytest.raises(Ended) as caught, raised_interrupts():
            lose_it_and(go_on)
        assert caught.value.signal == signal.SIGTERM


def test_an_ignored_signal_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raised_interrupts():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_command_runs_in_a_thread_too():
    results = []

    def run():
        results.append(CliRunner().invoke(main, ["backends"]).exit_code)

    usual = sys.unraisablehook
    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert results == [0]
    assert sys.unraisablehook is usual


def test_what_an_error_says_was_kept_is_said_of_the_interrupt_that_caused_it():
    def work():
        error = OSError("cut short")
        error.add_note("1,024 of 2,000 samples are kept.")
        raise error from KeyboardInterrupt()

    with pytest.raises(KeyboardInterrupt) as caught, raised_interrupts():
        work()
    assert caught.value.__notes__ == ["1,024 of 2,000 samples are kept."]


class Unfinished:
    """An object that cannot be deleted if its making was interrupted."""

    def __init__(self):
        signal.raise_signal(signal.SIGINT)
        self.handle = 1

    def __del__(self):
        assert self.handle == 1


def test_what_was_interrupted_while_it_was_made_is_deleted_in_silence(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda lost: seen.append(lost.exc_type))
    with pytest.raises(KeyboardInterrupt), raised_interrupts():
        Unfinished()
    assert seen == []
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
