"""The bar that a terminal shows, and the messages that come with it."""

import io
import sys

from invert_core.commands.console import messages, progress, say


class Terminal(io.StringIO):
    def isatty(self):
        return True


def terminal(monkeypatch):
    """Put a terminal in the place of standard error, and return what it gets."""
    drawn = Terminal()
    monkeypatch.setattr(sys, "stderr", drawn)
    return drawn


def last_states(drawn):
    """What each line showed last."""
    return [line.rpartition("\r")[2] for line in drawn.getvalue().split("\n")]


def test_a_message_after_the_last_item_has_a_line_of_its_own(monkeypatch):
    drawn = terminal(monkeypatch)
    with messages(), progress("Labelling") as advance:
        for done in range(3):
            advance(done, 2)
        say("All is done.")
        advance(2, 2)
    bar, message, *rest = last_states(drawn)
    assert "100%" in bar
    assert "All is done." in message
    assert rest == [""]


def test_work_that_was_done_before_has_no_bar(monkeypatch):
    drawn = terminal(monkeypatch)
    with messages(), progress("Scoring") as advance:
        advance(5, 5)
    assert drawn.getvalue() == ""
