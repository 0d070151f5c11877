"""Untrusted names, pipes that close, and terminals that know few characters."""

import json
import logging
import os
import shlex
import subprocess
import sys

import numpy as np
import pytest

from invert_core.commands.console import messages
from tests.command_line import COMMAND, invert, process, refused, sentence
from tests.results.changed_files import seal_run

HOSTILE = "\x1b[31mred\x1b[0m"


@pytest.fixture
def hostile(here):
    """Concepts, names and layers that try to steer the terminal."""
    random = np.random.default_rng(0)
    np.savez(here / "a.npz", **{"evil\x1b[2J": random.normal(size=(50, 2))})
    labels = random.random((50, 2)) < 0.4
    np.savez(
        here / "c.npz",
        labels=labels,
        id=np.array([HOSTILE, "new\nline"]),
        name=np.array(["\x9b31m", "a\rb\u202e"]),
        definition=np.array([HOSTILE, "x\x07"]),
    )
    return here


def assert_harmless(text):
    assert all(line.isprintable() for line in text.split("\n")), text


def test_names_that_steer_a_terminal_are_escaped(hostile):
    result = invert("label", "a.npz", "c.npz", "-o", "run")
    shown = invert("show", "run", "evil\x1b[2J:0")
    scored = invert("score", "a.npz", "c.npz", "--formula", json.dumps(HOSTILE))
    listed = invert("concepts", "show", "c.npz")
    for each in (result, shown, scored, listed):
        assert_harmless(each.stdout)
        assert_harmless(each.stderr)
    assert r"evil\x1b[2J:0" in result.stdout
    assert r"\x1b[31mred" in listed.stdout


def test_errors_and_messages_escape_names_too(hostile):
    assert r"evil\x1b[2J" in refused("label", "a.npz", "c.npz", "-o", "run", "-l", "evil")
    formula = json.dumps(HOSTILE)
    assert r"evil\x1b[2J" in refused("score", "a.npz", "c.npz", "--formula", formula, "--units", 9)
    assert r"\x1b[31mred" in refused("score", "a.npz", "c.npz", "--formula", '"[31mred"')
    (hostile / "c.csv").write_text(f"sample_id,concepts,{HOSTILE}\ns0,a,x\ns1,b,x\n")
    result = invert("concepts", "show", "c.csv")
    assert r"c.csv: ignored the column '\x1b[31mred" in result.stderr
    assert_harmless(result.stderr)


def test_a_hostile_run_is_shown_escaped(hostile):
    # Evidence would belong to other labels.
    invert("label", "a.npz", "c.npz", "-o", "run", "--no-evidence")
    path = hostile / "run" / "labels.jsonl"
    text = path.read_text(encoding="utf-8").replace('"positive"', json.dumps(HOSTILE))
    path.write_text(text, encoding="utf-8")
    seal_run(hostile / "run")
    assert_harmless(invert("show", "run", "evil\x1b[2J:0").stdout)
    assert_harmless(invert("show", "run").stdout)
    refused("show", "run", "evil")


@pytest.mark.parametrize("command", [("export", "run"), ("show", "run", "fc:0")])
def test_a_reader_that_closes_early_is_no_error(run, command):
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed:
        done = subprocess.run(
            [*COMMAND, *command], cwd=run.parent, stdout=closed, stderr=-1, text=True, timeout=60
        )
    assert done.stderr == ""


LABEL = ("label", "activations.npz", "concepts.csv", "-o", "run")


@pytest.mark.slow
@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full", "2> >(true)"])
def test_messages_that_cannot_be_printed_end_no_work(inputs, stderr):
    line = f"exec {stderr}; sleep 0.1; {shlex.join([*COMMAND, *LABEL])}"
    done = subprocess.run(
        ["bash", "-c", line], cwd=inputs, stdout=subprocess.PIPE, text=True, timeout=60
    )
    assert done.returncode == 0
    assert done.stdout == invert(*LABEL, "--overwrite").stdout


