"""Completion in the shell, as click's classes for bash, zsh and fish ask for it."""

import os
import shlex
import shutil
import subprocess
import sys

import numpy as np
import pytest
from click.shell_completion import FishComplete, ZshComplete

from invert_core.commands import main
from invert_core.commands.completion import WholeWords
from tests.command_line import CHECKOUT, invert

SHELLS = {"bash": WholeWords, "zsh": ZshComplete, "fish": FishComplete}


def completed(*words, shell="zsh"):
    """Return what the last of some words is completed to."""
    made = SHELLS[shell](main, {}, "invert", "_INVERT_COMPLETE")
    return [item.value for item in made.get_completions(list(words[:-1]), words[-1])]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_addresses_of_a_run_are_completed(run, shell):
    assert completed("show", "run", "", shell=shell) == ["fc:0", "fc:1", "fc:2", "fc:3"]
    assert completed("show", "run", "fc:2", shell=shell) == ["fc:2"]
    assert completed("show", "run", "fd", shell=shell) == []


def test_bash_gets_what_comes_after_the_colon(run):
    assert completed("show", "run", "fc:", shell="bash") == ["0", "1", "2", "3"]
    assert completed("show", "run", "f", shell="bash") == ["fc:0", "fc:1", "fc:2", "fc:3"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("invert show run fc:", (["show", "run"], "fc:")),
        ("invert show run ", (["show", "run"], "")),
        ("invert show 'my run' f", (["show", "my run"], "f")),
        ("invert ", ([], "")),
    ],
)
def test_bash_says_with_the_line_which_word_is_typed(monkeypatch, line, words):
    monkeypatch.setenv("COMP_LINE", line)
    made = WholeWords(main, {}, "invert", "_INVERT_COMPLETE")
    assert made.get_completion_args() == words
    assert "COMP_POINT" in made.source_template


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("show", "run", "--concept", "a"), ["a", "apple"]),
        (("show", "run", "--concept", ""), ["a", "apple", "b", "brown", "c", "cat"]),
        (("show", "--concept", "c"), []),
        (("show", "run", "--verdict", "h"), ["holds"]),
        (("show", "run", "--verdict", "holds", "--verdict", "p"), ["partly"]),
        (("show", "run", "--sort", "a"), ["auc"]),
        (("report", "run", "-l", ""), ["fc"]),
        (("sh",), ["show"]),
        (("nothing", "x"), []),
    ],
)
def test_words_of_a_run_are_completed(run, words, found):
    assert completed(*words) == found


@pytest.mark.parametrize("command", ["label", "score", "probe"])
def test_layers_of_an_activation_file_are_completed(here, command):
    np.savez("a.npz", conv1=np.eye(3), conv2=np.eye(3), **{"two words": np.eye(3)})
    assert completed(command, "a.npz", "c.csv", "-l", "") == ["conv1", "conv2"]
    assert completed(command, "a.npz", "-l", "conv1", "--layer", "conv2") == ["conv2"]
    assert completed(command, "-l", "") == []


@pytest.mark.parametrize("place", ["nowhere", "broken"])
def test_what_cannot_be_read_offers_nothing(here, place, capsys):
    (here / "broken").mkdir()
    (here / "broken" / "labels.csv").write_text("layer\nx\n")
    (here / "broken.npz").write_text("no zip")
    assert completed("show", place, "") == []
    assert completed("show", place, "--concept", "") == []
    assert completed("label", f"{place}.npz", "-l", "") == []
    assert capsys.readouterr() == ("", "")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes with names")
def test_a_pipe_offers_nothing_and_does_not_wait_for_its_other_end(here):
    (here / "run").mkdir()
    for pipe in ("run/labels.csv", "a.npz", "a.h5"):
        os.mkfifo(pipe)
    assert completed("show", "run", "") == []
    assert completed("show", "run", "--concept", "") == []
    assert completed("label", "a.npz", "-l", "") == []
    assert completed("label", "a.h5", "-l", "") == []


def test_names_that_a_shell_would_take_apart_are_not_offered(here):
    labels = np.arange(60) % 2 == 0
    np.savez("a.npz", **{"x$y": np.arange(60.0)[:, None] + 9 * labels[:, None]})
    np.savez("c.npz", labels=labels[:, None], id=["a"], name=["$(rm)"])
    invert("label", "a.npz", "c.npz", "-o", "run", "--permutations", 0)
    assert completed("show", "run", "") == []
    assert completed("show", "run", "--concept", "") == ["a"]


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash")
def test_bash_completes_an_address(run, tmp_path):
    called = f"import sys; sys.path.insert(0, {str(CHECKOUT)!r}); sys.argv[0] = 'invert'"
    program = f"{called}; from invert_core.entry import main; main()"
    (tmp_path / "invert").write_text(
        f'#!/bin/sh\nexec {sys.executable} -c {shlex.quote(program)} "$@"\n'
    )
    (tmp_path / "invert").chmod(0o755)
    script = """
        PATH=$PWD:$PATH
        eval "$(_INVERT_COMPLETE=bash_source invert)"
        COMP_LINE="invert show run fc:"; COMP_POINT=${#COMP_LINE}
        COMP_WORDS=(invert show run fc : ""); COMP_CWORD=5; COMPREPLY=()
        _invert_completion invert
        echo "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "-c", script], cwd=run.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 1 2 3\n"
    assert done.stderr == ""
