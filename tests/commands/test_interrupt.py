"""Ctrl-C in the middle of long work, and progress on a terminal."""

import contextlib
import os
import re
import select
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import numpy as np
import pytest

from invert_core import open_activations
from invert_core.commands.interrupts import Ended
from tests.command_line import CHECKOUT, COMMAND, call, invert, process, refused, sentence, tree

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


@pytest.fixture
def big(here):
    """Inputs that take many seconds to label with `--beam 50`."""
    random = np.random.default_rng(0)
    np.save(here / "big.npy", random.normal(size=(3000, 3000)).astype(np.float32))
    labels = random.random((3000, 200)) < 0.2
    np.savez(here / "c.npz", labels=labels, id=np.array([f"c{i}" for i in range(200)]))
    settings = ("--length", 6, "--beam", 50, "--permutations", 0)
    return ("label", "big.npy", "c.npz", "-o", "run", *settings)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "Interrupted. "),
        (signal.SIGTERM, 143, "Ended by SIGTERM. "),
        (signal.SIGHUP, 129, "Ended by SIGHUP. "),
    ],
)
def test_an_interrupted_labelling_says_what_is_kept(here, big, terminal, number, code, words):
    command = terminal(*big, "--jobs", 2)
    command.wait_for(r"[1-9]\d%")  # pieces in progress count, but are not kept
    command.process.send_signal(number)
    assert command.finish() == code
    kept = (
        "([0-9,]+) of 3,000 units are kept in 'run.partial'; the same command continues from there"
    )
    found = re.search(re.escape(words) + kept, command.text)
    assert found, command.text
    assert "Traceback" not in command.text
    assert {path.name for path in here.iterdir()} == {"big.npy", "c.npz", "run.partial"}
    again = terminal(*big, "--jobs", 1)
    again.wait_for(f"Continuing after {found[1]} of 3,000 units, which an earlier run left in")
    again.wait_for(r"[1-9]%")
    again.process.send_signal(signal.SIGKILL)
    assert again.finish() == -signal.SIGKILL


def test_a_labelling_interrupted_before_the_first_unit_leaves_nothing(here, big, monkeypatch):
    def stop(*_arguments, **_options):
        raise KeyboardInterrupt

    before = tree(here)
    monkeypatch.setattr("invert_core.labelling.label_files.label_workload", stop)
    result = call(*big)
    assert result.exit_code == 130
    assert result.stderr.endswith("Interrupted before anything was saved.\n")
    assert tree(here) == before


def test_an_interrupted_labelling_goes_on_to_the_same_bytes(inputs):
    # Interrupted by itself, once the third unit of four is labelled.
    interrupting = (
        "import os, signal\n"
        "from invert_core.labelling import label_files\n"
        "from invert_core.entry import main\n"
        "from tests.results.unfinished_runs.stopped_runs import one_by_one\n"
        "label_workload = label_files.label_workload\n"
        "def label(*arguments, **options):\n"
        "    tables = label_workload(*arguments, **options)\n"
        "    for unit, table in enumerate(one_by_one(tables)):\n"
        "        if unit == 3:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "        yield table\n"
        "label_files.label_workload = label\n"
        "main()\n"
    )
    arguments = ("label", "activations.npz", "concepts.csv", "-o")
    stopped = subprocess.run(
        [sys.executable, "-c", interrupting, *arguments, "run"],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
    )
    assert stopped.returncode == 130
    assert stopped.stderr.endswith(
        "Interrupted. 3 of 4 units are kept in 'run.partial'; "
        "the same command continues from there.\n"
    )
    for command in (
        ("show", "run.partial", "fc:0"),
        ("export", "run.partial"),
        ("show", "run", "fc:0"),
    ):
        assert refused(*command) == (
            "Error: The run 'run.partial' is unfinished. "
            "Finish it: the same 'invert label' command continues where it stopped."
        )
    error = refused(*arguments, "run", "--length", 2)
    assert "'run.partial' was made with settings.length 3, now it is 2." in error
    assert "start anew with --overwrite" in error
    again = invert(*arguments, "run")
    assert again.stderr.startswith("Continuing after 3 of 4 units, which an earlier run left in")
    whole = invert(*arguments, "whole")
    assert again.stdout == whole.stdout
    for name in ("labels.csv", "labels.jsonl"):
        assert (inputs / "run" / name).read_bytes() == (inputs / "whole" / name).read_bytes()
    assert {path.name for path in inputs.glob("run*")} == {"run"}


def test_what_is_kept_is_said_of_errors_of_any_kind(inputs, monkeypatch):
    def fail(*_arguments):
        raise MemoryError

    monkeypatch.setattr("invert_core.labelling.label_files.write_info", fail)
    error = sentence(*failed("label", "activations.npz", "concepts.csv", "-o", "run"))
    assert "There is not enough memory" in error
    assert error.endswith(
        "4 of 4 units are kept in 'run.partial'; the same command continues from there."
    )


def test_threads_that_cannot_start_are_told_in_a_sentence(inputs, monkeypatch):
    def fail(*_arguments):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("invert_core.labelling.label_files.write_info", fail)
    error = sentence(*failed("label", "activations.npz", "concepts.csv", "-o", "run"))
    assert "cannot start another thread. Raise the limits: ulimit" in error


def failed(*arguments):
    result = call(*arguments)
    return result.exit_code, result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, r"Interrupted\."),
        (signal.SIGTERM, 143, r"Ended by SIGTERM\."),
    ],
)
def test_an_interrupted_extraction_says_what_is_kept_and_by_which_command_it_goes_on(
    here, terminal, number, code, words
):
    random = np.random.default_rng(0)
    np.savez(
        here / "model.npz",
        first=random.normal(size=(4, 6)).astype(np.float32),
        second=random.normal(size=(6, 3)).astype(np.float32),
    )
    data = random.normal(size=(8_000, 2, 4)).astype(np.float32)
    np.save(here / "data file.npy", data)
    arguments = (
        "extract",
        "model.npz",
        "--data",
        "data file.npy",
        "-l",
        "logits",
        "-o",
        "x.h5",
        "-b",
        2,
    )
    command = terminal(*arguments, "--overwrite")
    command.wait_for(r"[3-9]%.* samples/s")
    command.process.send_signal(number)
    assert command.finish() == code
    found = re.search(f"{words} ([0-9,]+) of 8,000 samples are kept in", command.text)
    assert found, command.text
    assert "goes on from there" in command.text
    assert "Traceback" not in command.text
    assert {path.name for path in here.iterdir()} == {"model.npz", "data file.npy", "x.h5.partial"}

    again = shlex.split(command.text.partition("Go on with: invert ")[2])
    assert again == [str(word) for word in arguments]
    command = terminal(*again)
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
        (KeyboardInterrupt(), 130, "Interrupted before anything was saved."),
        (Ended(signal.SIGTERM), 143, "Ended by SIGTERM before anything was saved."),
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

    monkeypatch.setattr("invert_core.commands.label_table.print_overview", stop)
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


@pytest.mark.slow
def test_a_terminal_shows_progress_and_quiet_does_not(inputs, terminal):
    command = terminal("label", "activations.npz", "concepts.csv", "-o", "run")
    assert command.finish() == 0
    assert "Labelling" in command.text
    assert "100%" in command.text
    quiet = terminal("label", "activations.npz", "concepts.csv", "-o", "again", "-q")
    assert quiet.finish() == 0
    assert quiet.text == ""