@pytest.mark.parametrize("words", [("--version",), ("--help",), ("label", "--help")])
def test_a_full_disk_behind_help_is_one_sentence(words):
    with open("/dev/full", "w") as full:
        done = process(*words, capture_output=False, stdout=full, stderr=-1)
    assert "No space left on device" in sentence(done.returncode, done.stderr)
    assert len(done.stderr.splitlines()) == 1


def test_a_closed_stdout_loses_the_results_only(run):
    line = f"{shlex.join([*COMMAND, 'export', 'run'])} >&-"
    done = subprocess.run(["bash", "-c", line], cwd=run.parent, stderr=-1, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_message_of_any_length_stays_short_and_keeps_its_hint(run):
    error = refused("show", "run", "x" * 100_000)
    assert len(error) < 700
    assert error.startswith("Error: ")
    assert "…" in error
    usage = refused(*LABEL, "--units", "1-" * 100_000, code=2)
    assert len(usage) < 700
    assert usage.endswith("is not of the form 0-63,70")


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii"},
    ],
)
def test_characters_that_the_output_lacks_are_escaped(here, environment):
    random = np.random.default_rng(0)
    np.save(here / "größe 猫.npy", random.normal(size=(50, 2)))
    (here / "c.csv").write_text(
        "sample_id,猫,ü\n" + "".join(f"s{i},{i % 2},{i % 3 % 2}\n" for i in range(50)),
        encoding="utf-8",
    )
    environment = os.environ | environment
    done = process(
        *("label", "größe 猫.npy", "c.csv", "-o", "läufe"),
        cwd=here,
        env=environment,
        encoding="utf-8",
        errors="replace",
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 3
    text = (here / "läufe" / "labels.csv").read_text(encoding="utf-8")
    assert "猫" in text
    done = process(
        "label", "ä.npy", "c.csv", "-o", "x", cwd=here, env=environment, errors="replace"
    )
    assert "There is no file" in sentence(done.returncode, done.stderr)


def test_names_with_blanks_and_of_other_alphabets_are_kept(here):
    np.save(here / "größe 猫.npy", np.random.default_rng(0).normal(size=(50, 2)))
    (here / "c.csv").write_text(
        "sample_id,two words,ü\n" + "".join(f"s{i},{i % 2},{i % 3 % 2}\n" for i in range(50)),
        encoding="utf-8",
    )
    invert("label", "größe 猫.npy", "c.csv", "-o", "my run")
    rows = json.loads(invert("show", "my run", "größe 猫:1", "--format", "json").stdout)
    assert rows[0]["layer"] == "größe 猫"
    invert("score", "größe 猫.npy", "c.csv", "--formula", rows[0]["formula"])


@pytest.mark.parametrize("arguments", [("--format", "json"), ("--format", "csv")])
def test_data_are_utf_8_whatever_the_terminal_speaks(tmp_path, arguments):
    table = tmp_path / "concepts.csv"
    table.write_text("sample_id,größe 😀\na,1\nb,0\n", encoding="utf-8")
    done = subprocess.run(
        [*COMMAND, "concepts", "show", str(table), *arguments],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "latin-1"},
        check=True,
    )
    assert "größe 😀" in done.stdout.decode()


STEPS = logging.getLogger("invert.steps")


@pytest.mark.parametrize(
    ("is_terminal", "is_quiet", "drawn"),
    [
        (True, False, "\r\x1b[K1 of 2\r\x1b[K2 of 2\r\x1b[K"),
        (True, True, ""),
        (False, False, ""),  # tests/commands/test_progress.py has the lines of a log
    ],
)
def test_steps_of_compilation_are_drawn_over_one_line_of_a_terminal_alone(
    monkeypatch, capsys, is_terminal, is_quiet, drawn
):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    with messages():
        if is_quiet:
            logging.getLogger("invert").setLevel(logging.ERROR)
        for text in ("1 of 2", "2 of 2", ""):
            STEPS.debug("%s", text)
    assert capsys.readouterr().err == drawn
    assert not STEPS.isEnabledFor(logging.DEBUG)
