"""Ctrl-C in the middle of long work, and progress on a terminal."""

import contextlib
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path

import click
import numpy as np
import pytest

from invert_core import open_activations
from invert_core.commands.interrupts import Ended
from tests.command_line import COMMAND, call, process, tree

pty = pytest.importorskip("pty", reason="no terminals to open here")
PLUGINS = Path(__file__).parents[1] / "plugins"


class Terminal:
    """A command whose stderr is a terminal."""

    def __init__(self, *arguments, cwd):
        self.text = ""
        self._leader, follower = pty.openpty()
        self.process = subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=follower,
            env=os.environ | {"PYTHONPATH": str(PLUGINS)},
            start_new_session=True,
        )
        os.close(follower)

    def wait_for(self, pattern, seconds=60):
        """Read until the terminal shows something."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.text):
            assert time.monotonic() < end, self.text
            assert self._read(), f"ended without {pattern!r}: {self.text}"

    def finish(self, seconds=30):
        """Read until the command ends; give its exit code."""
        end = time.monotonic() + seconds
        while self._read():
            assert time.monotonic() < end, self.text
        return self.process.wait(seconds)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._leader)

    def _read(self):
        if not select.select([self._leader], [], [], 1)[0]:
            return True
        with contextlib.suppress(OSError):  # what Linux gives when the other end is closed
            if chunk := os.read(self._leader, 65536):
                self.text += chunk.decode(errors="replace")
                return True
        return False


@pytest.fixture
def terminal(here):
    opened = []

    def start(*arguments):
        opened.append(Terminal(*map(str, arguments), cwd=here))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "Interrupted; no output was written."),
        (signal.SIGTERM, 143, "Ended by SIGTERM; no output was written."),
        (signal.SIGHUP, 129, "Ended by SIGHUP; no output was written."),
    ],
)
def test_an_interrupted_labelling_leaves_nothing(here, terminal, number, code, words):
    random = np.random.default_rng(0)
    np.save(here / "big.npy", random.normal(size=(3000, 3000)).astype(np.float32))
    labels = random.random((3000, 200)) < 0.2
    np.savez(here / "c.npz", labels=labels, id=np.array([f"c{i}" for i in range(200)]))
    before = tree(here)
    command = terminal(
        *("label", "big.npy", "c.npz", "-o", "run", "--length", 6, "--beam", 50, "--jobs", 2)
    )
    command.wait_for(r"[1-9]%")
    command.process.send_signal(number)
    assert command.finish() == code
    assert words in command.text
    assert "Traceback" not in command.text
    assert tree(here) == before


def test_an_interrupted_extraction_says_what_is_kept_and_goes_on(here, terminal):
    random = np.random.default_rng(0)
    np.savez(
        here / "model.npz",
        first=random.normal(size=(4, 6)).astype(np.float32),
        second=random.normal(size=(6, 3)).astype(np.float32),
    )
    data = random.normal(size=(60_000, 2, 4)).astype(np.float32)
    np.save(here / "data.npy", data)
    arguments = (
        "extract",
        "model.npz",
        "--data",
        "data.npy",
        "-l",
        "logits",
        "-o",
        "x.h5",
        "-b",
        2,
    )
    command = terminal(*arguments)
    command.wait_for(r"[3-9]%")
    command.process.send_signal(signal.SIGINT)
    assert command.finish() == 130
    found = re.search(r"Interrupted\. ([0-9,]+) of 60,000 samples are kept in", command.text)
    assert found, command.text
    assert "goes on from there" in command.text
    assert "Traceback" not in command.text
    assert {path.name for path in here.iterdir()} == {"model.npz", "data.npy", "x.h5.partial"}

    command = terminal(*arguments)
    assert command.finish(60) == 0
    assert f"of which an earlier run had left {found[1]}." in command.text
    assert not (here / "x.h5.partial").exists()
    whole = terminal(*(word if word != "x.h5" else "y.h5" for word in arguments))
    assert whole.finish(60) == 0
    with open_activations(here / "x.h5") as resumed, open_activations(here / "y.h5") as at_once:
        resumed, at_once = resumed.layers["logits"], at_once.layers["logits"]
        assert np.array_equal(resumed.read(0, 3), at_once.read(0, 3))


@pytest.mark.parametrize(
    ("interrupt", "code", "words"),
    [
        (KeyboardInterrupt(), 130, "Interrupted before anything new was kept."),
        (Ended(signal.SIGTERM), 143, "Ended by SIGTERM before anything new was kept."),
    ],
)
def test_an_extraction_interrupted_at_once_does_not_deny_what_was_kept_before(
    here, monkeypatch, interrupt, code, words
):
    def stop(*_arguments, **_options):
        raise interrupt

    monkeypatch.setattr("invert_core.extraction.extract", stop)
    result = call("extract", "model.npz", "--data", "data.npy", "-l", "logits", "-o", "x.h5")
    assert (result.exit_code, result.stderr) == (code, f"{words}\n")


def test_an_interrupt_while_a_run_is_printed_says_that_it_was_written(inputs, monkeypatch):
    def stop(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr("invert_core.commands.label_table.print_labels", stop)
    result = call("label", "activations.npz", "concepts.csv", "-o", "run")
    assert result.exit_code == 130
    assert result.stderr.endswith("Interrupted. The run was written to 'run'.\n")
    assert (inputs / "run" / "run.json").exists()


def test_a_signal_while_the_command_line_is_parsed_ends_it_in_a_sentence(monkeypatch):
    def stop(*_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(click.Group, "parse_args", stop)
    result = call("label")
    assert (result.exit_code, result.stderr) == (130, "Interrupted; no output was written.\n")


def test_an_interrupt_while_the_command_line_is_imported_ends_in_a_sentence(here):
    (here / "click.py").write_text("raise KeyboardInterrupt\n")
    done = process("--version", env=os.environ | {"PYTHONPATH": str(here)})
    assert (done.returncode, done.stderr) == (130, "Interrupted. Nothing was written.\n")


def test_a_terminal_shows_progress_and_quiet_does_not(inputs, terminal):
    command = terminal("label", "activations.npz", "concepts.csv", "-o", "run")
    assert command.finish() == 0
    assert "Labelling" in command.text
    assert "100%" in command.text
    quiet = terminal("label", "activations.npz", "concepts.csv", "-o", "again", "-q")
    assert quiet.finish() == 0
    assert quiet.text == ""
