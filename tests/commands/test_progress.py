"""How far work is: the bar of a terminal, the lines of a log, and the messages between them."""

import io
import logging
import re
import sys

import pytest

from invert_core.commands import console
from invert_core.commands.console import messages, say
from invert_core.commands.progress import progress
from tests.command_line import invert, refused

STEPS = logging.getLogger("invert.steps")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def stderr(monkeypatch, stream):
    """Put a stream in the place of standard error, and return it."""
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


@pytest.fixture
def clock(monkeypatch):
    """Time that passes when a test says so: `clock.pass_by(seconds)`."""

    class Clock:
        now = 1000.0

        def monotonic(self):
            return self.now

        def pass_by(self, seconds):
            self.now += seconds

    made = Clock()
    monkeypatch.setattr(console, "time", made)
    monkeypatch.setattr("invert_core.commands.progress.time", made)
    return made


def last_states(drawn):
    """What each line showed last."""
    return [line.rpartition("\r")[2] for line in drawn.getvalue().split("\n")]


def test_a_message_after_the_last_item_has_a_line_of_its_own(monkeypatch):
    drawn = stderr(monkeypatch, Terminal())
    with messages(), progress("Labelling") as advance:
        for done in range(3):
            advance(done, 2)
        say("All is done.")
        advance(2, 2)
    bar, message, *rest = last_states(drawn)
    assert "100%" in bar
    assert "All is done." in message
    assert rest == [""]


@pytest.mark.parametrize("stream", [Terminal, io.StringIO])
def test_work_that_was_done_before_is_not_shown(monkeypatch, stream):
    drawn = stderr(monkeypatch, stream())
    with messages(), progress("Scoring") as advance:
        advance(5, 5)
    assert drawn.getvalue() == ""


def test_a_log_gets_a_line_at_the_start_one_a_minute_and_one_at_the_end(monkeypatch, clock):
    log = stderr(monkeypatch, io.StringIO())
    with messages(), progress("Labelling") as advance:
        for done in range(0, 1201, 10):
            advance(done, 1200)
            clock.pass_by(1)
    assert log.getvalue().splitlines() == [
        "Labelling: 0 of 1,200.",
        "Labelling: 600 of 1,200, about 1 min 0 s left.",
        "Labelling: all 1,200 in 2 min 0 s.",
    ]


def test_the_rate_of_items_is_said_and_a_second_count_starts_again(monkeypatch, clock):
    log = stderr(monkeypatch, io.StringIO())
    with messages(), progress("Extracting", "samples") as advance:
        for total in (4, 8):
            for done in range(total + 1):
                advance(done, total)
                clock.pass_by(31)
    assert log.getvalue().splitlines() == [
        "Extracting: 0 of 4 samples.",
        "Extracting: 2 of 4 samples, 0.032 samples/s, about 1 min 2 s left.",
        "Extracting: all 4 samples in 2 min 4 s.",
        "Extracting: 0 of 8 samples.",
        "Extracting: 2 of 8 samples, 0.032 samples/s, about 3 min 6 s left.",
        "Extracting: 4 of 8 samples, 0.032 samples/s, about 2 min 4 s left.",
        "Extracting: 6 of 8 samples, 0.032 samples/s, about 1 min 2 s left.",
        "Extracting: all 8 samples in 4 min 8 s.",
    ]


def test_steps_after_the_work_are_said_once_they_take_long(monkeypatch, clock):
    log = stderr(monkeypatch, io.StringIO())
    with messages():
        for done in range(0, 4):
            STEPS.debug("Looking for units alike: %d of 4", done)
            clock.pass_by(25)
        STEPS.debug("")
        clock.pass_by(100)
        STEPS.debug("")
    assert log.getvalue().splitlines() == ["Looking for units alike: 3 of 4"]


def test_a_message_puts_off_the_next_line_on_a_step(monkeypatch, clock):
    log = stderr(monkeypatch, io.StringIO())
    with messages():
        clock.pass_by(59)
        say("The file is open.")
        clock.pass_by(59)
        STEPS.debug("1 of 2")
        clock.pass_by(1)
        STEPS.debug("2 of 2")
    assert log.getvalue().splitlines() == ["The file is open.", "2 of 2"]


def test_work_aside_is_said_only_if_it_takes_long(monkeypatch, clock):
    log = stderr(monkeypatch, io.StringIO())
    for seconds in (1, 40):
        with messages(), progress("Copying samples", is_aside=True) as advance:
            for done in range(4):
                advance(done, 3)
                clock.pass_by(seconds)
    assert log.getvalue() == "Copying samples: 2 of 3, about 40 s left.\n"


@pytest.mark.parametrize("level", [logging.WARNING, logging.ERROR])
def test_quiet_work_is_not_shown(monkeypatch, clock, level):
    log = stderr(monkeypatch, io.StringIO())
    with messages():
        logging.getLogger("invert").setLevel(level)
        with progress("Labelling") as advance:
            for done in range(3):
                advance(done, 2)
                clock.pass_by(100)
        STEPS.debug("1 of 2")
    assert log.getvalue() == ""


def test_the_environment_sets_the_time_between_lines(monkeypatch, clock):
    log = stderr(monkeypatch, io.StringIO())
    monkeypatch.setenv("INVERT_PROGRESS_SECONDS", "2.5")
    with messages():
        for done in range(6):
            STEPS.debug("%d of 6", done)
            clock.pass_by(1)
    assert log.getvalue().splitlines() == ["3 of 6"]


@pytest.mark.parametrize("value", ["often", "-1", "nan", "inf", "1e999"])
def test_a_time_between_lines_that_is_none_is_refused(inputs, monkeypatch, value):
    monkeypatch.setenv("INVERT_PROGRESS_SECONDS", value)
    error = refused("label", "activations.npz", "concepts.csv", "-o", "run", code=2)
    assert error == (
        f"Error: INVERT_PROGRESS_SECONDS is '{value}'. Give a number of seconds, such as 60; 0 "
        "says all there is."
    )


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_time_between_lines_is_none(monkeypatch, value):
    monkeypatch.setenv("INVERT_PROGRESS_SECONDS", value)
    assert console.seconds_between_lines() == 60


def test_a_labelling_in_a_log_has_no_carriage_returns(inputs, monkeypatch):
    monkeypatch.setenv("INVERT_PROGRESS_SECONDS", "0")
    words = ("label", "activations.npz", "concepts.csv", "-o", "run")
    said = invert(*words).stderr
    assert "\r" not in said
    assert "\x1b" not in said
    lines = said.splitlines()
    assert "Labelling: 0 of 4." in lines
    assert any(re.fullmatch(r"Labelling: all 4 in .* s\.", line) for line in lines)
    assert "Looking for units alike: 0 of 4" in lines
    assert "Writing evidence of units: 0 of 4" in lines
    assert invert(*words, "--overwrite", "-q").stderr == ""
