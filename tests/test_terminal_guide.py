"""docs/terminal.md shows what the commands print, and names what exists."""

import re
from pathlib import Path

import pytest

from tests.command_line import assert_prints_what_is_shown, call, options_of_commands

PAGE = Path(__file__).parents[1] / "docs" / "terminal.md"
GUIDE = PAGE.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_command_runs_and_prints_what_is_shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call("demo")
    assert_prints_what_is_shown(GUIDE)


def test_every_option_that_is_mentioned_exists():
    known = set().union(*options_of_commands().values())
    mentioned = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", GUIDE))
    assert mentioned
    assert mentioned <= known


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_for_each_shell_prints_what_the_shell_reads(shell, monkeypatch):
    assert f"_INVERT_COMPLETE={shell}_source invert" in GUIDE
    monkeypatch.setenv("_INVERT_COMPLETE", f"{shell}_source")
    assert "_INVERT_COMPLETE" in call().stdout


def test_linked_files_exist():
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", GUIDE)
    assert targets
    for target in targets:
        assert (PAGE.parent / target).exists(), target
